// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// TestRotation: the old CA is there until its last certificate has expired, be the controller started again at any time.
func TestRotation(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		t.Run(map[bool]string{false: "one process", true: "started again each time"}[restarts], func(t *testing.T) {
			old, fresh := certstest.NewCA(t, "old", hours(5000)), certstest.NewCA(t, "new", hours(5000))
			s := newScene(t, newTLS(), leaf(t, "a", old, hours(10)), leaf(t, "b", old, hours(20)))
			step := func(writes ...string) time.Duration {
				s.Helper()
				if restarts {
					s.restart()
				}
				return s.run(writes...)
			}
			s.vault.known["VaultIssuer/vault"] = issuer.Observation{} // it was not looked at yet
			step()
			s.rotate(old)
			step("create clients")
			s.said("Normal ClientCAUpdated Secret clients contains the CAs of VaultIssuer/vault: old")
			s.holds("old")
			step()

			s.rotate(fresh)
			step("update clients")
			s.holds("new", "old")
			s.renew(leaf(t, "a", fresh, hours(90)))
			s.renew(leaf(t, "b", fresh, hours(90)))
			step()
			end := hours(20)
			if restarts { // what was issued unseen expires within the longest life that is known, here 21 hours
				end = hours(21)
			}
			s.clock.SetTime(end.Add(-time.Second))
			if next := step(); next > time.Second {
				t.Errorf("looks again in %s", next)
			}
			s.holds("new", "old")
			s.clock.SetTime(end)
			step("update clients")
			s.holds("new")
			step()
		})
	}
}

// TestRenewedBeforeTheRotationIsSeen: the last certificate of the old CA was replaced before the issuer was seen to have another.
func TestRenewedBeforeTheRotationIsSeen(t *testing.T) {
	old, fresh := certstest.NewCA(t, "old", hours(5000)), certstest.NewCA(t, "new", hours(5000))
	s := newScene(t, newTLS(), leaf(t, "a", old, hours(10)))
	s.rotate(old)
	s.run("create clients")
	s.writes = nil
	s.renew(leaf(t, "a", fresh, hours(90)))
	if !slices.Equal(s.writes, []string{"check VaultIssuer/vault"}) {
		t.Errorf("a certificate that no CA of the issuer signed: %q", s.writes)
	}
	s.rotate(fresh)
	s.run("update clients")
	s.holds("new", "old")
	s.clock.SetTime(hours(10))
	s.run("update clients")
	s.holds("new")
}

// TestForgedMarks: a Secret that says that a CA of somebody else is the issuer's changes nothing.
func TestForgedMarks(t *testing.T) {
	old, fresh, evil := certstest.NewCA(t, "old", hours(5000)), certstest.NewCA(t, "new", hours(5000)), certstest.NewCA(t, "old", hours(5000))
	forged := leaf(t, "forged", evil, hours(4000))
	forged.Data["ca.crt"] = certstest.PEM(evil.Cert)
	s := newScene(t, newTLS(), leaf(t, "a", old, hours(10)), forged)
	s.rotate(old)
	s.run("create clients")
	s.holds("old")
	s.rotate(fresh)
	s.run("update clients")
	s.clock.SetTime(hours(10))
	s.run("update clients")
	s.holds("new")
}

// TestRestartWritesNothing, and reads nothing past the cache.
func TestRestartWritesNothing(t *testing.T) {
	old, fresh := certstest.NewCA(t, "old", hours(5000)), certstest.NewCA(t, "new", hours(5000))
	s := newScene(t, newTLS(), leaf(t, "a", old, hours(10)))
	s.rotate(old)
	s.run("create clients")
	s.rotate(fresh)
	s.run("update clients")
	s.restart()
	s.live = 0
	s.run()
	if s.live > 0 {
		t.Errorf("%d reads past the cache", s.live)
	}
}

// TestSecretOfSomebodyElse is left alone, until it has gone.
func TestSecretOfSomebodyElse(t *testing.T) {
	theirs := &corev1.Secret{Data: map[string][]byte{"ca.crt": []byte("theirs")}}
	theirs.Namespace, theirs.Name = "ns", "clients"
	ofCertificate := leaf(t, "clients", certstest.NewCA(t, "x", hours(10)), hours(1))
	for name, secret := range map[string]*corev1.Secret{"by hand": theirs, "a certificate's": ofCertificate} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, newTLS(), secret.DeepCopy())
			s.rotate(certstest.NewCA(t, "old", hours(5000)))
			s.run()
			s.said("Warning SecretNotManaged spec.client.caSecret: Secret clients exists and is not managed as the client CAs of an issuer; use another Secret")
			if err := s.api.Delete(t.Context(), secret.DeepCopy()); err != nil {
				t.Fatal(err)
			}
			s.run("create clients")
			s.holds("old")
		})
	}
}

func TestObstacles(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*scene)
		edits   []tlsEdit
		want    string
	}{
		{"no such issuer", func(*scene) {}, nil, "Warning IssuerNotFound annotation apisix-certs.io/client-ca: VaultIssuer/vault does not exist in namespace ns: create it, or name another"},
		{"no such issuer of the cluster", func(*scene) {}, []tlsEdit{clientCA("ClusterVaultIssuer/x")}, "ClusterVaultIssuer/x does not exist: create it"},
		{"not ready", func(s *scene) {
			s.vault.known["VaultIssuer/vault"], s.vault.ready = issuer.Observation{}, metav1.ConditionFalse
		}, nil, "Warning IssuerNotReady annotation apisix-certs.io/client-ca: VaultIssuer/vault is not ready, see its conditions: Vault is sealed"},
		{"a CA that cannot be read", func(s *scene) { s.vault.known["VaultIssuer/vault"] = issuer.Observation{Ready: true} }, nil, "the CA of VaultIssuer/vault is unknown: allow its Vault policy to read"},
		{"not of type vault", func(s *scene) { s.vault.known["Issuer/x"], s.vault.typ = issuer.Observation{}, "ca" }, []tlsEdit{clientCA("Issuer/x")}, "Warning InvalidSource annotation apisix-certs.io/client-ca: Issuer/x is not of type vault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, newTLS(c.edits...))
			c.prepare(s)
			s.run()
			s.said(c.want)
		})
	}
}

// TestFaultsOfTLS: an ApisixTls that cannot have what it present for is told so, once.
func TestFaultsOfTLS(t *testing.T) {
	s := newScene(t, newTLS(func(tls *configv2.ApisixTls) { tls.Spec.Client = nil }))
	for range 2 {
		if _, err := s.Reconcile(t.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "ApisixTls/web"}}); err != nil {
			t.Fatal(err)
		}
	}
	s.said("Warning InvalidSource annotation apisix-certs.io/client-ca: spec.client.caSecret does not name a Secret")
	if len(s.writes) > 0 {
		t.Errorf("writes %q", s.writes)
	}
}

// TestEnd: the Secret goes with the last ApisixTls that refers to it, after a grace, and not before.
func TestEnd(t *testing.T) {
	tls := newTLS()
	s := newScene(t, tls)
	s.rotate(certstest.NewCA(t, "old", hours(5000)))
	s.run("create clients")
	s.said("ClientCAUpdated")
	edit := func(edits ...tlsEdit) {
		for _, e := range edits {
			e(tls)
		}
		if err := s.api.Update(t.Context(), tls); err != nil {
			t.Fatal(err)
		}
	}
	edit(bare)
	s.run()
	s.said("Warning SourceOptedOut no annotation apisix-certs.io/client-ca: Secret clients is still updated with the CAs of VaultIssuer/vault")
	s.rotate(certstest.NewCA(t, "new", hours(5000)))
	s.run("update clients")
	s.holds("new")
	if err := s.api.Delete(t.Context(), tls); err != nil {
		t.Fatal(err)
	}
	if next := s.run(); next != idleGrace {
		t.Errorf("next in %s", next)
	}
	s.clock.SetTime(now.Add(idleGrace))
	s.run("delete clients")
	s.run()
}

// TestTwoThatDiffer: the older one decides.
func TestTwoThatDiffer(t *testing.T) {
	younger := newTLS(clientCA("other"), func(tls *configv2.ApisixTls) {
		tls.Name, tls.UID, tls.CreationTimestamp = "young", "uid-young", metav1.NewTime(now)
	})
	s := newScene(t, younger, newTLS())
	s.vault.known["VaultIssuer/other"] = issuer.Observation{Ready: true}
	s.rotate(certstest.NewCA(t, "old", hours(5000)))
	s.run("create clients")
	s.said("Warning SecretShared annotation apisix-certs.io/client-ca: Secret clients is shared with ApisixTls web, which is older and takes precedence with VaultIssuer/vault", "ClientCAUpdated")
	s.holds("old")
}

// TestAnotherIssuer: its CAs take the place of those before.
func TestAnotherIssuer(t *testing.T) {
	tls := newTLS()
	s := newScene(t, tls, leaf(t, "a", certstest.NewCA(t, "x", hours(10)), hours(9)))
	s.rotate(certstest.NewCA(t, "old", hours(5000)))
	s.run("create clients")
	s.vault.known["VaultIssuer/other"] = issuer.Observation{Ready: true, CAs: []*x509.Certificate{certstest.NewCA(t, "theirs", hours(5000)).Cert}}
	clientCA("other")(tls)
	if err := s.api.Update(t.Context(), tls); err != nil {
		t.Fatal(err)
	}
	s.run("update clients")
	s.holds("theirs")
}

// TestDeleted: a Secret that was deleted has the CAs of now alone, for whoever wants the old one dropped.
func TestDeleted(t *testing.T) {
	old, fresh := certstest.NewCA(t, "old", hours(5000)), certstest.NewCA(t, "new", hours(5000))
	s := newScene(t, newTLS(), leaf(t, "a", old, hours(10)))
	s.rotate(old)
	s.run("create clients")
	s.rotate(fresh)
	s.run("update clients")
	secret := &corev1.Secret{}
	secret.Namespace, secret.Name = place.Namespace, place.Name
	if err := s.api.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	s.run("create clients")
	s.holds("new")
	s.run()
}

// TestDamaged: what somebody has changed comes back, with the old CA, but not without end.
func TestDamaged(t *testing.T) {
	old, fresh := certstest.NewCA(t, "old", hours(5000)), certstest.NewCA(t, "new", hours(5000))
	s := newScene(t, newTLS(), leaf(t, "a", old, hours(10)))
	s.rotate(old)
	s.run("create clients")
	s.rotate(fresh)
	s.run("update clients")
	secret := &corev1.Secret{}
	damage := func() {
		if err := s.api.Get(t.Context(), place, secret); err != nil {
			t.Fatal(err)
		}
		secret.Data["ca.crt"] = append(certstest.PEM(certstest.NewCA(t, "evil", hours(5000)).Cert), secret.Data["ca.crt"]...)
		if err := s.api.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	damage()
	s.run("update clients")
	s.holds("new", "old")
	damage = func() {
		if err := s.api.Get(t.Context(), place, secret); err != nil {
			t.Fatal(err)
		}
		delete(secret.Data, "ca.crt")
		if err := s.api.Update(t.Context(), secret); err != nil {
			t.Fatal(err)
		}
	}
	damage()
	s.run("update clients")
	s.holds("new", "old")
	damage()
	s.run("update clients")
	damage()
	s.said("ClientCAUpdated", "ClientCAUpdated", "ClientCAUpdated", "ClientCAUpdated", "ClientCAUpdated")
	if next := s.run(); next != writesIn {
		t.Errorf("tries again in %s", next)
	}
	s.said("Warning SecretReverted spec.client.caSecret: Secret clients is overwritten by")
}

// TestClass: an ApisixTls of another ingress class is another controller's.
func TestClass(t *testing.T) {
	s := newScene(t, newTLS(func(tls *configv2.ApisixTls) { tls.Spec.IngressClassName = "other" }))
	s.class = "apisix"
	s.rotate(certstest.NewCA(t, "old", hours(5000)))
	s.run()
	s.said()
}

// TestContentFits: what is written is read back.
func TestContentFits(t *testing.T) {
	b := makeBundle(now, nil, []former{{cert: certstest.NewCA(t, "a", hours(9)).Cert, until: hours(3)}}, 0)
	ref := v1alpha1.IssuerReference{Kind: v1alpha1.KindVaultIssuer, Name: "vault"}
	secret := contentOf("", ref, b).Apply(nil, place)
	if !contentOf(secret.Type, ref, b).Fits(secret) {
		t.Error("what was written does not fit")
	}
	had := heldBy(secret, nil)
	if len(had) != 1 || !had[0].until.Equal(hours(3)) {
		t.Errorf("read back: %+v", had)
	}
	if secret.Annotations[v1alpha1.AnnotationCertificate] != "" {
		t.Error("it says that it is a certificate's")
	}
}
