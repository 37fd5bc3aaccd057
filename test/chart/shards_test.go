// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"slices"
	"strings"
	"testing"
)

// Several releases share a cluster, in one namespace or in several: none has an object of another, and each a lease of its
// own. The CRDs come with one of them.
func TestReleasesSideBySide(t *testing.T) {
	releases := []Release{
		{Name: "first", Namespace: "gateway"}, {Name: "second", Namespace: "gateway"}, {Name: "first", Namespace: "other"},
	}
	owner, leases := map[string]int{}, map[string]int{}
	for i, release := range releases {
		release.Values = values(t, good)
		release.Values["namespaceSelector"] = "shard=" + release.Name
		release.Values["crds"] = map[string]any{"enabled": i == 0}
		rendered := render(t, release)
		for _, object := range rendered.Objects {
			key := object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
			if _, taken := owner[key]; taken {
				t.Errorf("%s is in releases %d and %d", key, owner[key], i)
			}
			owner[key] = i
		}
		args := argsOf(t, rendered)
		if !slices.Contains(args, "--namespace-selector=shard="+release.Name) {
			t.Errorf("release %d: arguments %q", i, args)
		}
		at := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--lease-name=") })
		if at < 0 {
			t.Fatalf("release %d has no --lease-name: %q", i, args)
		}
		lease := release.Namespace + "/" + args[at]
		if _, taken := leases[lease]; taken {
			t.Errorf("releases %d and %d share lease %s", leases[lease], i, lease)
		}
		leases[lease] = i
	}
}
