// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

// cas are the CAs of cases 5 and 6: a is signed by root1, everything else by name.
type cas struct{ root1, root2, a *certstest.CA }

func newCAs(t *testing.T) cas {
	root1 := certstest.NewCA(t, "root1", now.Add(300*day))
	return cas{root1, certstest.NewCA(t, "root2", now.Add(3000*day)), root1.Intermediate(t, "a", now.Add(200*day))}
}

// chains are case 5: a client that trusts either root verifies what is served.
var chains = []kase{
	reported("05", "an intermediate is signed by two roots", func(t *testing.T) {
		c := newCAs(t)
		c.assembled(t, "a/root1 a/root2", list(c.a, c.a.CrossSigned(t, c.root2, now.Add(200*day)), c.root1, c.root2), c.root1, c.root2)
	}),
	reported("05", "the other one comes first", func(t *testing.T) {
		c := newCAs(t)
		c.assembled(t, "a/root2 a/root1", list(c.a.CrossSigned(t, c.root2, now.Add(200*day)), c.a), c.root1, c.root2)
	}),
	reported("05", "an expired cross-signed root comes first", func(t *testing.T) {
		c := newCAs(t)
		c.assembled(t, "a/root1", list(c.a, c.root1.CrossSigned(t, c.root2, now.Add(-time.Hour)), c.root1, c.root2), c.root1)
	}),
	reported("05", "an expired branch comes first", func(t *testing.T) {
		c := newCAs(t)
		c.assembled(t, "a/root1", list(c.a.CrossSigned(t, c.root2, now.Add(-time.Hour)), c.a, c.root1), c.root1)
	}),
	reported("05", "two roots have signed each other", func(t *testing.T) {
		c := newCAs(t)
		r1x, r2x := c.root1.CrossSigned(t, c.root2, now.Add(100*day)), c.root2.CrossSigned(t, c.root1, now.Add(100*day))
		c.assembled(t, "a/root1 root1/root2 root2/root1", list(c.a, r1x, r2x, c.root1, c.root2), c.root1, c.root2)
	}),
	neighbour("05", "three roots", func(t *testing.T) {
		c := newCAs(t)
		root3 := certstest.NewCA(t, "root3", now.Add(900*day))
		c.assembled(t, "a/root1 a/root2 a/root3", list(c.a, c.a.CrossSigned(t, c.root2, now.Add(200*day)), c.a.CrossSigned(t, root3, now.Add(200*day))), c.root1, c.root2, root3)
	}),
	neighbour("05", "each certificate twice, roots first", func(t *testing.T) {
		c := newCAs(t)
		ax := c.a.CrossSigned(t, c.root2, now.Add(200*day))
		c.assembled(t, "a/root1 a/root2", list(c.root2, c.root1, c.a, ax, c.root1, c.a, ax), c.root1, c.root2)
	}),
	neighbour("05", "other issuers of the mount are sent too", func(t *testing.T) {
		c := newCAs(t)
		b := c.root2.Intermediate(t, "b", now.Add(200*day))
		c.assembled(t, "a/root1", list(b, c.root2, c.a, c.root1), c.root1)
	}),
}

func list(all ...*certstest.CA) []*x509.Certificate {
	var out []*x509.Certificate
	for _, ca := range all {
		out = append(out, ca.Cert)
	}
	return out
}

// assembled sorts what an issuer sends beside a leaf of a, and wants it to be taken and to verify for each client.
func (c cas) assembled(t *testing.T, want string, others []*x509.Certificate, trusted ...*certstest.CA) {
	t.Helper()
	key := newKey(t, certs.KeySpec{})
	leaf := c.a.Sign(t, &x509.Certificate{DNSNames: []string{"a.example"}, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(30 * day)}, key.Public())
	b := certs.Assemble(leaf, others, now)
	b.Key = key
	var got []string
	for _, one := range b.Intermediates {
		got = append(got, one.Subject.CommonName+"/"+one.Issuer.CommonName)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("served is %q, want %q", strings.Join(got, " "), want)
	}
	if warnings, err := certs.CheckResponse(b, certs.Spec{DNSNames: []string{"a.example"}}, key.Public(), now); err != nil {
		t.Errorf("it is refused: %v (%q)", err, warnings)
	}
	for _, root := range trusted {
		roots, between := x509.NewCertPool(), x509.NewCertPool()
		roots.AddCert(root.Cert)
		for _, one := range b.Intermediates {
			between.AddCert(one)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now}); err != nil {
			t.Errorf("a client that trusts %s alone: %v", root.Cert.Subject, err)
		}
	}
}

// ends are case 6: a CA above the one that signs ends before the certificate.
var ends = []kase{
	reported("06", "the renewed CA is followed", func(t *testing.T) {
		u := newUpper(t)
		o := u.observed
		o.CurrentCA, o.CurrentCASince = list(u.issuing, u.renewed, u.root), now.Add(-time.Hour)
		if d := certs.Decide(o, now.Add(time.Hour)); d.Reason != certs.IssuerEnding {
			t.Errorf("%v %q", d.Issue, d.Reason)
		}
	}),
	reported("06", "without one it is renewed before the end", func(t *testing.T) {
		u := newUpper(t)
		d := certs.Decide(u.observed, now)
		if d.Issue || !d.RenewAt.Before(u.policy.Cert.NotAfter) || !d.ChainExpiry.Equal(u.policy.Cert.NotAfter) {
			t.Errorf("%v, renewed at %s, ends %s, the CA %s", d.Issue, d.RenewAt, d.ChainExpiry, u.policy.Cert.NotAfter)
		}
	}),
	reported("06", "the response has the old one and the renewed", func(t *testing.T) {
		u := newUpper(t)
		later := u.policy.Cert.NotAfter.Add(time.Hour)
		b := certs.Assemble(u.leaf, list(u.issuing, u.policy, u.renewed, u.root), later)
		b.Key = u.key
		if _, err := certs.CheckResponse(b, u.observed.Spec, u.key.Public(), later); err != nil {
			t.Error(err)
		}
		if first, _ := b.Expiry(); !first.Equal(u.leaf.NotAfter) || len(b.Intermediates) != 2 {
			t.Errorf("ends %s with %d intermediates", first, len(b.Intermediates))
		}
	}),
	reported("06", "a certificate is not Ready once its chain has ended", func(t *testing.T) {
		s := newScene(t)
		root := certstest.NewCA(t, "root", now.Add(3000*day))
		s.Vault.CA = root.Intermediate(t, "issuing", now.Add(day))
		end := s.Vault.CA.Cert.NotAfter
		s.Create("web")
		s.Run()
		s.ready("web")
		s.Vault.Seal(true)
		s.Pass(end.Sub(s.Clock.Now()) - time.Second)
		s.is("web", v1alpha1.ConditionReady, "True RenewalFailing")
		s.Pass(time.Second)
		s.is("web", v1alpha1.ConditionReady, "False Expired", `CA "CN=issuing" expired`)
		s.Restart()
		s.Run()
		s.is("web", v1alpha1.ConditionPushed, "False NotApplicable")
		s.Vault.CA = root.Intermediate(t, "issuing", now.Add(400*day))
		s.Vault.Seal(false)
		s.Pass(10 * time.Minute)
		s.ready("web")
		s.shows("web.example", s.Leaf("web-tls"))
	}),
	neighbour("06", "of two paths one ends: Ready stays, and the next one is asked for", func(t *testing.T) {
		u := newUpper(t)
		other := certstest.NewCA(t, "other", now.Add(3000*day))
		o := u.observed
		b := certs.Assemble(u.leaf, list(u.issuing, u.policy, u.policy.CrossSigned(t, other, now.Add(1000*day)), u.root, other), now)
		o.CertPEM, o.CAPEM = b.CertPEM(), b.CAPEM()
		after := u.policy.Cert.NotAfter.Add(time.Minute)
		d := certs.Decide(o, after)
		if d.Expired != "" || !d.Issue || !d.ValidUntil.After(after) || !d.ChainExpiry.Equal(u.policy.Cert.NotAfter) {
			t.Errorf("%q, %v %q, ends %s and %s", d.Expired, d.Issue, d.Reason, d.ChainExpiry, d.ValidUntil)
		}
	}),
	neighbour("06", "the root itself ends", func(t *testing.T) {
		root := certstest.NewCA(t, "root", now.Add(5*day))
		first, last := certs.CAExpiry(list(root.Intermediate(t, "a", now.Add(100*day)), root))
		if !first.Equal(root.Cert.NotAfter) || !last.Equal(first) {
			t.Errorf("%s and %s, the root %s", first, last, root.Cert.NotAfter)
		}
	}),
	neighbour("06", "a provided pair whose chain has ended is not pushed", func(t *testing.T) {
		u := newUpper(t)
		d, fault := certs.CheckProvided(u.observed, u.policy.Cert.NotAfter)
		if fault.Reason != certs.ChainBroken || !fault.Unusable || !strings.Contains(fault.Message, "policy") || d.Issue {
			t.Errorf("%+v", fault)
		}
	}),
}

// upper is a leaf of 89 days below a CA of 400, below one of 2, below a root.
type upper struct {
	root, policy, renewed, issuing *certstest.CA
	key                            certs.Key
	leaf                           *x509.Certificate
	observed                       certs.Observed
}

func newUpper(t *testing.T) upper {
	u := upper{root: certstest.NewCA(t, "root", now.Add(3000*day)), key: newKey(t, certs.KeySpec{})}
	u.policy = u.root.Intermediate(t, "policy", now.Add(2*day))
	u.renewed = u.policy.CrossSigned(t, u.root, now.Add(1000*day))
	u.issuing = u.policy.Intermediate(t, "issuing", now.Add(400*day))
	spec := certs.Spec{DNSNames: []string{"a.example"}, Duration: 90 * day}
	u.leaf = u.issuing.Sign(t, &x509.Certificate{DNSNames: spec.DNSNames, NotBefore: now.Add(-day), NotAfter: now.Add(89 * day)}, u.key.Public())
	b := certs.Assemble(u.leaf, list(u.issuing, u.policy, u.root), now)
	u.observed = certs.Observed{
		SecretExists: true, CertPEM: b.CertPEM(), KeyPEM: u.key.PEM(""), CAPEM: b.CAPEM(), IssuedAt: now.Add(-day), IssuedDigest: spec.Digest(),
		CurrentCA: list(u.issuing, u.policy, u.root), IssuedUnder: certs.ChainID(list(u.issuing, u.policy, u.root)), Spec: spec, UID: "uid",
	}
	return u
}
