// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// check builds the image from the checkout and from a copy in another folder. It fails if the digests differ or if the image
// does not run.
func check(ctx context.Context, o options) error {
	source, err := readSource(ctx, o.root)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "apisix-certs-copy-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	duplicate := source
	duplicate.Root = filepath.Join(folder, "elsewhere")
	if err := source.copyTo(ctx, duplicate.Root); err != nil {
		return err
	}
	var digests []v1.Hash
	for _, s := range []Source{source, duplicate} {
		index, err := s.index(ctx, o.platforms, filepath.Join(folder, "out"))
		if err != nil {
			return err
		}
		digest, err := index.Digest()
		if err != nil {
			return err
		}
		if digests = append(digests, digest); len(digests) == 1 {
			if err := runIndex(ctx, index, filepath.Join(folder, "root")); err != nil {
				return err
			}
		}
	}
	if digests[0] != digests[1] {
		return fmt.Errorf("the image of a copy of the checkout has another digest: %s and %s", digests[0], digests[1])
	}
	fmt.Printf("image: reproducible, and runs as user %s: %s\n", user, digests[0])
	return nil
}

// copyTo copies the tracked files, with their uncommitted changes.
func (s Source) copyTo(ctx context.Context, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "sh", "-c", `git ls-files -z | tar --null --ignore-failed-read -T - -cf - | tar -C "$0" -xf -`, folder)
	command.Dir = s.Root
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("copy the checkout: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}
