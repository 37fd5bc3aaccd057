// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// licences returns the licence of this project, and the licences and notices of all modules in the binary.
func (s Source) licences(ctx context.Context, file string) ([]File, error) {
	own, err := os.ReadFile(filepath.Join(s.Root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return nil, err
	}
	folders, err := s.folders(ctx)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for _, module := range info.Deps {
		if err := addNotices(&text, module, folders[module.Path]); err != nil {
			return nil, err
		}
	}
	if err := s.addGo(ctx, &text, info.GoVersion); err != nil {
		return nil, err
	}
	return []File{{"licenses/LICENSE", 0o644, own}, {"licenses/THIRD-PARTY", 0o644, []byte(text.String())}}, nil
}

var notices = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-.].*)?$`)

// addNotices adds the licences and notices of a module. A module without any is an error, because it cannot be distributed.
func addNotices(text *strings.Builder, module *debug.Module, folder string) error {
	if folder == "" {
		return fmt.Errorf("module %s is not in the module cache", module.Path)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	found := false
	for _, entry := range entries {
		if entry.IsDir() || !notices.MatchString(entry.Name()) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			return err
		}
		found = true
		fmt.Fprintf(text, "==== %s %s: %s (source: go mod download %s@%s)\n\n%s\n\n", module.Path, module.Version, entry.Name(),
			module.Path, module.Version, strings.TrimSpace(string(data)))
	}
	if !found {
		return fmt.Errorf("module %s has no licence at its root", module.Path)
	}
	return nil
}

// folders returns the folders of the modules of the checkout, by module path.
func (s Source) folders(ctx context.Context) (map[string]string, error) {
	command := exec.CommandContext(ctx, "go", "list", "-m", "-json=Path,Dir", "all")
	command.Dir = s.Root
	command.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	folders := map[string]string{}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var module struct{ Path, Dir string }
		if err := decoder.Decode(&module); errors.Is(err, io.EOF) {
			return folders, nil
		} else if err != nil {
			return nil, err
		}
		folders[module.Path] = module.Dir
	}
}

// addGo adds the licence of the Go standard library.
func (s Source) addGo(ctx context.Context, text *strings.Builder, version string) error {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "LICENSE"))
	if err != nil {
		return err
	}
	fmt.Fprintf(text, "==== %s: LICENSE\n\n%s\n", version, strings.TrimSpace(string(data)))
	return nil
}
