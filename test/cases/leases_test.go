// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// leases are case 2: with generate_lease a token's end revokes what it issued.
var leases = []kase{
	reported("02", "a session that ends revokes nothing, and the role is warned about", func(t *testing.T) { sessionEnds(t) }),
	neighbour("02", "the policy does not let the role be read", func(t *testing.T) { sessionEnds(t, "pki/roles/web") }),
	neighbour("02", "the response with the lease was lost", func(t *testing.T) {
		c := newCaller(t, vaulttest.Vault121, nil)
		c.SetRole(map[string]any{"generate_lease": true})
		c.SetHandler("pki/sign/web", lost(c.Vault))
		c.issues(vault.Transient, "")
		c.session.Close()
		if n := c.Revoked(); n != 0 {
			t.Errorf("%d revoked", n)
		}
	}),
	reported("02", "a token's end has revoked many: they are issued again spread over the hour", func(t *testing.T) {
		s := newScene(t)
		const many = 30
		for i := range many {
			s.Create(fmt.Sprintf("web%d", i))
		}
		s.Run()
		s.signatures(many)
		s.revoked(many, true)
		s.Restart()
		s.Pass(time.Minute)
		if n := s.Count("sign") - many; n > many/4 {
			t.Errorf("%d of %d at once", n, many)
		}
		s.ready("web0")
		s.Pass(30 * time.Minute)
		if n := s.Count("sign") - many; n < many/5 || n > many*4/5 {
			t.Errorf("%d of %d in half of the time", n, many)
		}
		s.Pass(30 * time.Minute)
		s.signatures(2 * many)
	}),
	neighbour("02", "few are revoked: at once", func(t *testing.T) { revokedAtOnce(t, 3, true) }),
	neighbour("02", "many are revoked of a role without leases: at once", func(t *testing.T) { revokedAtOnce(t, 12, false) }),
}

func sessionEnds(t *testing.T, denied ...string) {
	c := newCaller(t, vaulttest.Vault121, nil)
	c.SetRole(map[string]any{"generate_lease": true})
	c.Deny(denied...)
	for range 3 {
		c.issues("", "")
	}
	status, err := c.session.Check(t.Context())
	if err != nil || !status.GeneratesLeases {
		t.Errorf("nothing is said of it: %+v, %v", status, err)
	}
	c.session.Close()
	if n := c.Revoked(); n != 0 {
		t.Errorf("%d revoked", n)
	}
	c.ExpireTokens()
	if n := c.Revoked(); n != 3 {
		t.Errorf("the end of the token has revoked %d: the case shows nothing", n)
	}
}

// revoked puts all that the Secrets web0-tls and so on hold on the issuer's CRL.
func (s *scene) revoked(n int, leases bool) {
	s.t.Helper()
	list := &x509.RevocationList{RawIssuer: s.Vault.CA.Cert.RawSubject}
	for i := range n {
		leaf := s.Leaf(fmt.Sprintf("web%d-tls", i))
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: leaf.SerialNumber, RevocationTime: s.Clock.Now()})
	}
	s.Observation = &issuer.Observation{
		Ready: true, CAs: []*x509.Certificate{s.Vault.CA.Cert}, CRL: list, Revocations: certs.NewRevocations(list), Status: vault.Status{GeneratesLeases: leases},
	}
}

func revokedAtOnce(t *testing.T, n int, leases bool) {
	s := newScene(t)
	for i := range n {
		s.Create(fmt.Sprintf("web%d", i))
	}
	s.Run()
	s.revoked(n, leases)
	s.Restart()
	s.Run()
	s.signatures(2 * n)
	if told := strings.Join(s.Events(), "\n"); !strings.Contains(told, "revoked") {
		t.Errorf("nothing is said of it: %s", told)
	}
}

// lost signs, and loses the response.
func lost(v *vaulttest.Vault) http.HandlerFunc {
	return func(_ http.ResponseWriter, r *http.Request) {
		v.Sign(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
}
