// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"fmt"
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// right is one verb on one resource that a role of the chart gives.
type right struct {
	role                  string // ClusterRole or Role
	group, resource, verb string
}

func (r right) String() string {
	return fmt.Sprintf("%s %s %q %s", r.role, r.verb, r.group, r.resource)
}

// denied is what the API server says to whom lacks the right.
func (r right) denied() string {
	return fmt.Sprintf(`cannot %s resource "%s" in API group "%s"`, r.verb, r.resource, r.group)
}

// roles are the rules of the chart's roles, by kind.
type roles map[string][]rbacv1.PolicyRule

func renderedRoles(t *testing.T, r *Rendered) roles {
	t.Helper()
	all := roles{}
	for _, kind := range []string{"ClusterRole", "Role"} {
		object := r.Find(kind, Name)
		if object == nil {
			t.Fatalf("the chart has no %s", kind)
		}
		var role rbacv1.Role
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
			t.Fatal(err)
		}
		all[kind] = role.Rules
	}
	return all
}

// rights are all that the roles give, one by one.
func (r roles) rights() []right {
	var all []right
	for _, role := range []string{"ClusterRole", "Role"} {
		for _, rule := range r[role] {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					for _, verb := range rule.Verbs {
						all = append(all, right{role, group, resource, verb})
					}
				}
			}
		}
	}
	return all
}

// without leaves one right out; the zero right leaves nothing out.
func (r roles) without(out right) roles {
	left := roles{}
	for role, rules := range r {
		for _, rule := range rules {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					one := *rule.DeepCopy()
					one.APIGroups, one.Resources = []string{group}, []string{resource}
					one.Verbs = slices.DeleteFunc(one.Verbs, func(verb string) bool { return out == right{role, group, resource, verb} })
					if len(one.Verbs) > 0 {
						left[role] = append(left[role], one)
					}
				}
			}
		}
	}
	return left
}

// grant puts the rules into the roles of the cluster.
func (w *world) grant(rules roles) {
	w.Helper()
	for kind, list := range rules {
		object := &unstructured.Unstructured{}
		object.SetAPIVersion(rbacv1.SchemeGroupVersion.String())
		object.SetKind(kind)
		object.SetName(Name)
		if kind == "Role" {
			object.SetNamespace(Name)
		}
		w.must(w.Client.Get(w.Context(), client.ObjectKeyFromObject(object), object))
		var plain []any
		for _, rule := range list {
			one, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&rule)
			w.must(err)
			plain = append(plain, one)
		}
		object.Object["rules"] = plain
		w.must(w.Client.Update(w.Context(), object))
	}
}

func TestRightsAreTakenOneByOne(t *testing.T) {
	r := roles{"Role": {{APIGroups: []string{"a"}, Resources: []string{"x", "y"}, Verbs: []string{"get", "list"}}}}
	all := r.rights()
	if len(all) != 4 {
		t.Fatalf("%d rights: %v", len(all), all)
	}
	for _, out := range all {
		left := r.without(out).rights()
		if len(left) != 3 || slices.Contains(left, out) {
			t.Errorf("without %s: %v", out, left)
		}
	}
}
