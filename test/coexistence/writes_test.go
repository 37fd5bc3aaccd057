// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"strings"

	"apisix-certs.io/apisix-certs/test/cluster"
)

func isOurs(c cluster.Call) bool { return strings.HasPrefix(c.UserAgent, "apisix-certs") }

func writesTLS(c cluster.Call) bool {
	return c.Writes() && (strings.Contains(c.Path, "/ssls") || strings.Contains(c.Path, "/configs"))
}

// oursWrote and theirsWrote count writing requests for ssl objects.
func (w *world) oursWrote() int {
	return w.tap.Count(func(c cluster.Call) bool { return writesTLS(c) && isOurs(c) })
}

func (w *world) theirsWrote() int {
	return w.tap.Count(func(c cluster.Call) bool { return writesTLS(c) && !isOurs(c) })
}
