// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

// crossings are, for each of a few keys, its certificate by every key: one expired, one that expires soon, one that is valid for long.
func crossings(t testing.TB) (signer *certstest.CA, all []*x509.Certificate) {
	var keys []*certstest.CA
	for _, name := range []string{"a", "b", "c", "d"} {
		keys = append(keys, certstest.NewCA(t, name, now.Add(100*day)))
	}
	for _, child := range keys {
		for _, parent := range keys {
			for _, end := range []time.Duration{-time.Hour, 5 * day, 50 * day} {
				all = append(all, child.CrossSigned(t, parent, now.Add(end)).Cert)
			}
		}
	}
	return keys[0], all
}

// FuzzChain builds chains of any certificates that four CAs made for each other, and holds them to crypto/x509.
func FuzzChain(f *testing.F) {
	signer, all := crossings(f)
	key := mustKey(f, KeySpec{})
	leaf := leafOf(f, signer, key)
	spec := Spec{DNSNames: []string{"a.example.com"}}
	f.Add([]byte{2, 5, 20})
	f.Add([]byte{3, 14, 5, 17, 2, 47, 46})
	f.Add([]byte{0, 1, 2, 12, 13, 14, 27})
	f.Fuzz(func(t *testing.T, picks []byte) {
		var others []*x509.Certificate
		for _, p := range picks[:min(len(picks), 12)] {
			others = append(others, all[int(p)%len(all)])
		}
		b := Assemble(leaf, others, now)
		b.Key = key
		seen := b.Issuers()
		for _, cert := range seen {
			if !slices.ContainsFunc(others, cert.Equal) {
				t.Fatal("a certificate that was not given")
			}
		}
		if once := (Bundle{Intermediates: b.Intermediates}).Issuers(); len(once) != len(b.Intermediates) {
			t.Errorf("one is there twice: %s", shown(b.Intermediates))
		}
		if problem := b.chainProblem(b.chain()); problem != "" && len(seen) > 0 && len(b.chain().signers[0]) > 0 {
			// Only where no path is left are parts of the chain missing.
			if _, last := b.Expiry(); last.After(now) {
				t.Errorf("%s: %s", shown(others), problem)
			}
		}
		for _, root := range others {
			// Whoever verifies with all that the issuer sent verifies with what is served.
			if shown([]*x509.Certificate{root}) == root.Subject.CommonName+"/"+root.Subject.CommonName &&
				verifies(leaf, others, root, now) == nil && verifies(leaf, b.Intermediates, root, now) != nil {
				t.Errorf("%s: a client of %s is lost with %s", shown(others), root.Subject, shown(b.Intermediates))
			}
		}
		first, last := b.Expiry()
		if first.After(last) || last.After(leaf.NotAfter) {
			t.Errorf("%s: expires %s and %s, the leaf %s", shown(others), first, last, leaf.NotAfter)
		}
		if _, err := CheckResponse(b, spec, key.Public(), now); err == nil {
			checkVerified(t, b, first, last)
		} else if last.After(now) && len(seen) > 0 {
			t.Errorf("%s: %v", shown(others), err)
		}
	})
}

// checkVerified holds Ends to crypto/x509: until first the clients of every root verify, and from last on none does.
func checkVerified(t *testing.T, b Bundle, first, last time.Time) {
	c, byRoot := b.chain(), map[string]bool{}
	for i, ca := range c.certs {
		if root := c.root(i); root != "" {
			byRoot[root] = byRoot[root] || verifies(b.Leaf, b.Intermediates, ca, first.Add(-time.Second)) == nil
		}
	}
	for root, good := range byRoot {
		if !good {
			t.Errorf("%s: clients of %.20q are lost before %s", shown(b.Intermediates), root, first)
		}
	}
	for _, ca := range c.anchors() {
		if verifies(b.Leaf, b.Intermediates, ca, last.Add(time.Second)) == nil {
			t.Errorf("%s: verifies after its last end %s", shown(b.Intermediates), last)
		}
	}
}
