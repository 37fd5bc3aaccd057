// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"bytes"
	"crypto/x509"
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/certs"
)

// former is a former CA of the issuer that the Secret contains.
type former struct {
	cert *x509.Certificate
	// until is the time until which the CA is needed according to the Secret. It is zero if the CA was current when the Secret
	// was written.
	until time.Time
	// lastEnd is the latest expiry of the certificates that it is known to have signed, or zero if there are none.
	lastEnd time.Time
	// watched is set if this process has seen it as a CA of the issuer, so that all of its certificates are known.
	watched bool
}

// bundle is the desired content of a Secret.
type bundle struct {
	// cas are the current CA chain of the issuer, then its former CAs.
	cas []*x509.Certificate
	// until is the time until which each CA is needed, by fingerprint. It is zero for a current CA.
	until map[string]time.Time
	// next is when the first of them is no longer needed, or zero.
	next time.Time
}

// makeBundle decides which CAs verify client certificates. A former CA of the issuer, and the CAs above it, stay until the last
// certificate that it is known to have signed has expired. Certificates of a CA that was replaced while no controller was running
// are unknown. They expire within longest from now: the longest lifetime of the issuer's certificates.
//
// It is pure and idempotent: applied to its own result at the same time it returns the same.
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

// neededUntil returns until when each former CA is needed, truncated to the second, for the certificates that it signed and the
// CAs that it signed.
func neededUntil(now time.Time, current []*x509.Certificate, had []former, longest time.Duration) []time.Time {
	needed := make([]time.Time, len(had))
	for i, f := range had {
		if slices.ContainsFunc(current, func(ca *x509.Certificate) bool { return sameKey(ca, f.cert) }) {
			continue // the current CA verifies its certificates
		}
		needed[i] = later(f.until, f.lastEnd)
		if f.until.IsZero() && !f.watched {
			needed[i] = later(needed[i], now.Add(longest))
		}
	}
	for range had { // the maximum depth of the chain
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

// sameKey reports whether two certificates are of the same CA, which was renewed or cross-signed.
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
