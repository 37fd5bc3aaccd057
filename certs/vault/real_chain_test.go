// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/test/servers"
)

func (v *realVault) mount(path string) {
	v.t.Helper()
	err := v.Client().Sys().MountWithContext(v.t.Context(), path, &api.MountInput{Type: "pki", Config: api.MountConfigInput{MaxLeaseTTL: "9000h"}})
	if err != nil {
		v.t.Fatal(err)
	}
}

// root makes a mount with a root CA and returns that.
func (v *realVault) root(mount, ttl string) *x509.Certificate {
	v.mount(mount)
	response := v.write(mount+"/root/generate/internal", map[string]any{"common_name": mount, "key_type": "ec", "ttl": ttl})
	return v.parse(text(response.Data["certificate"]))
}

func (v *realVault) parse(data string) *x509.Certificate {
	v.t.Helper()
	list, err := certs.ParseCertificates([]byte(data))
	if err != nil || len(list) == 0 {
		v.t.Fatalf("%v: %s", err, data)
	}
	return list[0]
}

// csr is for a new CA key in the mount.
func (v *realVault) csr(mount, name string) string {
	return text(v.write(mount+"/intermediate/generate/internal", map[string]any{"common_name": name, "key_type": "ec"}).Data["csr"])
}

// sign has the CA of a mount sign a CA.
func (v *realVault) sign(mount, csr, name, ttl string) string {
	response := v.write(mount+"/root/sign-intermediate", map[string]any{"csr": csr, "common_name": name, "ttl": ttl, "format": "pem"})
	return text(response.Data["certificate"])
}

// add imports a CA and names its issuer, if it is new.
func (v *realVault) add(mount, cert, name string) {
	response := v.write(mount+"/intermediate/set-signed", map[string]any{"certificate": cert})
	for _, id := range texts(response.Data["imported_issuers"]) {
		v.write(mount+"/issuer/"+id, map[string]any{"issuer_name": name})
	}
}

// issue issues with a new session, checks the response, and expects that no further certificate is due.
func (v *realVault) issue(path string, spec certs.Spec) (certs.Bundle, Status) {
	v.t.Helper()
	s := open(v.t, v.config(path))
	status, err := s.Check(v.t.Context())
	if err != nil {
		v.t.Fatal(err)
	}
	request, key := newRequest(v.t, spec)
	response, err := s.Issue(v.t.Context(), request)
	if err != nil {
		v.t.Fatal(err)
	}
	if s.MakesKey() {
		key = response.Bundle.Key
	}
	if _, err := certs.CheckResponse(response.Bundle, spec, key.Public(), time.Now()); err != nil {
		v.t.Errorf("%s: %v", path, err)
	}
	d := certs.Decide(certs.Observed{
		SecretExists: true, CertPEM: response.CertPEM, CAPEM: response.CAPEM, KeyPEM: key.PEM(certs.PKCS8), IssuedAt: time.Now(),
		CurrentCA: status.CAs, Spec: spec, UID: "uid",
	}, time.Now())
	if d.Issue {
		v.t.Errorf("%s: issued again at once: %s, %s", path, d.Reason, d.Message)
	}
	return response.Bundle, status
}

func clientVerifies(t *testing.T, b certs.Bundle, root *x509.Certificate) {
	t.Helper()
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root)
	for _, cert := range b.Intermediates {
		between.AddCert(cert)
	}
	if _, err := b.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between}); err != nil {
		t.Errorf("a client that trusts %s alone: %v", root.Subject, err)
	}
}

// TestRealVaultCrossSigned is a CA that two roots signed, with both in the mount.
func TestRealVaultCrossSigned(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	root1, root2 := v.root("root1", "9000h"), v.root("root2", "9000h")
	v.mount("sub")
	csr := v.csr("sub", "Sub CA")
	v.add("sub", v.sign("root1", csr, "Sub CA", "8000h"), "a")
	v.add("sub", v.sign("root2", csr, "Sub CA", "4000h"), "ax")
	v.write("sub/issuer/a", map[string]any{"issuer_name": "a", "manual_chain": "self,ax"})
	v.write("sub/config/issuers", map[string]any{"default": "a"})
	v.roles("sub")
	b, status := v.issue("sub/sign/any", spec)
	clientVerifies(t, b, root1)
	clientVerifies(t, b, root2)
	if len(b.Intermediates) != 2 || b.Intermediates[0].Issuer.CommonName != "root1" || len(b.CA) != 2 {
		t.Errorf("%d intermediates, %d CAs", len(b.Intermediates), len(b.CA))
	}
	if want := b.Intermediates[1].NotAfter; len(status.CAs) != 2 || !status.CANotAfter.Equal(want) {
		t.Errorf("%d CAs, until %s, want %s", len(status.CAs), status.CANotAfter, want)
	}
}

// own makes a mount that signs with ca.
func (v *realVault) own(mount string, ca *certstest.CA) {
	v.t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(ca.Key)
	if err != nil {
		v.t.Fatal(err)
	}
	v.mount(mount)
	v.write(mount+"/config/ca", map[string]any{"pem_bundle": string(certstest.PEM(ca.Cert)) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))})
}

// TestRealVaultUpperCA renews a CA above the one that signs.
func TestRealVaultUpperCA(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	start := time.Now().Truncate(time.Second)
	root := certstest.NewCA(t, "root", start.Add(9000*time.Hour))
	policy := root.Intermediate(t, "policy", start.Add(30*time.Hour))
	v.own("issuing", policy.Intermediate(t, "issuing", start.Add(400*time.Hour)))
	v.add("issuing", string(certstest.PEM(policy.Cert)), "policy")
	v.add("issuing", string(certstest.PEM(root.Cert)), "root")
	v.roles("issuing")
	long := certs.Spec{DNSNames: spec.DNSNames, Duration: 60 * time.Hour}
	b, status := v.issue("issuing/sign/any", long)
	clientVerifies(t, b, root.Cert)
	if first, last := b.Expiry(); !first.Equal(policy.Cert.NotAfter) || !last.Equal(first) || !status.CANotAfter.Equal(first) || len(status.CAs) != 3 {
		t.Errorf("ends %s and %s, %d CAs end %s", first, last, len(status.CAs), status.CANotAfter)
	}
	old := certs.ChainID(status.CAs)
	v.add("issuing", string(certstest.PEM(policy.CrossSigned(t, root, start.Add(800*time.Hour)).Cert)), "renewed")
	b, status = v.issue("issuing/sign/any", long)
	clientVerifies(t, b, root.Cert)
	if first, _ := b.Expiry(); !first.Equal(b.Leaf.NotAfter) || len(b.Intermediates) != 3 {
		t.Errorf("with the renewed CA it ends %s, the leaf %s, %d intermediates", first, b.Leaf.NotAfter, len(b.Intermediates))
	}
	if certs.ChainID(status.CAs) == old || !status.CANotAfter.Equal(start.Add(400*time.Hour)) {
		t.Errorf("the renewed CA is not seen: %d CAs end %s", len(status.CAs), status.CANotAfter)
	}
}

// TestRealVaultBackdated is a role that backdates certificates by more than their lifetime.
func TestRealVaultBackdated(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.own("pki", certstest.NewCA(t, "old root", time.Now().Add(9000*time.Hour)))
	v.write("pki/roles/back", map[string]any{"allow_any_name": true, "key_type": "any", "not_before_duration": "24h", "ttl": "8h", "max_ttl": "8h"})
	plain := certs.Spec{DNSNames: spec.DNSNames}
	b, _ := v.issue("pki/sign/back", plain)
	at := certs.RenewalTime(certs.LifetimeStart(b.Leaf.NotBefore, time.Now(), time.Now()), b.Leaf.NotAfter, plain, "uid")
	before, third := b.Leaf.NotAfter.Sub(at), 8*time.Hour/3
	if (before - third).Abs() > 8*time.Hour/20 {
		t.Errorf("renewed %s before the end", before)
	}
}

// TestRealVaultTakesNames: all that Validate lets pass Vault signs, from the request and from the body.
func TestRealVaultTakesNames(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	v.mounts()
	for name, csr := range map[string]bool{"all": true, "allbody": false} {
		v.write("pki/roles/"+name, map[string]any{
			"allow_any_name": true, "enforce_hostnames": false, "key_type": "ec", "require_cn": false, "allowed_uri_sans": "*",
			"use_csr_sans": csr, "use_csr_common_name": csr, "ttl": "1h",
		})
	}
	many := func(n, length int) (names []string) {
		for i := range n {
			head := fmt.Sprintf("h%d.", i)
			tail := strings.Repeat(strings.Repeat("a", 49)+".", 5)[:length-len(head)-4]
			names = append(names, head+tail+"b.cd")
		}
		return names
	}
	specs := []certs.Spec{
		{DNSNames: many(1000, 40)},
		{DNSNames: many(1000, 250)},
		{IPAddresses: []string{"192.0.2.1", "::ffff:192.0.2.2", "2001:DB8::1"}, EmailAddresses: []string{"Ops@Example.COM"}},
	}
	for _, uri := range []string{
		"SPIFFE://example.org/ns/shop/sa/web", "spiffe://example.org/shop web", "https://example.org/a#", "https://EXAMPLE.org/a",
		"spiffe://example.org/a,b", "spiffe://example.org/%41", "spiffe://example.org/ a, b ,", "https://example.org/?a=1,2&b=c d#e f", "urn:a:b,c",
	} {
		specs = append(specs, certs.Spec{URIs: []string{uri, "spiffe://example.org/other"}})
	}
	for _, spec := range specs {
		spec = spec.Normalize()
		if problems := spec.Validate(); len(problems) > 0 {
			t.Errorf("%v", problems[0])
			continue
		}
		for _, path := range []string{"pki/sign/all", "pki/sign/allbody", "pki/issue/all"} {
			b, _ := v.issue(path, spec)
			t.Logf("%s: %d DNS names, %q: %d bytes of PEM", path, len(spec.DNSNames), spec.URIs, len(b.CertPEM()))
		}
	}
}

// TestRealVaultExpiredCA: once the CA has expired there is no point in a request, and the reason names it.
func TestRealVaultExpiredCA(t *testing.T) {
	v := startVault(t, servers.VaultOptions{})
	root := v.root("ending", "1h")
	v.roles("ending")
	c := v.config("ending/sign/any")
	c.Now = func() time.Time { return root.NotAfter }
	status, err := open(t, c).Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := certs.CheckCA(status.CAs, root.NotAfter.Add(-time.Second)); err != nil {
		t.Errorf("before the end: %v", err)
	}
	want := `CA "CN=ending" expired at ` + root.NotAfter.Format(time.RFC3339)
	if err := certs.CheckCA(status.CAs, root.NotAfter); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("at the end: %v, want %q", err, want)
	}
}
