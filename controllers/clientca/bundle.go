// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/certs"
)

// former is a CA that the issuer had, and that the Secret holds.
type former struct {
	cert *x509.Certificate
	// until is how long the Secret says that it is needed. Zero: it was current when the Secret was written.
	until time.Time
	// lastEnd is when the last certificate expires that it is known to have signed. Zero: none is known.
	lastEnd time.Time
	// watched: it was seen to be the issuer's while this process ran, so that no certificate of it went by unseen.
	watched bool
}

// bundle is what a Secret should hold.
type bundle struct {
	// cas are those that the issuer signs with now, and those above, then those that it had.
	cas []*x509.Certificate
	// until is how long each CA is needed, by its fingerprint. Zero: it is current.
	until map[string]time.Time
	// next is when one of them is not needed any more. Zero: that does not happen by itself.
	next time.Time
}

// makeBundle decides which CAs clients are verified with. A CA that the issuer has no longer stays until the last certificate
// that it is known to have signed has expired, and so do the CAs above it. What it signed unseen, for one that was replaced
// while no controller ran, expires within longest from now: the longest life of the issuer's certificates.
//
// It is pure. Applied to its own result at the same time it gives the same.
func makeBundle(now time.Time, current []*x509.Certificate, had []former, longest time.Duration) bundle {
	b := bundle{until: map[string]time.Time{}}
	for _, ca := range current {
		if _, twice := b.until[certs.Fingerprint(ca)]; !twice && now.Before(ca.NotAfter) {
			b.add(ca, time.Time{})
		}
	}
	needed := neededUntil(now, current, had, longest)
	for i, f := range had {
		if _, there := b.until[certs.Fingerprint(f.cert)]; there || !now.Before(needed[i]) {
			continue
		}
		b.add(f.cert, needed[i])
	}
	return b
}

func (b *bundle) add(ca *x509.Certificate, until time.Time) {
	b.cas = append(b.cas, ca)
	b.until[certs.Fingerprint(ca)] = until
	if until.IsZero() {
		until = ca.NotAfter
	}
	if b.next.IsZero() || until.Before(b.next) {
		b.next = until
	}
}

// neededUntil is how long each former CA is needed, cut to the second: by what it signed itself, and by the CAs that it signed.
func neededUntil(now time.Time, current []*x509.Certificate, had []former, longest time.Duration) []time.Time {
	needed := make([]time.Time, len(had))
	for i, f := range had {
		if slices.ContainsFunc(current, func(ca *x509.Certificate) bool { return sameKey(ca, f.cert) }) {
			continue // the current one verifies whatever it signed
		}
		needed[i] = later(f.until, f.lastEnd)
		if f.until.IsZero() && !f.watched {
			needed[i] = later(needed[i], now.Add(longest))
		}
	}
	for range had { // as high as they may be stacked
		for i, above := range had {
			for j, below := range had {
				if i != j && signed(above.cert, below.cert) {
					needed[i] = later(needed[i], needed[j])
				}
			}
		}
	}
	for i, f := range had {
		needed[i] = earlier(needed[i], f.cert.NotAfter).UTC().Truncate(time.Second)
	}
	return needed
}

// sameKey reports whether two certificates are of the same CA: one that was renewed or cross-signed.
func sameKey(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubject, b.RawSubject) && bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

// signed reports whether a CA signed a certificate.
func signed(ca, cert *x509.Certificate) bool {
	return bytes.Equal(ca.RawSubject, cert.RawIssuer) && cert.CheckSignatureFrom(ca) == nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
