// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

func revokes(when v1alpha1.RevocationPolicy) func(*cert) {
	return func(c *cert) { c.Spec.RevocationPolicy = when }
}

// TestEnd: what the deletion of a certificate does, in its order.
func TestEnd(t *testing.T) {
	for _, row := range []struct {
		name   string
		edit   func(*cert)
		before func(*scene)
		want   string
		secret bool // it is left
	}{
		{"plain", func(*cert) {}, nil, "DELETE ssl, delete Secret, patch ApisixCertificate", false},
		{"revoked", revokes(v1alpha1.RevokeOnDelete), nil, "DELETE ssl, revoke, delete Secret, patch ApisixCertificate", false},
		{"revocation skipped", revokes(v1alpha1.RevokeOnDelete), func(s *scene) { s.Annotate("web", v1alpha1.AnnotationSkipRevocation, "true") },
			"DELETE ssl, delete Secret, patch ApisixCertificate", false},
		{"retained", func(c *cert) { c.Spec.SecretRetention = v1alpha1.SecretRetain }, nil, "DELETE ssl, patch ApisixCertificate", true},
		{"Secret gone before", func(*cert) {}, func(s *scene) {
			secret := s.Secret("web-tls")
			if err := s.Kube.Delete(t.Context(), secret); err != nil {
				t.Error(err)
			}
		}, "DELETE ssl, patch ApisixCertificate", false},
		{"Secret of somebody else by now", func(*cert) {}, func(s *scene) {
			secret := s.Secret("web-tls")
			secret.Annotations[v1alpha1.AnnotationCertificate] = "shop/other"
			if err := s.Kube.Update(t.Context(), secret); err != nil {
				t.Error(err)
			}
		}, "DELETE ssl, patch ApisixCertificate", true},
		{"Secret in use", func(*cert) {}, func(s *scene) {
			s.Uses["shop/web-tls"] = []gateway.Reference{{Kind: "ApisixTls", Namespace: "shop", Name: "web", Hosts: []string{"web.example"}}}
		}, "DELETE ssl, update Secret, patch ApisixCertificate", true},
		{"Vault away", func(*cert) {}, func(s *scene) { s.Vault.Seal(true) }, "DELETE ssl, delete Secret, patch ApisixCertificate", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := issued(t, row.edit)
			if row.before != nil {
				row.before(s)
			}
			s.Delete("web")
			s.Run()
			s.Pass(5 * time.Second)
			steps(t, s, row.want)
			if s.Cert("web") != nil || s.Served("web.example") != nil {
				t.Error("certificate or ssl object is left")
			}
			if left := s.Secret("web-tls"); (left != nil) != row.secret {
				t.Errorf("Secret left: %v", left != nil)
			}
		})
	}
}

// TestReleasedSecret: one that is in use stays without marks, and an event says so.
func TestReleasedSecret(t *testing.T) {
	s := issued(t)
	s.Uses["shop/web-tls"] = []gateway.Reference{{Kind: "ApisixTls", Namespace: "shop", Name: "web", Hosts: []string{"web.example"}}}
	s.Delete("web")
	s.Pass(2 * time.Second)
	if s.Cert("web") == nil || s.Served("web.example") == nil {
		t.Error("it did not wait for what uses the Secret to go too")
	}
	s.Pass(5 * time.Second)
	secret := s.Secret("web-tls")
	if secret == nil || secret.Annotations[v1alpha1.AnnotationCertificate] != "" || len(secret.Data[corev1.TLSPrivateKeyKey]) == 0 {
		t.Errorf("%+v", secret)
	}
	if !told(s, "Normal SecretReleased: ") {
		t.Errorf("events %q", s.Events())
	}
}

func told(s *scene, begins string) bool {
	return slices.ContainsFunc(s.Events(), func(event string) bool { return strings.HasPrefix(event, begins) })
}

// TestEndIsHeld: a clean-up that fails holds the object: for an hour, and not at all where it is let go by hand. What is left
// behind is told.
func TestEndIsHeld(t *testing.T) {
	refused := vaulttest.ErrorHandler(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n")
	for _, row := range []struct {
		name      string
		fail, fix func(*scene)
		says      string
	}{
		{"gateway", func(s *scene) { s.Gateway.Stop() }, func(s *scene) {
			if err := s.Gateway.Restart(); err != nil {
				panic(err)
			}
		}, "ssl objects at gateway default are left behind"},
		{"revocation", func(s *scene) { s.Vault.SetHandler("pki/revoke", refused) }, func(s *scene) { s.Vault.SetHandler("pki/revoke", nil) }, "revocation are left behind"},
	} {
		begin := func(t *testing.T) *scene {
			s := issued(t, revokes(v1alpha1.RevokeOnDelete))
			row.fail(s)
			s.Delete("web")
			s.Run()
			s.Pass(59 * time.Minute)
			if s.Cert("web") == nil || s.Secret("web-tls") == nil {
				t.Fatal("it is gone before an hour has passed")
			}
			return s
		}
		t.Run(row.name+", mended", func(t *testing.T) {
			s := begin(t)
			row.fix(s)
			s.Pass(30 * time.Second)
			if s.Cert("web") != nil || told(s, "Warning CleanupAbandoned") || s.Vault.Revoked() != 1 {
				t.Errorf("it is held, or given up: %q, %d revoked", s.Events(), s.Vault.Revoked())
			}
		})
		t.Run(row.name+", given up", func(t *testing.T) {
			s := begin(t)
			s.Pass(2 * time.Minute)
			if s.Cert("web") != nil || s.Secret("web-tls") != nil || !told(s, "Warning CleanupAbandoned: "+row.says) {
				t.Errorf("it is held after an hour, or that is not told: %q", s.Events())
			}
		})
		t.Run(row.name+", let go by hand", func(t *testing.T) {
			s := begin(t)
			s.Annotate("web", v1alpha1.AnnotationSkipCleanup, "true")
			s.Run()
			if s.Cert("web") != nil || !told(s, "Warning CleanupAbandoned: "+row.says) {
				t.Errorf("it is held, or that is not told: %q", s.Events())
			}
		})
	}
}

// TestRevocationFailedIsToldOnce: on an object that is held for it, and not before the status says so.
func TestRevocationFailedIsToldOnce(t *testing.T) {
	s := issued(t, revokes(v1alpha1.RevokeOnDelete))
	s.Vault.SetHandler("pki/revoke", vaulttest.ErrorHandler(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n"))
	s.FailNext("patch status")
	s.Delete("web")
	s.Run()
	s.Pass(10 * time.Minute)
	events := slices.DeleteFunc(s.Events(), func(event string) bool { return !strings.HasPrefix(event, "Warning RevocationFailed") })
	if len(events) != 1 || !strings.Contains(events[0], "permission denied") || s.Ready("web") != "False RevocationFailed" {
		t.Errorf("%s, events %q", s.Ready("web"), events)
	}
	s.Annotate("web", v1alpha1.AnnotationSkipRevocation, "true")
	s.Run()
	if s.Cert("web") != nil {
		t.Error("it is held")
	}
}

// TestRevokeOnReplace: what was replaced is revoked once the gateway has its successor, and until then stays on the list.
func TestRevokeOnReplace(t *testing.T) {
	s := issued(t, revokes(v1alpha1.RevokeOnReplace))
	s.Advance(70 * day)
	steps(t, s, "sign, update Secret, PUT ssl, revoke, update status")
	if s.Vault.Revoked() != 1 || len(s.Cert("web").Status.ToRevoke) > 0 {
		t.Errorf("%d revoked", s.Vault.Revoked())
	}
	s.Vault.SetHandler("pki/revoke", vaulttest.ErrorHandler(http.StatusForbidden, "1 error occurred:\n\t* permission denied\n\n"))
	s.Advance(70 * day)
	if got := s.Condition("web", v1alpha1.ConditionRevocationPending); got != "True RevocationFailed" || len(s.Cert("web").Status.ToRevoke) != 1 || s.Ready("web") != "True Ready" {
		t.Errorf("Revoked %s, Ready %s", got, s.Ready("web"))
	}
	s.Vault.SetHandler("pki/revoke", nil)
	s.Pass(2 * time.Minute)
	if got := s.Condition("web", v1alpha1.ConditionRevocationPending); got != "" || s.Vault.Revoked() != 2 {
		t.Errorf("Revoked %s, %d revoked", got, s.Vault.Revoked())
	}
	s.Delete("web")
	s.Run()
	if s.Vault.Revoked() != 3 {
		t.Errorf("%d revoked at the end", s.Vault.Revoked())
	}
}

// TestNotRevokedBeforeServed: while the gateway has the old one, it is not revoked.
func TestNotRevokedBeforeServed(t *testing.T) {
	s := issued(t, revokes(v1alpha1.RevokeOnReplace))
	s.Gateway.FailNext(1000, http.StatusBadGateway, "")
	s.Advance(70 * day)
	s.Pass(time.Minute)
	if s.Signed() != 2 || s.Vault.Revoked() > 0 {
		t.Errorf("%d signed, %d revoked", s.Signed(), s.Vault.Revoked())
	}
}
