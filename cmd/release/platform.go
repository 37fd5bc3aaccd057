// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Platform is an operating system and an architecture, with the names that both Go and OCI use.
type Platform struct{ OS, Arch string }

// String returns OS/ARCH.
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// dashed returns OS-ARCH, for file names.
func (p Platform) dashed() string { return p.OS + "-" + p.Arch }

// released are the platforms of the archives.
var released = []Platform{
	{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"},
}

// parsePlatforms parses OS/ARCH,... and returns the default of the step for an empty text.
func parsePlatforms(text, step string) ([]Platform, error) {
	if text == "" && step == "archives" {
		return released, nil
	}
	if text == "" {
		text = "linux/" + runtime.GOARCH
	}
	var platforms []Platform
	for _, one := range strings.Split(text, ",") {
		system, arch, _ := strings.Cut(strings.TrimSpace(one), "/")
		p := Platform{system, arch}
		switch {
		case !slices.Contains(released, p):
			return nil, fmt.Errorf("unknown platform %q: must be one of %v", one, released)
		case step != "archives" && p.OS != "linux":
			return nil, fmt.Errorf("platform %q has no image: only linux is supported", one)
		case slices.Contains(platforms, p):
			return nil, fmt.Errorf("platform %q is given twice", one)
		}
		platforms = append(platforms, p)
	}
	return platforms, nil
}
