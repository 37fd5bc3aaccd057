// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

// newVault starts a Vault whose root outlives every scene.
func (s *Scene) newVault() {
	s.Vault = vaulttest.New(s.t, func() time.Time { return s.Clock.Now().Add(-s.VaultBehind) })
	s.Vault.CA = certstest.NewCA(s.t, "root", Start.Add(20*365*24*time.Hour))
	front := httptest.NewServer(http.HandlerFunc(s.serveVault))
	s.t.Cleanup(func() {
		s.Vault.Hang(false)
		front.CloseClientConnections()
		front.Close()
	})
	s.vaultURL = front.URL
}

func (s *Scene) serveVault(w http.ResponseWriter, r *http.Request) {
	what := ""
	switch path := strings.TrimPrefix(r.URL.Path, "/v1/"); {
	case strings.Contains(path, "/sign/"):
		what = "sign"
	case path == "pki/revoke":
		what = "revoke"
	default:
		s.Vault.ServeHTTP(w, r)
		return
	}
	fault, _ := s.calls.record(Call{What: what, At: s.Clock.Now()})
	switch fault {
	case Refused:
		vaulttest.WriteError(w, http.StatusServiceUnavailable, "made to fail")
	case Lost:
		s.Vault.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler) // the response is lost
	default:
		s.Vault.ServeHTTP(w, r)
	}
}

// Signed is how many certificates the Vault has signed.
func (s *Scene) Signed() int { return len(s.Vault.Bodies()) }

// Pair is a certificate of the Vault's root for the hosts, from now on for so long, and its key, both in PEM. The Vault does not
// know of it.
func (s *Scene) Pair(life time.Duration, hosts ...string) (cert, key []byte) {
	now := s.Clock.Now()
	leaf, key := s.Vault.CA.Pair(s.t, &x509.Certificate{DNSNames: hosts, NotBefore: now, NotAfter: now.Add(life)})
	return certstest.PEM(leaf), key
}

// WipeGateway deletes all that the gateway has, as where its store was lost.
func (s *Scene) WipeGateway() {
	s.t.Helper()
	admin := s.gateway().Admin
	list, err := admin.ListSSLs(s.ctx)
	s.must(err)
	for _, ssl := range list {
		s.must(admin.DeleteSSL(s.ctx, ssl.ID))
	}
}

// newGateway starts a gateway.
func (s *Scene) newGateway() {
	var err error
	s.Gateway, err = apisixtest.NewServer(apisixtest.Options{Clock: s.Clock})
	s.must(err)
	s.t.Cleanup(s.Gateway.Close)
	s.Gateway.Fail(func(r *http.Request) *apisixtest.Failure {
		if r.Method == http.MethodGet {
			return nil
		}
		what := r.Method + " secret"
		if strings.Contains(r.URL.Path, "/ssls") {
			what = r.Method + " ssl"
		}
		fault, _ := s.calls.record(Call{What: what, At: s.Clock.Now()})
		switch fault {
		case Refused:
			return &apisixtest.Failure{Status: http.StatusServiceUnavailable, Body: `{"error_msg":"made to fail"}`}
		case Lost:
			return &apisixtest.Failure{Drop: true, After: true}
		}
		return nil
	})
}

func (s *Scene) endSessions() {
	if s.sessions == nil {
		return
	}
	for _, key := range s.issuerKeys() {
		s.sessions.Forget(key)
	}
}
