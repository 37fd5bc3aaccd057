// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
)

func TestSessions(t *testing.T) {
	secret := newSecret("ns", "token", "T")
	for _, c := range []struct {
		name             string
		change           func(*testing.T, *Sessions, *v1alpha1.VaultIssuer)
		byGet, byRefresh bool // the same session afterwards
	}{
		{"nothing", func(*testing.T, *Sessions, *v1alpha1.VaultIssuer) {}, true, true},
		{"status", func(_ *testing.T, _ *Sessions, i *v1alpha1.VaultIssuer) { i.ResourceVersion = "9" }, true, true},
		{"generation", func(_ *testing.T, _ *Sessions, i *v1alpha1.VaultIssuer) { i.Generation++ }, false, false},
		{"made anew", func(_ *testing.T, _ *Sessions, i *v1alpha1.VaultIssuer) { i.UID = "other" }, false, false},
		{"Secret", func(t *testing.T, s *Sessions, _ *v1alpha1.VaultIssuer) {
			changed := newSecret("ns", "token", "new")
			if err := s.Client.Update(t.Context(), changed); err != nil {
				t.Fatal(err)
			}
		}, true, false}, // Refresh, which the change of a Secret triggers, picks it up
		{"forgotten", func(_ *testing.T, s *Sessions, i *v1alpha1.VaultIssuer) { s.Forget(KeyOf(i)) }, false, false},
	} {
		for name, open := range map[string]func(*Sessions, *v1alpha1.VaultIssuer) (*vault.Session, error){
			"get":     func(s *Sessions, i *v1alpha1.VaultIssuer) (*vault.Session, error) { return s.Get(t.Context(), i) },
			"refresh": func(s *Sessions, i *v1alpha1.VaultIssuer) (*vault.Session, error) { return s.Refresh(t.Context(), i) },
		} {
			t.Run(c.name+", "+name, func(t *testing.T) {
				s, issuer := newSessions(t, secret.DeepCopy()), newIssuer(byToken)
				first, err := s.Get(t.Context(), issuer)
				if err != nil {
					t.Fatal(err)
				}
				c.change(t, s, issuer)
				second, err := open(s, issuer)
				if err != nil {
					t.Fatal(err)
				}
				if want := map[string]bool{"get": c.byGet, "refresh": c.byRefresh}[name]; (first == second) != want {
					t.Errorf("kept: %v, want %v", first == second, want)
				}
			})
		}
	}
}

// A Secret that cannot be read for a moment ends no session that works.
func TestSessionOutlivesMissingCredentials(t *testing.T) {
	secret := newSecret("ns", "token", "T")
	s, issuer := newSessions(t, secret), newIssuer(byToken)
	first, err := s.Get(t.Context(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Client.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	var missing *CredentialsError
	if _, err := s.Refresh(t.Context(), issuer); !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
	if again, err := s.Get(t.Context(), issuer); err != nil || again != first {
		t.Errorf("the session is gone: %v", err)
	}
}

func TestSessionsAreOpenedOnce(t *testing.T) {
	s, issuer := newSessions(t, newSecret("ns", "token", "T")), newIssuer(byToken)
	var seen sync.Map
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			session, err := s.Get(t.Context(), issuer)
			if err != nil {
				t.Error(err)
			}
			seen.Store(session, true)
		})
	}
	all.Wait()
	n := 0
	seen.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("%d sessions", n)
	}
}

// TestReconcile: one write and one event for a change, none for the next look; the session goes with the issuer.
func TestReconcile(t *testing.T) {
	issuer := newIssuer(byToken)
	s := newSessions(t, issuer)
	recorder := events.NewFakeRecorder(10)
	r := &reconciler{s.Client, recorder, s, v1alpha1.KindVaultIssuer, func() object { return &v1alpha1.VaultIssuer{} }}
	request := ctrl.Request{NamespacedName: client.ObjectKeyFromObject(issuer)}
	for range 2 {
		if result, err := r.Reconcile(t.Context(), request); err != nil || result.RequeueAfter != Recheck {
			t.Fatal(result, err)
		}
	}
	if len(recorder.Events) != 1 {
		t.Fatalf("%d events", len(recorder.Events))
	}
	if got := <-recorder.Events; !strings.HasPrefix(got, "Warning InvalidCredentials spec.auth.tokenSecretRef: Secret creds does not exist") {
		t.Error(got)
	}
	if err := s.Client.Get(t.Context(), request.NamespacedName, issuer); err != nil {
		t.Fatal(err)
	}
	if ready := meta.FindStatusCondition(issuer.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != metav1.ConditionFalse || issuer.Status.ObservedGeneration != 1 {
		t.Errorf("%+v", issuer.Status)
	}
	if err := s.Client.Delete(t.Context(), issuer); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reconcile(t.Context(), request); err != nil || len(s.byKey) != 0 {
		t.Errorf("%d sessions are kept: %v", len(s.byKey), err)
	}
}
