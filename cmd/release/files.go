// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// File is a file in a layer of an image or in an archive.
type File struct {
	// Name is a path with slashes, without a leading slash.
	Name string
	// Mode are the permissions.
	Mode int64
	Data []byte
}

// writeTar writes files and their folders, sorted, owned by root and with modification time at.
func writeTar(out io.Writer, files []File, at time.Time) error {
	w := tar.NewWriter(out)
	seen := map[string]bool{".": true}
	var folders func(string) error
	folders = func(name string) error {
		if seen[name] {
			return nil
		}
		seen[name] = true
		if err := folders(path.Dir(name)); err != nil {
			return err
		}
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: at, Format: tar.FormatPAX})
	}
	for _, file := range sorted(files) {
		if err := folders(path.Dir(file.Name)); err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: file.Name, Mode: file.Mode, Size: int64(len(file.Data)), ModTime: at, Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(file.Data); err != nil {
			return err
		}
	}
	return w.Close()
}

func sorted(files []File) []File {
	return slices.SortedFunc(slices.Values(files), func(a, b File) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		}
		return 0
	})
}

// readFolder reads all files below folder.
func readFolder(folder string) ([]File, error) {
	var files []File
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(folder, name))
		files = append(files, File{name, 0o644, data})
		return err
	})
	return files, err
}
