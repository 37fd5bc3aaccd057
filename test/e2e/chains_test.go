// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

// signWith has mount int sign with ca from now on, and send others beside it.
func (v *ownVault) signWith(ca *certstest.CA, others ...*certstest.CA) {
	v.s.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(ca.Key)
	v.s.must(err)
	signer := v.imported("config/ca", map[string]any{
		"pem_bundle": string(certstest.PEM(ca.Cert)) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	})
	chain := []string{"self"}
	for _, other := range others {
		chain = append(chain, v.imported("intermediate/set-signed", map[string]any{"certificate": string(certstest.PEM(other.Cert))}))
	}
	v.write("int/issuer/"+signer, map[string]any{"manual_chain": chain})
	v.write("int/config/issuers", map[string]any{"default": signer})
}

// imported is the issuer of a certificate, which the mount may have already.
func (v *ownVault) imported(path string, data map[string]any) string {
	v.s.Helper()
	answer := v.write("int/"+path, data).Data
	for _, field := range []string{"imported_issuers", "existing_issuers"} {
		if ids, _ := answer[field].([]any); len(ids) > 0 {
			return ids[0].(string)
		}
	}
	v.s.Fatalf("no issuer: %v", answer)
	return ""
}

// verifiedBy makes one handshake as a client that trusts root alone.
func (s *scene) verifiedBy(host string, root *certstest.CA) {
	s.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(root.Cert)
	conn, err := tls.Dial("tcp", s.Gateway.TLSAddr, &tls.Config{ServerName: host, RootCAs: roots})
	if err != nil {
		s.Errorf("a client that trusts %s alone: %v", root.Cert.Subject, err)
		return
	}
	s.must(conn.Close())
}

// TestCrossSigned: clients of either root verify what is served.
func TestCrossSigned(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	end := time.Now().Add(900 * time.Hour)
	root1, root2 := certstest.NewCA(t, "root 1", end), certstest.NewCA(t, "root 2", end)
	sub := root1.Intermediate(t, "sub", end)
	v.signWith(sub, sub.CrossSigned(t, root2, end))
	host := "cross." + s.domain
	s.certificate("cross", []string{host}, own())
	s.ready("cross", host)
	s.verifiedBy(host, root1)
	s.verifiedBy(host, root2)
	s.quietAfter([]string{"cross"})
}

// TestUpperCARenewed: a CA above the one that signs ends before the certificate, and its renewal is followed.
func TestUpperCARenewed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	start := time.Now()
	root := certstest.NewCA(t, "root", start.Add(900*time.Hour))
	policy := root.Intermediate(t, "policy", start.Add(5*time.Minute))
	issuing := policy.Intermediate(t, "issuing", start.Add(800*time.Hour))
	v.signWith(issuing, policy, root)
	v.look()
	host := "upper." + s.domain
	s.certificate("upper", []string{host}, own(lives(70*time.Hour)))
	old := s.ready("upper", host)
	if at := s.cert("upper").Status.RenewalTime; at == nil || at.After(policy.Cert.NotAfter) {
		t.Errorf("renewed at %s, the upper CA ends %s", at, policy.Cert.NotAfter)
	}
	v.signWith(issuing, policy.CrossSigned(t, root, start.Add(800*time.Hour)), root)
	v.look()
	s.readyBut("upper", certs.Serial(old), host)
	s.verifiedBy(host, root)
	s.quietAfter([]string{"upper"})
}

// TestBackdated: a role that dates certificates back by more than their life makes none that is due at once.
func TestBackdated(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	v.signWith(certstest.NewCA(t, "old root", time.Now().Add(900*time.Hour)))
	v.write("int/roles/web", map[string]any{
		"allowed_domains": "moelove.info", "allow_subdomains": true, "key_type": "any", "not_before_duration": "24h", "ttl": "8h", "max_ttl": "8h",
	})
	before := v.count("/sign/")
	host := "back." + s.domain
	s.certificate("back", []string{host}, own())
	leaf := s.ready("back", host)
	at := s.cert("back").Status.RenewalTime
	third, spread := 8*time.Hour/3, 8*time.Hour/20
	if left := leaf.NotAfter.Sub(at.Time) - third; left.Abs() > spread+time.Minute {
		t.Errorf("renewed %s before the end", leaf.NotAfter.Sub(at.Time))
	}
	s.quietAfter([]string{"back"})
	if n := v.count("/sign/") - before; n != 1 {
		t.Errorf("%d signatures", n)
	}
}
