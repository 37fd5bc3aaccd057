// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

const signPath = "pki/sign/web"

// What was signed and could not be stored is not signed again.
func TestHeld(t *testing.T) {
	s := newScene(t, ofVault(t))
	first := s.issued(t)
	if v := s.plan(t); v != (Verdict{Uncounted: true}) {
		t.Errorf("%+v", v)
	}
	if again := s.issued(t); !again.Bundle.Leaf.Equal(first.Bundle.Leaf) || s.vault.Calls(signPath) != 1 || len(s.tried) != 1 {
		t.Errorf("signed %d times, tried %d", s.vault.Calls(signPath), len(s.tried))
	}
	if !s.observe(t).Drop(s.order, false) || s.observe(t).Drop(s.order, true) {
		t.Error("it is needed while a certificate is due")
	}
	s.order.Spec.DNSNames = []string{"b.example"}
	if other := s.issued(t); other.Bundle.Leaf.DNSNames[0] != "b.example" {
		t.Error("the answer to another spec")
	}
	if err := s.issuers.Stored(t.Context(), s.order); err != nil {
		t.Fatal(err)
	}
	s.issued(t)
	s.issuers.Forget("uid-c")
	s.issued(t)
	if n := s.vault.Calls(signPath); n != 4 {
		t.Errorf("signed %d times", n)
	}
}

// A held answer that is not good any more is asked for anew.
func TestHeldTooLong(t *testing.T) {
	s := newScene(t, ofVault(t))
	s.issued(t)
	s.clock.Step(25 * time.Hour)
	_, _, err := s.issue(t)
	if rejected := (*certs.ResponseError)(nil); !errors.As(err, &rejected) {
		t.Fatalf("%v", err)
	}
	s.issued(t)
}

// An answer is checked: here against the spec, and against what it would replace.
func TestBadAnswers(t *testing.T) {
	s := newScene(t, ofVault(t), func(s *scene) {
		s.order.Certificate.Spec.Duration = &metav1.Duration{Duration: 90 * day}
	})
	s.has(t, 0, "")
	s.vault.SetHandler(signPath, signing(s, day))
	for reason, taken := range map[certs.Reason]bool{certs.RenewalDue: false, KeyMoved: false, certs.NamesDiffer: true} {
		s.decision.Reason = reason
		response, _, err := s.issue(t)
		if rejected := (*certs.ResponseError)(nil); errors.As(err, &rejected) == taken || (response != nil) != taken {
			t.Errorf("%s: %v", reason, err)
		}
		if taken && (len(response.Warnings) != 1 || !strings.Contains(response.Warnings[0], "24h0m0s of the 2160h0m0s")) {
			t.Errorf("%q", response.Warnings)
		}
		s.issuers.Forget("uid-c")
	}
}

// A usage or a part of the subject that the issuer leaves out is not dropped in silence.
func TestUngranted(t *testing.T) {
	s := newScene(t, ofVault(t), func(s *scene) {
		s.order.Certificate.Spec.Subject = &v1alpha1.X509Subject{Organizations: []string{"Acme"}}
	})
	s.vault.SetHandler(signPath, func(w http.ResponseWriter, _ *http.Request) {
		block, _ := pem.Decode([]byte(s.tried[0]))
		csr, _ := x509.ParseCertificateRequest(block.Bytes)
		leaf := s.ca.Sign(panicking{}, &x509.Certificate{DNSNames: csr.DNSNames, NotBefore: now, NotAfter: now.Add(day), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, csr.PublicKey)
		vaulttest.WriteData(w, map[string]any{"certificate": string(certstest.PEM(leaf)), "issuing_ca": string(certstest.PEM(s.ca.Cert))})
	})
	_, _, err := s.issue(t)
	if rejected := (*certs.ResponseError)(nil); !errors.As(err, &rejected) || !strings.Contains(rejected.Problem, "different subject: organizations") {
		t.Errorf("%v", err)
	}
}

// signing signs whatever is asked for with so long a life.
func signing(s *scene, life time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		leaf := s.ca.SignRequest(panicking{}, []byte(s.tried[len(s.tried)-1]), now.Add(-time.Minute), now.Add(life))
		vaulttest.WriteData(w, map[string]any{"certificate": string(certstest.PEM(leaf)), "issuing_ca": string(certstest.PEM(s.ca.Cert))})
	}
}

type panicking struct{ testing.TB }

func (panicking) Helper()           {}
func (panicking) Fatal(args ...any) { panic(args) }

// Nothing is signed that could not be stored.
func TestCouldNotBeStored(t *testing.T) {
	for _, path := range []string{signPath, "pki/issue/web"} {
		s := newScene(t, ofVault(t, func(c *vault.Config) { c.Path = path }))
		s.full = errors.New("quota")
		for range 2 * signatureBurst {
			if v := s.plan(t); v != (Verdict{}) {
				t.Fatalf("%s: what was not signed counts: %+v", path, v)
			}
			if _, _, err := s.issue(t); !errors.Is(err, s.full) {
				t.Errorf("%s: %v", path, err)
			}
		}
		if n := s.vault.Calls(path); n != 0 {
			t.Errorf("%s: signed %d times", path, n)
		}
	}
}

// Where Vault makes the key, it is in the answer.
func TestVaultMakesTheKey(t *testing.T) {
	s := newScene(t, ofVault(t, func(c *vault.Config) { c.Path = "pki/issue/web" }))
	leaf, key := s.ca.Pair(t, &x509.Certificate{DNSNames: []string{"a.example"}, NotBefore: now, NotAfter: now.Add(90 * day),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	s.vault.SetHandler("pki/issue/web", func(w http.ResponseWriter, _ *http.Request) {
		vaulttest.WriteData(w, map[string]any{"certificate": string(certstest.PEM(leaf)), "issuing_ca": string(certstest.PEM(s.ca.Cert)), "private_key": string(key)})
	})
	response := s.issued(t)
	if response.Key.IsZero() || !response.Key.Equal(response.Bundle.Key) || len(s.tried) != 1 {
		t.Errorf("%v, tried %d times", response.Key, len(s.tried))
	}
}

// A refusal for want of a turn passes, and costs nothing.
func TestBusy(t *testing.T) {
	s := newScene(t, ofVault(t, func(c *vault.Config) { c.RatePerSecond = 0.001 }))
	s.issued(t)
	s.order.Spec.DNSNames = []string{"b.example"}
	for range 2 * signatureBurst {
		_, _, err := s.issue(t)
		if busy := (*vault.BusyError)(nil); !errors.As(err, &busy) || err != error(busy) {
			t.Fatalf("%v", err)
		}
	}
	if v := s.plan(t); v != (Verdict{}) {
		t.Errorf("%+v", v)
	}
}

func grants(most time.Duration) func(*vault.Role) { return func(r *vault.Role) { r.MaxTTL = most } }

// An answer that would not be taken is not asked for.
func TestShortLife(t *testing.T) {
	for _, c := range []struct {
		name   string
		asked  time.Duration
		role   []func(*vault.Role) // nil: not known
		reason certs.Reason
		until  time.Duration // 0: it is asked for
	}{
		{"role not known", 90 * day, nil, certs.RenewalDue, 0},
		{"role grants all", 90 * day, []func(*vault.Role){grants(90 * day)}, certs.RenewalDue, 0},
		{"nothing asked for", 0, []func(*vault.Role){grants(day)}, certs.RenewalDue, 0},
		{"role grants more than the old has left", 90 * day, []func(*vault.Role){grants(21 * day)}, certs.RenewalDue, 0},
		{"role grants less than the old has left", 90 * day, []func(*vault.Role){grants(day)}, certs.RenewalDue, 19 * day},
		{"and the old is not what is wanted", 90 * day, []func(*vault.Role){grants(day)}, certs.NamesDiffer, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.has(t, 70*day, "")
			s.order.Spec.Duration, s.decision.Reason = c.asked, c.reason
			if c.role != nil {
				ofRole(c.role...)(s)
			}
			v := s.plan(t)
			if (v.Blocked != nil) != (c.until != 0) {
				t.Fatalf("%+v", v)
			}
			if c.until == 0 {
				return
			}
			if v.Blocked.Reason != v1alpha1.ReasonRefused || !strings.Contains(v.Blocked.Message, "24h0m0s of the 2160h0m0s requested") || !v.Until.Equal(now.Add(c.until)) {
				t.Errorf("%v until %s", v.Blocked, v.Until)
			}
			s.clock.SetTime(v.Until)
			if v := s.plan(t); v != (Verdict{}) {
				t.Errorf("not asked when it would be taken: %+v", v)
			}
		})
	}
}

// A CA that has ended is named, and costs no signature.
func TestEndedCA(t *testing.T) {
	s := newScene(t)
	s.order.Observation.CAs = []*x509.Certificate{certstest.NewCA(t, "old root", now.Add(time.Second)).Cert}
	if v := s.plan(t); v != (Verdict{}) {
		t.Errorf("before its end: %+v", v)
	}
	s.clock.Step(time.Second)
	if v := s.plan(t); v.Blocked == nil || v.Blocked.Reason != v1alpha1.ReasonIssuerNotReady || !strings.Contains(v.Blocked.Message, `CA "CN=old root" expired at 2026-01-02T03:04:06Z: renew the CA`) {
		t.Errorf("%+v", v)
	}
}
