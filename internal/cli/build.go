// SPDX-License-Identifier: Apache-2.0

package cli

import "runtime/debug"

// version is the release's, of Main.
var version string

// buildVersion is the release's version, else what the Go toolchain recorded.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// problemsError ends a command that did its work and found something wrong. An empty one adds no line: the output tells.
type problemsError struct{ text string }

func (e *problemsError) Error() string { return e.text }
