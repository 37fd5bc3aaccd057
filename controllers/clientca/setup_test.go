// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// TestChanged: the Secrets are filled before certificates hear of another CA, and the queue is told of them, which alone knows when to
// drop the old one.
func TestChanged(t *testing.T) {
	s := newScene(t, newTLS())
	key := issuer.Key{Kind: "VaultIssuer", Namespace: "ns", Name: "vault"}
	c := &Controller{reconciler: s.reconciler, filled: make(chan event.GenericEvent, 1)}
	told := make(chan bool, 1)
	var none *Controller
	none.Changed(t.Context(), key, func() { told <- true })
	<-told
	c.Changed(t.Context(), key, func() { told <- true })
	<-told
	s.run() // which notes that the Secret depends on the issuer
	s.rotate(certstest.NewCA(t, "old", hours(5000)))
	c.Changed(t.Context(), key, func() {
		s.holds("old")
		told <- true
	})
	for range 2 {
		select {
		case <-told:
		case e := <-c.filled:
			if client.ObjectKeyFromObject(e.Object) != place {
				t.Errorf("the queue is told of %s", e.Object.GetName())
			}
		case <-time.After(5 * time.Second):
			t.Fatal("nothing is heard")
		}
	}
}
