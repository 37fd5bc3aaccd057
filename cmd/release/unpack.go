// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// runIndex unpacks the image for this machine's architecture and runs it with only its own files.
func runIndex(ctx context.Context, index v1.ImageIndex, root string) error {
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, m := range manifest.Manifests {
		if m.Platform.Architecture != runtime.GOARCH {
			continue
		}
		image, err := index.Image(m.Digest)
		if err != nil {
			return err
		}
		if err := unpack(image, root); err != nil {
			return err
		}
		for _, args := range [][]string{{"version"}, {"controller", "--help"}} {
			output, err := runIn(ctx, root, args...)
			if err != nil {
				return fmt.Errorf("run %v in the image: %w: %s", args, err, strings.TrimSpace(output))
			}
			first, _, _ := strings.Cut(output, "\n")
			fmt.Fprintf(os.Stderr, "release: in the image: apisix-certs %s: %s\n", strings.Join(args, " "), first)
		}
	}
	return nil
}

// unpack writes the files of an image to folder root.
func unpack(image v1.Image, root string) error {
	stream := mutate.Extract(image)
	defer stream.Close()
	reader := tar.NewReader(stream)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackOne(header, reader, filepath.Join(root, header.Name)); err != nil {
			return err
		}
	}
}

func unpackOne(header *tar.Header, data io.Reader, path string) error {
	if header.Typeflag == tar.TypeDir {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, header.FileInfo().Mode())
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(file, data); err != nil {
		return err
	}
	return file.Close()
}
