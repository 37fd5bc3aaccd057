// SPDX-License-Identifier: Apache-2.0

package kubecache

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Of the first list nothing is told, later what has changed, and what a watch that was cut has missed.
func TestSecretNames(t *testing.T) {
	n := &secretNames{versions: map[string]string{}, filled: make(chan struct{})}
	var told []string
	n.listeners = append(n.listeners, func(s *metav1.PartialObjectMetadata) { told = append(told, s.Namespace+"/"+s.Name) })
	secret := func(name, version string) *metav1.PartialObjectMetadata {
		s := &metav1.PartialObjectMetadata{}
		s.Namespace, s.Name, s.ResourceVersion = "ns", name, version
		return s
	}
	for _, row := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"first list", func() error { return n.Replace([]any{secret("a", "1"), secret("b", "1"), secret("c", "1")}, "1") }, nil},
		{"new", func() error { return n.Add(secret("d", "2")) }, []string{"ns/d"}},
		{"changed", func() error { return n.Update(secret("a", "3")) }, []string{"ns/a"}},
		{"gone", func() error { return n.Delete(secret("b", "4")) }, []string{"ns/b"}},
		{"list anew", func() error { return n.Replace([]any{secret("a", "3"), secret("c", "5"), secret("e", "6")}, "6") }, []string{"ns/c", "ns/d", "ns/e"}},
		{"list anew, the same", func() error { return n.Replace([]any{secret("a", "3"), secret("c", "5"), secret("e", "6")}, "6") }, nil},
	} {
		told = nil
		if err := row.do(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(told)
		if diff := cmp.Diff(row.want, told); diff != "" {
			t.Errorf("%s: told (-want +got)\n%s", row.name, diff)
		}
	}
	secrets := &Secrets{names: []*secretNames{n}}
	for name, want := range map[string]bool{"a": false, "d": true, "never": true} {
		if got := secrets.None(types.NamespacedName{Namespace: "ns", Name: name}); got != want {
			t.Errorf("%s: none there is %v", name, got)
		}
	}
	if err := (&secretSource{names: []*secretNames{n}}).WaitForSync(context.Background()); err != nil {
		t.Error(err)
	}
}

// Of a namespace that is not followed, and before the first list, it is not known whether there is a Secret.
func TestNoSecretWhereNotKnown(t *testing.T) {
	followed := &secretNames{namespace: "ns", versions: map[string]string{}, filled: make(chan struct{})}
	secrets := &Secrets{names: []*secretNames{followed}}
	for _, namespace := range []string{"ns", "other"} {
		if secrets.None(types.NamespacedName{Namespace: namespace, Name: "a"}) {
			t.Errorf("%s: none there, before the first list", namespace)
		}
	}
	if err := followed.Replace(nil, "1"); err != nil {
		t.Fatal(err)
	}
	for namespace, want := range map[string]bool{"ns": true, "other": false} {
		if got := secrets.None(types.NamespacedName{Namespace: namespace, Name: "a"}); got != want {
			t.Errorf("%s: none there is %v", namespace, got)
		}
	}
}
