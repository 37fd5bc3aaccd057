// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/test/servers"
)

// watched is a Watches on a real API server, and what it tells.
type watched struct {
	*testing.T
	*Watches
	told chan string
}

func newWatched(t *testing.T, config *rest.Config) *watched {
	w := &watched{T: t, told: make(chan string, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	w.Watches = &Watches{
		Context: ctx, Changed: func(owner string) { w.told <- owner },
		NewCache: func(o cache.Options) (cache.Cache, error) { return cache.New(config, o) },
	}
	return w
}

// want waits for owner to be told, and checks that nobody else is.
func (w *watched) want(what, owner string) {
	w.Helper()
	select {
	case got := <-w.told:
		if got != owner {
			w.Errorf("%s: %q is told, want %q", what, got, owner)
		}
	case <-time.After(10 * time.Second):
		w.Errorf("%s: nobody is told", what)
	}
}

// silent checks that nobody is told.
func (w *watched) silent(what string) {
	w.Helper()
	select {
	case got := <-w.told:
		w.Errorf("%s: %q is told", what, got)
	case <-time.After(300 * time.Millisecond):
	}
}

// A watch tells the owners of its object of each change, and of no other object's; it ends with its last owner; and
// without the right to watch there is an error and no endless waiting.
func TestWatches(t *testing.T) {
	servers.Need(t)
	kube, err := servers.StartKube(t.Context(), servers.KubeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kube.Stop() })
	admin, err := client.New(kube.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWatched(t, kube.Config)
	write := func(name, key string) {
		t.Helper()
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, StringData: map[string]string{"key": key}}
		err := admin.Create(t.Context(), secret)
		if err != nil {
			err = admin.Update(t.Context(), secret)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	write("mine", "1")
	mine := Followed{Kind: kindSecret, Namespace: "default", Name: "mine"}
	reader, err := w.Follow(t.Context(), "a", mine)
	if err != nil {
		t.Fatal(err)
	}
	w.silent("the first list")
	write("other", "1")
	w.silent("another Secret")
	write("mine", "2")
	w.want("a change", "a")
	secret := &corev1.Secret{}
	if err := reader.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "mine"}, secret); err != nil || string(secret.Data["key"]) != "2" {
		t.Errorf("when its owner was told, the reader had not seen it: %v", err)
	}
	w.Prune("b", nil)
	write("mine", "3")
	w.want("kept by another", "a")
	w.Prune("a", []Followed{mine})
	write("mine", "4")
	w.want("kept", "a")
	w.Prune("a", nil)
	write("mine", "5")
	w.silent("not needed any more")
	testForbidden(t, kube)
}

func testForbidden(t *testing.T, kube *servers.Kube) {
	t.Helper()
	user := rest.CopyConfig(kube.Config)
	user.Impersonate.UserName = "nobody"
	w := newWatched(t, user)
	began := time.Now()
	what := Followed{Kind: kindService, Namespace: "default", Name: "kubernetes"}
	if _, err := w.Follow(t.Context(), "a", what); err == nil {
		t.Error("there is no error without the right to watch")
	}
	if _, err := w.Follow(t.Context(), "a", what); err == nil || time.Since(began) > 2*firstSync {
		t.Errorf("the second look took %s: %v", time.Since(began), err)
	}
}
