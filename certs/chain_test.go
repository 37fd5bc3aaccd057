// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

// shape is what an issuer may send beside a leaf, and what is to come of it. Names are SUBJECT/ISSUER.
type shape struct {
	name    string
	signer  *certstest.CA
	others  []*x509.Certificate
	chain   string           // Intermediates
	ca      string           // CA
	trusted []*certstest.CA  // each alone verifies what is served
	lost    []*certstest.CA  // and these do not
	ends    [2]time.Duration // first and last from now; zero for the leaf's
}

// shapes are all for a leaf of 30 days.
func shapes(t testing.TB) []shape {
	ca := func(name string, days int) *certstest.CA {
		return certstest.NewCA(t, name, now.Add(time.Duration(days)*day))
	}
	at := func(days int) time.Time { return now.Add(time.Duration(days) * day) }
	ended := now.Add(-time.Hour)
	root1, root2, root3 := ca("root1", 300), ca("root2", 3000), ca("root3", 300)
	a := root1.Intermediate(t, "a", at(200))
	ax, axOld := a.CrossSigned(t, root2, at(200)), a.CrossSigned(t, root2, ended)
	a3 := a.CrossSigned(t, root3, at(200))
	r1x, r1xSoon, r1xOld := root1.CrossSigned(t, root2, at(100)), root1.CrossSigned(t, root2, now.Add(2*time.Minute)), root1.CrossSigned(t, root2, ended)
	r2x := root2.CrossSigned(t, root1, at(100))
	policyOld := root1.Intermediate(t, "policy", at(2))
	policyNew := policyOld.CrossSigned(t, root1, at(100))
	policyX := policyOld.CrossSigned(t, root2, at(90))
	policyEnded := policyOld.CrossSigned(t, root1, ended)
	issuing := policyOld.Intermediate(t, "issuing", at(250))
	root1Old := root1.Renewed(t, ended)
	otherKey := root1.Intermediate(t, "a", at(150))
	b := root2.Intermediate(t, "b", at(200))
	ab, ba := a.CrossSigned(t, b, at(200)), b.CrossSigned(t, a, at(200))
	early := &certstest.CA{Key: a.Key, Cert: root2.Sign(t, &x509.Certificate{
		Subject: a.Cert.Subject, NotBefore: at(1), NotAfter: at(400), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{},
	}, a.Key.Public())}
	one, two := parentsOf(root1), parentsOf(root2)
	return []shape{
		{"a root mount", root1, parents(root1), "", "root1/root1", one, two, [2]time.Duration{}},
		{"one intermediate", a, parents(a, root1), "a/root1", "root1/root1", one, two, [2]time.Duration{}},
		{"the root lies elsewhere", a, parents(a), "a/root1", "a/root1", one, two, [2]time.Duration{}},
		{"the root first, duplicates", a, parents(root1, a, root1, a), "a/root1", "root1/root1", one, two, [2]time.Duration{}},
		{"wrong order", issuing, parents(root1, policyNew, issuing), "issuing/policy policy/root1", "root1/root1", one, two, [2]time.Duration{}},
		{"other issuers of the mount", a, parents(b, root2, otherKey, a, root1, policyNew, issuing), "a/root1", "root1/root1", one, two, [2]time.Duration{}},
		{"an issuer of the same name with another key", otherKey, parents(a, otherKey, root1), "a/root1", "root1/root1", one, two, [2]time.Duration{}},

		{"cross-signed intermediate", a, parents(a, ax, root1, root2), "a/root1 a/root2", "root1/root1 root2/root2", append(one, two...), nil, [2]time.Duration{}},
		{"cross-signed, roots elsewhere", a, parents(a, ax), "a/root1 a/root2", "a/root1 a/root2", append(one, two...), nil, [2]time.Duration{}},
		{"cross-signed, the other way round", a, parents(ax, a), "a/root2 a/root1", "a/root2 a/root1", append(one, two...), nil, [2]time.Duration{}},
		{"cross-signed, one root elsewhere", a, parents(a, ax, root2), "a/root1 a/root2", "root2/root2", append(one, two...), nil, [2]time.Duration{}},
		{"cross-signed by three", a, parents(a, ax, a3, root1, root2, root3), "a/root1 a/root2 a/root3", "root1/root1 root2/root2 root3/root3", parentsOf(root1, root2, root3), nil, [2]time.Duration{}},
		{"one branch expired, and first", a, parents(axOld, a, root1), "a/root1", "root1/root1", one, two, [2]time.Duration{}},
		{"one branch expired, its root known", a, parents(axOld, a, root1, root2), "a/root1", "root1/root1", one, two, [2]time.Duration{}},
		{"the only known root has no branch any more", a, parents(axOld, a, root2), "a/root1", "a/root1", one, two, [2]time.Duration{}},
		{"one branch not valid yet", a, parents(early, a, root1, root2), "a/root1 a/root2", "root1/root1 root2/root2", one, two, [2]time.Duration{}},
		{"intermediates that signed each other", a, parents(a, ab, b, ba, root1, root2), "a/root1 a/b b/root2 b/a", "root1/root1 root2/root2", append(one, two...), nil, [2]time.Duration{}},

		{"cross-signed root", a, parents(a, r1x, root1, root2), "a/root1 root1/root2", "root1/root1 root2/root2", append(one, two...), nil, [2]time.Duration{}},
		{"cross-signed root, roots elsewhere", a, parents(a, r1x), "a/root1 root1/root2", "root1/root2", append(one, two...), nil, [2]time.Duration{}},
		{"cross-signed root expired", a, parents(a, r1xOld, root1, root2), "a/root1", "root1/root1", one, two, [2]time.Duration{}},
		{"cross-signed root expired, roots elsewhere", a, parents(a, r1xOld), "a/root1", "a/root1", one, two, [2]time.Duration{}},
		{"cross-signed root about to expire", a, parents(a, r1xSoon, root1, root2), "a/root1 root1/root2", "root1/root1 root2/root2", append(one, two...), nil, [2]time.Duration{2 * time.Minute}},
		{"roots that signed each other", a, parents(a, r1x, r2x, root1, root2), "a/root1 root1/root2 root2/root1", "root1/root1 root2/root2", append(one, two...), nil, [2]time.Duration{}},
		{"roots that signed each other, elsewhere", a, parents(a, r1x, r2x), "a/root1 root1/root2 root2/root1", "root2/root1", append(one, two...), nil, [2]time.Duration{}},

		{"upper CA renewed", issuing, parents(issuing, policyOld, policyNew, root1), "issuing/policy policy/root1 policy/root1", "root1/root1", one, two, [2]time.Duration{}},
		{"upper CA renewed, root elsewhere", issuing, parents(issuing, policyOld, policyNew), "issuing/policy policy/root1 policy/root1", "policy/root1 policy/root1", one, two, [2]time.Duration{}},
		{"upper CA renewed, the old one expired and first", issuing, parents(issuing, policyEnded, policyNew, root1), "issuing/policy policy/root1", "root1/root1", one, two, [2]time.Duration{}},
		{"upper CA expires", issuing, parents(issuing, policyOld, root1), "issuing/policy policy/root1", "root1/root1", one, two, [2]time.Duration{2 * day, 2 * day}},
		{"upper CA cross-signed, one expires", issuing, parents(issuing, policyOld, policyX, root1, root2), "issuing/policy policy/root1 policy/root2", "root1/root1 root2/root2", append(one, two...), nil, [2]time.Duration{2 * day}},
		{"root renewed, the old one expired", a, parents(a, root1Old, root1), "a/root1", "root1/root1", one, two, [2]time.Duration{}},
	}
}

func parentsOf(list ...*certstest.CA) []*certstest.CA { return list }

// TestChainShapes assembles, checks, stores and decides about every shape, and verifies what is served as clients do that
// trust one root alone.
func TestChainShapes(t *testing.T) {
	all, verified := shapes(t), 0
	key := mustKey(t, KeySpec{})
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			spec := Spec{DNSNames: []string{"a.example.com"}}
			leaf := leafOf(t, s.signer, key)
			b := Assemble(leaf, s.others, now)
			b.Key = key
			if diff := cmp.Diff([]string{s.chain, s.ca}, []string{shown(b.Intermediates), shown(b.CA)}); diff != "" {
				t.Errorf("chain and CA (-want +got):\n%s", diff)
			}
			if warnings, err := CheckResponse(b, spec, key.Public(), now); err != nil {
				t.Errorf("CheckResponse: %v, %q", err, warnings)
			}
			for i, trusted := range append(s.trusted, s.lost...) {
				if err := verifies(leaf, b.Intermediates, trusted.Cert, now); (err == nil) != (i < len(s.trusted)) {
					t.Errorf("a client that trusts %s alone: %v", trusted.Cert.Subject, err)
				}
			}
			verified++
			checkExpiry(t, b, s.ends)
			checkRests(t, b, spec)
			checkOrders(t, leaf, s, b)
		})
	}
	fmt.Printf("measure: chains shapes=%d verified=%d\n", len(all), verified)
}

func leafOf(t testing.TB, signer *certstest.CA, key Key) *x509.Certificate {
	return signer.Sign(t, &x509.Certificate{DNSNames: []string{"a.example.com"}, NotBefore: now.Add(-time.Minute), NotAfter: now.Add(30 * day)}, key.Public())
}

// shown is SUBJECT/ISSUER of each.
func shown(list []*x509.Certificate) string {
	var all []string
	for _, cert := range list {
		all = append(all, cert.Subject.CommonName+"/"+cert.Issuer.CommonName)
	}
	return strings.Join(all, " ")
}

func verifies(leaf *x509.Certificate, served []*x509.Certificate, root *x509.Certificate, at time.Time) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root)
	for _, cert := range served {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at})
	return err
}

func checkExpiry(t *testing.T, b Bundle, want [2]time.Duration) {
	t.Helper()
	first, last := b.Expiry()
	for i, got := range []time.Time{first, last} {
		if want[i] == 0 {
			want[i] = 30 * day
		}
		if !got.Equal(now.Add(want[i])) {
			t.Errorf("Ends %d: %s from now, want %s", i, got.Sub(now), want[i])
		}
	}
}

// checkRests wants nothing to be done about what was just issued.
func checkRests(t *testing.T, b Bundle, spec Spec) {
	t.Helper()
	ca := AssembleCA(b.Issuers()[0], b.Issuers(), now)
	o := Observed{
		SecretExists: true, CertPEM: b.CertPEM(), KeyPEM: b.Key.PEM(""), CAPEM: b.CAPEM(), IssuedAt: now, Spec: spec, UID: "uid",
		CurrentCA: ca, CurrentCASince: now.Add(-day),
	}
	if d := Decide(o, now.Add(time.Second)); d.Issue {
		t.Errorf("issued again at once: %s, %s", d.Reason, d.Message)
	}
	if d, fault := CheckProvided(o, now); fault != (Fault{}) || !d.ValidUntil.After(now) {
		t.Errorf("provided: %+v, valid until %s", fault, d.ValidUntil)
	}
}

// checkOrders wants the same certificates from any order of the input, each after one that it signed.
func checkOrders(t *testing.T, leaf *x509.Certificate, s shape, want Bundle) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		others := append([]*x509.Certificate(nil), s.others...)
		random.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
		b := Assemble(leaf, others, now)
		if len(b.Intermediates) != len(want.Intermediates) || b.chainProblem(b.chain()) != "" {
			t.Errorf("%s: %s, %s", shown(others), shown(b.Intermediates), b.chainProblem(b.chain()))
		}
		again := Assemble(leaf, b.Issuers(), now)
		if string(again.CertPEM()) != string(b.CertPEM()) || string(again.CAPEM()) != string(b.CAPEM()) {
			t.Errorf("%s: assembled again it is %s, %s", shown(b.Issuers()), shown(again.Intermediates), shown(again.CA))
		}
	}
}

// TestChainRefused names why no path of a response verifies.
func TestChainRefused(t *testing.T) {
	ended := now.Add(-time.Hour)
	root := certstest.NewCA(t, "root", now.Add(3000*day))
	policy := root.Intermediate(t, "policy", ended)
	issuing := policy.Intermediate(t, "issuing", now.Add(400*day))
	endedIssuing := root.Intermediate(t, "issuing", ended)
	endedRoot := certstest.NewCA(t, "old root", ended)
	below := endedRoot.Intermediate(t, "below", now.Add(400*day))
	constrained := &certstest.CA{Key: issuing.Key, Cert: root.Sign(t, &x509.Certificate{
		Subject: issuing.Cert.Subject, NotBefore: now.Add(-day), NotAfter: now.Add(400 * day), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{}, PermittedDNSDomains: []string{"example.org"}, PermittedDNSDomainsCritical: true,
	}, issuing.Key.Public())}
	for _, row := range []struct {
		name   string
		signer *certstest.CA
		others []*x509.Certificate
		want   string
	}{
		{"nothing beside it", issuing, nil, "the CA that signed the certificate is missing"},
		{"another CA", issuing, parents(root), "the CA that signed the certificate is missing"},
		{"upper CA expired, below a known root", issuing, parents(issuing, policy, root), `CA "CN=policy" expired at 2026-01-02T02:04:05Z`},
		{"issuing CA expired", endedIssuing, parents(endedIssuing, root), `CA "CN=issuing" expired at 2026-01-02T02:04:05Z`},
		{"issuing CA expired, root elsewhere", endedIssuing, parents(endedIssuing), `CA "CN=issuing" expired at 2026-01-02T02:04:05Z`},
		{"root expired", below, parents(below, endedRoot), `CA "CN=old root" expired at 2026-01-02T02:04:05Z`},
		{"a CA that may not sign these names", constrained, parents(constrained, root), "does not verify against its CA"},
	} {
		t.Run(row.name, func(t *testing.T) {
			key := mustKey(t, KeySpec{})
			b := Assemble(leafOf(t, row.signer, key), row.others, now)
			_, err := CheckResponse(b, Spec{DNSNames: []string{"a.example.com"}}, key.Public(), now)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("CheckResponse: %v, want %q", err, row.want)
			}
		})
	}
}

// TestChainProblem is about what others provide.
func TestChainProblem(t *testing.T) {
	root := certstest.NewCA(t, "root", now.Add(3000*day))
	upper := root.Intermediate(t, "upper", now.Add(2000*day))
	lower := upper.Intermediate(t, "lower", now.Add(1000*day))
	upper2 := upper.CrossSigned(t, certstest.NewCA(t, "root2", now.Add(3000*day)), now.Add(2000*day))
	other := certstest.NewCA(t, "other", now.Add(3000*day))
	leaf := leafOf(t, lower, mustKey(t, KeySpec{}))
	const (
		order   = "the chain is out of order: each certificate must have signed one before it"
		foreign = "the chain contains a certificate that did not sign any other in it"
		wrongCA = "the chain does not lead to any of the CA certificates"
		gap     = "the chain lacks an intermediate certificate that is only among the CA certificates"
	)
	for _, row := range []struct {
		name      string
		chain, ca []*x509.Certificate
		want      string
	}{
		{"whole", parents(lower, upper), parents(root), ""},
		{"leaf alone", nil, nil, ""},
		{"leaf alone, its CA beside it", nil, parents(lower), ""},
		{"leaf alone, the whole chain as CA", nil, parents(lower, upper, root), gap},
		{"leaf alone, the root beside it", nil, parents(root), wrongCA},
		{"root in the chain", parents(lower, upper, root), parents(root), ""},
		{"root in the chain, no CA", parents(lower, upper, root), nil, ""},
		{"root in the chain alone, an intermediate as CA", parents(lower, upper, root), parents(upper), ""},
		{"no CA", parents(lower, upper), nil, ""},
		{"cross-signed", parents(lower, upper, upper2), parents(root), ""},
		{"one twice", parents(lower, lower, upper), parents(root), ""},
		{"out of order", parents(upper, lower), parents(root), order},
		{"root first", parents(root, upper, lower), nil, order},
		{"a stranger", parents(lower, other), nil, foreign},
		{"a stranger alone", parents(other), nil, foreign},
		{"a gap", parents(lower), parents(root), wrongCA},
		{"a gap, filled beside it", parents(lower), parents(upper, root), gap},
		{"a gap in the chain", parents(lower, root), nil, foreign},
		{"another CA", parents(lower, upper), parents(other), wrongCA},
		{"many CAs", parents(lower, upper), parents(other, root), ""},
	} {
		b := Bundle{Leaf: leaf, Intermediates: row.chain, CA: row.ca}
		if got := b.chainProblem(b.chain()); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

// TestUpperCAExpires is a chain whose CA in the middle expires long before the leaf, and was renewed with the same key.
func TestUpperCAExpires(t *testing.T) {
	root := certstest.NewCA(t, "root", now.Add(3000*day))
	policy := root.Intermediate(t, "policy", now.Add(2*day))
	issuing := policy.Intermediate(t, "issuing", now.Add(400*day))
	renewed := policy.CrossSigned(t, root, now.Add(1000*day))
	key := mustKey(t, KeySpec{})
	spec := Spec{DNSNames: []string{"a.example.com"}, Duration: 90 * day}
	leaf := issuing.Sign(t, &x509.Certificate{DNSNames: spec.DNSNames, NotBefore: now.Add(-day), NotAfter: now.Add(89 * day)}, key.Public())
	store := func(others []*x509.Certificate, at time.Time) Observed {
		b := Assemble(leaf, others, at)
		return Observed{
			SecretExists: true, CertPEM: b.CertPEM(), KeyPEM: key.PEM(""), CAPEM: b.CAPEM(), IssuedAt: at,
			Spec: spec, UID: "uid", CurrentCA: parents(issuing, policy, root), IssuedUnder: ChainID(parents(issuing, policy, root)),
		}
	}
	o := store(parents(issuing, policy, root), now.Add(-day))
	d := Decide(o, now)
	if d.Issue || !d.RenewAt.Before(now.Add(2*day)) || !d.ChainExpiry.Equal(now.Add(2*day)) || !d.ValidUntil.Equal(now.Add(2*day)) {
		t.Errorf("before the renewal of the CA: issue %v, renewed at %s, expires %s and %s", d.Issue, d.RenewAt, d.ChainExpiry, d.ValidUntil)
	}
	if d := Decide(o, now.Add(2*day)); !d.Issue || d.Reason != Expired {
		t.Errorf("at the end of the CA: %v %q", d.Issue, d.Reason)
	}
	o.CurrentCA, o.CurrentCASince = parents(issuing, renewed, root), now.Add(-time.Hour)
	if d := Decide(o, now.Add(time.Hour)); d.Reason != IssuerEnding {
		t.Errorf("after the renewal of the CA: %v %q", d.Issue, d.Reason)
	}
	// The signing CA is the same as before: a mark of it alone must not hold that back.
	o.IssuedUnder = Fingerprint(issuing.Cert)
	if d := Decide(o, now.Add(time.Hour)); d.Reason != IssuerEnding {
		t.Errorf("marked with the signing CA: %v %q", d.Issue, d.Reason)
	}
	if o.IssuedUnder = ChainID(o.CurrentCA); Decide(o, now.Add(time.Hour)).Issue {
		t.Error("tried under this chain already, and yet again")
	}
	o = store(parents(issuing, policy, renewed, root), now)
	o.CurrentCA = parents(issuing, policy, renewed, root)
	if d := Decide(o, now.Add(time.Hour)); d.Issue || !d.ChainExpiry.Equal(leaf.NotAfter) {
		t.Errorf("issued again: %v %q, expires %s", d.Issue, d.Reason, d.ChainExpiry)
	}
}

// TestCheckCA names what has expired, and has a CA of which one path is left.
func TestCheckCA(t *testing.T) {
	ended := now.Add(-time.Hour)
	root := certstest.NewCA(t, "root", now.Add(3000*day))
	policy := root.Intermediate(t, "policy", ended)
	issuing := policy.Intermediate(t, "issuing", now.Add(400*day))
	renewed := policy.CrossSigned(t, root, now.Add(100*day))
	endedRoot := root.Renewed(t, ended)
	cross := endedRoot.CrossSigned(t, certstest.NewCA(t, "root2", now.Add(30*day)), now.Add(20*day))
	for _, row := range []struct {
		name        string
		ca          *certstest.CA
		others      []*x509.Certificate
		want        string
		first, last time.Duration
	}{
		{"good", root, nil, "", 3000 * day, 3000 * day},
		{"expired", endedRoot, nil, "CN=root", -time.Hour, -time.Hour},
		{"renewed beside it", endedRoot, parents(root), "", 3000 * day, 3000 * day},
		{"expired, cross-signed", endedRoot, parents(cross), "", -time.Hour, 20 * day}, // the clients of the old root are lost
		{"above it expired", issuing, parents(policy, root), "CN=policy", -time.Hour, -time.Hour},
		{"above it renewed", issuing, parents(policy, renewed, root), "", 100 * day, 100 * day},
		{"above it expired, root elsewhere", issuing, parents(policy), "", -time.Hour, 400 * day},
		{"above it one of two expired, root elsewhere", issuing, parents(policy, renewed), "", 100 * day, 400 * day},
		{"nothing known above", issuing, nil, "", 400 * day, 400 * day},
	} {
		list := AssembleCA(row.ca.Cert, row.others, now)
		first, last := CAExpiry(list)
		if !first.Equal(now.Add(row.first)) || !last.Equal(now.Add(row.last)) {
			t.Errorf("%s: expires in %s and %s", row.name, first.Sub(now), last.Sub(now))
		}
		err := CheckCA(list, now)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
	if first, last := CAExpiry(nil); CheckCA(nil, now) != nil || !first.IsZero() || !last.IsZero() || ChainID(nil) != "" {
		t.Error("an unknown CA expires")
	}
	if want := `CA "CN=root" expired at 2026-01-02T02:04:05Z: renew the CA and configure the renewed CA in the issuer (for Vault: import it into the mount)`; CheckCA(parents(endedRoot), now).Error() != want {
		t.Error(CheckCA(parents(endedRoot), now))
	}
}
