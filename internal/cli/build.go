// SPDX-License-Identifier: Apache-2.0

package cli

import "runtime/debug"

// version is the version of the release, set by Main.
var version string

// buildVersion returns the version of the release, or the one that the Go toolchain recorded.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// problemsError is returned by a command that succeeded and found problems. An empty text prints nothing.
type problemsError struct{ text string }

func (e *problemsError) Error() string { return e.text }
