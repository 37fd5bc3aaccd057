// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestFaults18 shows the known faults of the real 1.8.4 and that they are healed.
func TestFaults18(t *testing.T) {
	w := newWorld(t, modeAdopt18)
	for name, play := range map[string]func(*managed){
		"two_replicas": twoReplicas, "deleted_by_hand": deletedByHand, "secret_first": secretFirst,
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			defer func() { w.t = t }()
			m := w.managed("ApisixTls", "fault-"+strings.ReplaceAll(name, "_", "-"))
			m.create()
			m.wantServed(30 * time.Second)
			play(m)
			if name != "secret_first" { // which ends with a deletion
				m.delete()
				m.wantGone(30 * time.Second)
			}
		})
	}
	w.t = t
}

// twoReplicas: both of two replicas write, and neither they nor we end on an older certificate or go on writing.
func twoReplicas(m *managed) {
	stop := m.start18("two")
	defer stop()
	for range 3 {
		m.renew()
		m.wantServed(20 * time.Second)
	}
	m.quiet()
	m.wantNewest([]*managed{m})
}

// deletedByHand: 1.8 does not make an ssl object again that somebody deleted. We put it back.
func deletedByHand(m *managed) {
	theirs := m.theirsWrote()
	id := m.leaked()
	if err := m.admin.DeleteSSL(m.t.Context(), id); err != nil {
		m.t.Fatal(err)
	}
	m.serial = ""
	m.wantServed(40 * time.Second)
	if now := m.leaked(); now != id {
		m.t.Errorf("the ssl object has id %q now, it had %q", now, id)
	}
	if n := m.theirsWrote() - theirs; n > 0 {
		m.t.Errorf("the ingress controller made %d writes: this was to show that it makes none", n)
	}
}

// secretFirst: with the Secret deleted before the ApisixTls, 1.8 leaves its ssl object for ever. We delete it.
func secretFirst(m *managed) {
	m.stopOurs()
	secret := &corev1.Secret{}
	secret.Name, secret.Namespace = m.secret, namespace
	if err := m.Client.Delete(m.t.Context(), secret); err != nil {
		m.t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond) // the ingress controller sees one after the other
	m.delete()
	m.quiet()
	if m.leaked() == "" {
		m.t.Fatal("the ingress controller deleted its ssl object: this was to show that it does not")
	}
	m.startOurs()
	m.wantGone(30 * time.Second)
}

// TestFaults18DroppedUpdate: 1.8 compares resource versions as text, and so drops a change of a Secret when they gain a
// digit. Our PATCH is served nevertheless.
func TestFaults18DroppedUpdate(t *testing.T) {
	if !long() {
		t.Skip("takes 9,000 writes to the API server: set APISIX_CERTS_MEASURES=long; TestAdoptStopped has a controller that misses changes")
	}
	w := newWorld(t, modeAdopt18)
	m := w.managed("ApisixTls", "dropped")
	m.create()
	m.wantServed(30 * time.Second)
	w.gainDigit(m.version())
	theirs, patches := w.theirsWrote(), w.patches()
	m.renew()
	m.wantServed(30 * time.Second)
	w.quiet()
	m.wantNewest([]*managed{m})
	if n := w.theirsWrote() - theirs; n > 0 {
		t.Errorf("the ingress controller made %d writes: this was to show that it makes none", n)
	}
	if n := w.patches() - patches; n != 1 {
		t.Errorf("we made %d patches, want 1", n)
	}
	m.delete()
	m.wantGone(30 * time.Second)
}

func (w *world) patches() int {
	return w.tap.Count(func(c cluster.Call) bool { return isOurs(c) && c.Method == http.MethodPatch })
}

// version is the resource version of the Secret.
func (m *managed) version() int {
	m.t.Helper()
	secret := &corev1.Secret{}
	if err := m.Client.Get(m.t.Context(), client.ObjectKey{Namespace: namespace, Name: m.secret}, secret); err != nil {
		m.t.Fatal(err)
	}
	version, err := strconv.Atoi(secret.ResourceVersion)
	if err != nil {
		m.t.Fatal(err)
	}
	return version
}

// gainDigit writes until the API server's versions have a digit more than version.
func (w *world) gainDigit(version int) {
	w.t.Helper()
	next := 1
	for next <= version {
		next *= 10
	}
	var reached atomic.Bool
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := 0; !reached.Load(); n++ {
				reached.Store(w.bump("bump-"+strconv.Itoa(i), n) >= next)
			}
		})
	}
	group.Wait()
}

func (w *world) bump(name string, n int) int {
	object := &corev1.ConfigMap{Data: map[string]string{"n": strconv.Itoa(n)}}
	object.Name, object.Namespace = name, namespace
	err := w.Client.Update(context.Background(), object)
	if apierrors.IsNotFound(err) {
		err = w.Client.Create(context.Background(), object)
	}
	version, conversion := strconv.Atoi(object.ResourceVersion)
	if err != nil || conversion != nil {
		w.t.Error("cannot write a ConfigMap:", err)
		return 1 << 60
	}
	return version
}
