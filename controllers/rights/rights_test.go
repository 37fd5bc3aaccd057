// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

func TestNeeded(t *testing.T) {
	needed, err := Needed("ours")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Right{
		{Resource: "secrets", Verbs: []string{"get", "list", "watch", "create", "update", "delete"}},
		{Resource: "namespaces", Name: "kube-system", Verbs: []string{"get"}},
		{Group: "coordination.k8s.io", Resource: "leases", Namespace: "ours", Verbs: []string{"get", "create", "update"}},
	} {
		if !slices.ContainsFunc(needed, func(r Right) bool { return cmp.Equal(r, want) }) {
			t.Errorf("%+v is missing", want)
		}
	}
}

// mapper knows Secrets, of namespaces, and Namespaces, of none.
func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	m.Add(schema.GroupVersionKind{Version: "v1", Kind: "Secret"}, meta.RESTScopeNamespace)
	m.Add(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}, meta.RESTScopeRoot)
	return m
}

func TestInstalled(t *testing.T) {
	secrets, status := Right{Resource: "secrets", Verbs: []string{"get"}}, Right{Resource: "secrets/status", Verbs: []string{"patch"}}
	home, all := Right{Resource: "secrets", Namespace: "ours", Verbs: []string{"get"}}, Right{Resource: "namespaces", Verbs: []string{"list"}}
	namespaced, others, err := Installed([]Right{secrets, home, {Group: "none", Resource: "things"}, all, status}, mapper())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Right{secrets, status}, namespaced); diff != "" {
		t.Errorf("of namespaces (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]Right{home, all}, others); diff != "" {
		t.Errorf("others (-want +got)\n%s", diff)
	}
}

func TestReading(t *testing.T) {
	all := []Right{{Resource: "a", Verbs: []string{"get", "list", "watch", "create"}}, {Resource: "b", Verbs: []string{"patch"}}}
	want := []Right{{Resource: "a", Verbs: []string{"list", "watch"}}}
	if diff := cmp.Diff(want, Reading(all)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(all[0].Verbs) != 4 || all[0].Verbs[0] != "get" {
		t.Errorf("what was given is changed: %v", all[0])
	}
}

func TestLacking(t *testing.T) {
	failure := error(nil)
	may := func(_ context.Context, r Right, verb string) (bool, error) {
		return r.Namespace == "shop" || verb == "list", failure
	}
	given := []Right{{Resource: "a", Verbs: []string{"list", "watch"}}, {Resource: "b", Verbs: []string{"list"}}, {Resource: "c", Verbs: []string{"get"}}}
	lacking, err := Lacking(t.Context(), may, given)
	want := []Right{{Resource: "a", Verbs: []string{"watch"}}, {Resource: "c", Verbs: []string{"get"}}}
	if diff := cmp.Diff(want, lacking); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if lacking, err := Lacking(t.Context(), may, In("shop", given)); len(lacking) > 0 || err != nil {
		t.Errorf("in shop: %v, %v", lacking, err)
	}
	failure = errors.New("no answer")
	if _, err := Lacking(t.Context(), may, given); !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
}

// In namespaces that are not watched there is only what the gateway, its key, issuers and events of the cluster need.
func TestReach(t *testing.T) {
	secrets, services := Right{Resource: "secrets", Verbs: []string{"get", "list"}}, Right{Resource: "services", Verbs: []string{"list"}}
	given := []Right{secrets, services}
	in := func(namespace string, r Right) Right { return In(namespace, []Right{r})[0] }
	events := Right{Group: "events.k8s.io", Resource: "events", Namespace: "default", Verbs: []string{"create", "patch"}}
	for _, row := range []struct {
		name  string
		reach Reach
		want  []Right
	}{
		{"one namespace", Reach{Watched: []string{"shop"}, Credentials: []string{"ours"}},
			[]Right{in("shop", secrets), in("shop", services), {Resource: "secrets", Namespace: "ours", Verbs: []string{"get"}}, events}},
		{"a gateway elsewhere", Reach{Watched: []string{"shop"}, Gateways: []string{"apisix"}, AdminKey: types.NamespacedName{Namespace: "apisix", Name: "key"}, Credentials: []string{"shop"}},
			[]Right{in("shop", secrets), in("shop", services), in("apisix", services),
				{Resource: "secrets", Name: "key", Namespace: "apisix", Verbs: []string{"get", "list", "watch"}}, events}},
		{"all in watched ones", Reach{Watched: []string{"shop", "default"}, Gateways: []string{"shop"}, AdminKey: types.NamespacedName{Namespace: "shop", Name: "key"}, Credentials: []string{"shop"}},
			[]Right{in("shop", secrets), in("shop", services), in("default", secrets), in("default", services)}},
	} {
		if diff := cmp.Diff(row.want, row.reach.Rights(given)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", row.name, diff)
		}
	}
}
