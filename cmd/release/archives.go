// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// plugin is the name under which kubectl finds the command.
const plugin = "kubectl-apisix_certs"

// completer is the name under which kubectl finds the completion of the plugin.
const completer = "kubectl_complete-apisix_certs"

// completerScript calls the completion of the plugin.
const completerScript = "#!/bin/sh\nexec " + plugin + " __complete \"$@\"\n"

// archives writes an archive of kubectl's plugin for each platform, an archive of the controller for each Linux platform,
// SHA256SUMS, and the krew manifest.
func archives(ctx context.Context, o options) error {
	source, err := readSource(ctx, o.root)
	if err != nil {
		return err
	}
	var sums strings.Builder
	var plugins []krewPlatform
	for _, p := range o.platforms {
		files, err := source.program(ctx, p, o.out)
		if err != nil {
			return err
		}
		names := []string{plugin}
		if p.OS == "linux" {
			names = []string{binary, plugin}
		}
		for _, name := range names {
			packed, file, err := source.pack(p, name, files)
			if err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(o.out, file), packed, 0o644); err != nil {
				return err
			}
			digest := fmt.Sprintf("%x", sha256.Sum256(packed))
			fmt.Fprintf(&sums, "%s  %s\n", digest, file)
			if name == plugin {
				plugins = append(plugins, krew(p, strings.TrimSuffix(o.url, "/")+"/v"+source.Version+"/"+file, digest))
			}
		}
	}
	if err := source.writeKrew(plugins, filepath.Join(o.out, "krew.yaml")); err != nil {
		return err
	}
	fmt.Print(sums.String())
	return os.WriteFile(filepath.Join(o.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// pack returns the archive of a platform and its file name. name is the name of the program in it.
func (s Source) pack(p Platform, name string, files []File) (data []byte, file string, err error) {
	var packed []File
	for _, one := range files {
		if one.Name == binary {
			one.Name = name + p.extension()
		}
		one.Name = path.Base(one.Name)
		packed = append(packed, one)
	}
	if name == plugin && p.OS != "windows" {
		packed = append(packed, File{completer, 0o755, []byte(completerScript)})
	}
	file = fmt.Sprintf("%s_%s_%s_%s", name, s.Version, p.OS, p.Arch)
	var b bytes.Buffer
	if p.OS == "windows" {
		err = writeZip(&b, packed, s.Time)
		return b.Bytes(), file + ".zip", err
	}
	w := gzip.NewWriter(&b)
	if err = writeTar(w, packed, s.Time); err == nil {
		err = w.Close()
	}
	return b.Bytes(), file + ".tar.gz", err
}

// extension returns the file extension of programs.
func (p Platform) extension() string {
	if p.OS == "windows" {
		return ".exe"
	}
	return ""
}

func writeZip(out *bytes.Buffer, files []File, at time.Time) error {
	w := zip.NewWriter(out)
	for _, file := range sorted(files) {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: file.Name, Method: zip.Deflate, Modified: at})
		if err != nil {
			return err
		}
		if _, err := entry.Write(file.Data); err != nil {
			return err
		}
	}
	return w.Close()
}
