// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

// times are case 15: what is left at the issuance is what counts.
var times = []kase{
	reported("15", "backdated by more than its life", func(t *testing.T) { lasting(t, "plain", 24*time.Hour, 8*time.Hour, 8*time.Hour/3, 8*time.Hour/20) }),
	reported("15", "33 per cent of it", func(t *testing.T) { lasting(t, "pct", 24*time.Hour, 8*time.Hour, 8*time.Hour*33/100, 8*time.Hour/20) }),
	reported("15", "an hour before its end", func(t *testing.T) { lasting(t, "rb", 24*time.Hour, 8*time.Hour, time.Hour, 8*time.Hour/20) }),
	neighbour("15", "a life of minutes", func(t *testing.T) { lasting(t, "plain", 30*time.Second, 3*time.Minute, time.Minute, 9*time.Second) }),
	neighbour("15", "a life of decades", func(t *testing.T) { lasting(t, "plain", time.Hour, 30*365*day, 10*365*day, 2*365*day) }),
	neighbour("15", "the issuer's clock is ahead: it is served once it is valid", func(t *testing.T) {
		s := newScene(t)
		s.signs(-4*time.Minute, now.Add(8*time.Hour))
		s.Create("web", specOf(t, "15-acert.yaml", "plain"))
		s.Run()
		s.is("web", v1alpha1.ConditionReady, "False GatewayRefused", "not yet valid")
		s.Pass(5 * time.Minute)
		s.ready("web")
		s.shows("plain.c15.example.com", s.Leaf("plain-tls"))
		s.signatures(1)
	}),
	neighbour("15", "no end (RFC 5280: 9999)", func(t *testing.T) {
		s := newScene(t)
		s.signs(time.Minute, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))
		s.Create("web", func(c *cert) { c.Spec.Duration = nil })
		s.Run()
		s.ready("web")
		s.Pass(day)
		s.signatures(1)
	}),
	neighbour("15", "renewBefore has no room in the life that was granted", func(t *testing.T) {
		s := newScene(t)
		s.signs(24*time.Hour, now.Add(8*time.Hour))
		s.Create("web", func(c *cert) { c.Spec.Duration, c.Spec.RenewBefore = nil, &metav1.Duration{Duration: 10 * time.Hour} })
		s.Run()
		s.Pass(time.Hour)
		s.signatures(1)
		s.ready("web")
	}),
}

// signs lets the Vault sign certificates that are dated back, until notAfter.
func (s *scene) signs(back time.Duration, notAfter time.Time) {
	s.Vault.CA = certstest.NewCA(s.t, "root", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))
	s.Vault.SetHandler("pki/sign/web", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			CSR string `json:"csr"`
		}
		if json.NewDecoder(r.Body).Decode(&body) != nil {
			vaulttest.WriteError(w, http.StatusBadRequest, "malformed")
			return
		}
		leaf := s.Vault.CA.SignRequest(s.t, []byte(body.CSR), s.Clock.Now().Add(-back), notAfter)
		root := string(certstest.PEM(s.Vault.CA.Cert))
		vaulttest.WriteData(w, map[string]any{"certificate": string(certstest.PEM(leaf)), "issuing_ca": root, "ca_chain": []string{root}})
	})
}

// lasting issues a certificate of the file, once, and wants it to be renewed so long before its end, give or take.
func lasting(t *testing.T, name string, back, life, before, spread time.Duration) {
	s := newScene(t)
	end := now.Add(life)
	s.signs(back, end)
	s.Create("web", specOf(t, "15-acert.yaml", name))
	s.Run()
	s.ready("web")
	at := s.Cert("web").Status.RenewalTime
	if at == nil || (end.Sub(at.Time)-before).Abs() > spread {
		t.Fatalf("renewed at %v, want %s", at, end.Add(-before))
	}
	s.Pass(min(at.Sub(s.Clock.Now())-time.Second, day))
	s.signatures(1)
	s.is("web", v1alpha1.ConditionReady, "True Ready")
}
