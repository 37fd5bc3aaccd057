// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Source is the checkout to build, with its version and commit from Git.
type Source struct {
	// Root is the folder of the checkout.
	Root string
	// Version has no leading v. It is the output of git describe, or 0.0.0-COUNT-gCOMMIT if there are no tags.
	Version string
	// Commit is the full hash, with "-dirty" if tracked files differ from it.
	Commit string
	// Time is the time of the commit in UTC, or the environment variable SOURCE_DATE_EPOCH if it is set.
	Time time.Time
}

// readSource reads version, commit and time from Git.
func readSource(ctx context.Context, root string) (Source, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return Source{}, err
	}
	s := Source{Root: root}
	if s.Commit, err = git(ctx, root, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"); err != nil {
		return s, err
	}
	seconds, err := git(ctx, root, "log", "-1", "--format=%ct")
	if err != nil {
		return s, err
	}
	if given := os.Getenv("SOURCE_DATE_EPOCH"); given != "" {
		seconds = given
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return s, fmt.Errorf("invalid SOURCE_DATE_EPOCH %q: must be a number of seconds", seconds)
	}
	s.Time = time.Unix(unix, 0).UTC()
	s.Version, err = describe(ctx, root)
	return s, err
}

func describe(ctx context.Context, root string) (string, error) {
	if tag, err := git(ctx, root, "describe", "--tags", "--match=v[0-9]*", "--dirty"); err == nil {
		return strings.TrimPrefix(tag, "v"), nil
	}
	count, err := git(ctx, root, "rev-list", "--count", "HEAD")
	if err != nil {
		return "", err
	}
	commit, err := git(ctx, root, "describe", "--always", "--dirty", "--exclude=*")
	return "0.0.0-" + count + "-g" + commit, err
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir = root
	var problem strings.Builder
	command.Stderr = &problem
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(problem.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// build builds a static binary of the command for a platform and writes it to file.
func (s Source) build(ctx context.Context, p Platform, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "release: build %s %s\n", p, s.Version)
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -X main.version="+s.Version, "-o", file, "./cmd/apisix-certs")
	command.Dir = s.Root
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", p, err, strings.TrimSpace(string(output)))
	}
	return nil
}
