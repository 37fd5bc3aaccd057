// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"slices"
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestLeastReach: with --watch-namespaces the controller asks for no Secret of another namespace, so that Roles in its own
// are enough.
func TestLeastReach(t *testing.T) {
	t.Parallel()
	o := newIdleOutpost(t)
	tap, err := o.NewKubeTap()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tap.Close)
	o.KubeTap = tap
	s := o.scene(t)
	s.attack(func(s *scene) {
		s.must(o.tryStart("--push-mode", "own", "--watch-namespaces", s.victim.ns))
		s.controller = o.controller
		s.makes(s.evil, s.evil.cert("grab", "shop."+s.evil.domain))
		s.possess(s.victim, "web", "web."+s.victim.domain)
		wide := tap.Calls(func(c cluster.Call) bool {
			return c.Path == "/api/v1/secrets" || strings.HasSuffix(c.Path, "/apisixcertificates") && !strings.Contains(c.Path, "/namespaces/") ||
				strings.Contains(c.Path, "/namespaces/"+s.evil.ns+"/")
		})
		if len(wide) > 0 {
			paths := make([]string, len(wide))
			for i, call := range wide {
				paths[i] = call.Method + " " + call.Path
			}
			s.Errorf("the controller asked beyond its namespace: %q", slices.Compact(slices.Sorted(slices.Values(paths))))
		}
		s.hasNone(s.evil, "shop."+s.evil.domain)
	})
	s.honest(func(s *scene) {
		if o.controller == nil {
			o.start("--push-mode", "own")
		}
		s.possess(s.victim, "honest", "honest."+s.victim.domain)
	})
}
