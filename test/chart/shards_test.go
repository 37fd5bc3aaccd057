// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
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
		release.Values["statusPolicy"] = map[string]any{"serviceAccounts": []any{
			"gateway/first-apisix-certs", "gateway/second-apisix-certs", "other/first-apisix-certs",
		}}
		release.Values["crds"] = map[string]any{"enabled": i == 0}
		rendered := render(t, release)
		for _, object := range rendered.Objects {
			key := object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
			if _, taken := owner[key]; taken {
				t.Errorf("%s is in releases %d and %d", key, owner[key], i)
			}
			owner[key] = i
		}
		guard := fmt.Sprint(rendered.Find(kindAdmission, release.Namespace+"-"+release.Name+"-apisix-certs-status"))
		for _, account := range []string{"gateway:first-apisix-certs", "gateway:second-apisix-certs", "other:first-apisix-certs"} {
			if strings.Count(guard, "'system:serviceaccount:"+account+"'") != 1 {
				t.Errorf("release %d does not let %s write status: %s", i, account, guard)
			}
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
