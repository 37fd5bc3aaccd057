// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"time"
)

// Observed is everything that Decide looks at. The zero value is a certificate that does not exist.
type Observed struct {
	SecretExists bool
	CertPEM      []byte // tls.crt
	KeyPEM       []byte // tls.key
	CAPEM        []byte // ca.crt; may be empty
	// KeyExternal: the key is not kept in Kubernetes, so KeyPEM says nothing.
	KeyExternal bool

	// IssuedBy is the identity of the issuer that made what there is, WantedIssuer of the one that spec names; IssuedFor
	// and WantedFor the same for the object that it was made for. They are opaque and compared as they are. An empty
	// IssuedBy or IssuedFor is not known, as in an adopted Secret, and is no difference.
	IssuedBy, WantedIssuer string
	IssuedFor, WantedFor   string
	// IssuedDigest is Spec.Digest of when it was issued. While it is equal to Spec's, a subject or usage that the issuer
	// left out was asked for and not granted, and asking again would change nothing. Empty is not known: the certificate
	// itself is compared.
	IssuedDigest string
	// IssuedAt is when it was issued, from which its life is counted; zero, or a time that cannot be, is not known, and
	// NotBefore stands for it. See LifetimeStart.
	IssuedAt time.Time

	// CurrentCA is the CA that the issuer signs with now, as AssembleCA gives it: the signing certificate first; nil is not
	// known.
	CurrentCA []*x509.Certificate
	// CurrentCASince is when the issuer was first seen to sign with it; zero is not known. Leaves of another CA, or of a
	// chain that ends too soon, are issued again spread over RotationSpread from then on, 0 for an hour, but never over more
	// than a tenth of the life left.
	CurrentCASince time.Time
	RotationSpread time.Duration
	// IssuedUnder is the ChainID of CurrentCA at the time of the last issuance, empty where it was not known. While it is
	// the same still, issuing again would give the same: an issuer may sign with another CA than it names.
	IssuedUnder string
	// Revoked: the serial is on the issuer's CRL.
	Revoked bool
	// MassRevokedAt is when it was, where that was with many others and must not be followed by all of them at once: they are
	// issued again spread over RotationSpread, as after a rotation. Zero: at once.
	MassRevokedAt time.Time
	// RenewRequestedAt is when someone asked for a renewal; zero for never. A time ahead is a renewal planned for then,
	// one not after IssuedAt is answered already.
	RenewRequestedAt time.Time
	// RenewalWindow moves a renewal time into the next time when renewing is welcome, the same time if it is; nil where
	// any time is. It must be pure. A window that leaves less than half of the time until expiry is ignored.
	RenewalWindow func(time.Time) time.Time

	// Once: what is as Spec wants it is not issued again for its age or its issuer's sake, but when a renewal is asked for.
	// See Decision.Skipped.
	IssueOnce bool

	Spec Spec
	UID  string // of the object, for the spread of RenewalTime
}

// facts are Observed and what several rules derive from it.
type facts struct {
	Observed
	now             time.Time
	bundle          Bundle
	certErr, keyErr error
	chain           chain     // of bundle; empty without a leaf
	first, last     time.Time // Bundle.Expiry
	renewAt         time.Time
	rotateAt        time.Time // zero unless the CA has rotated or ends too soon
	revokedAt       time.Time // when a revocation is followed; zero: at once
}

func gather(o Observed, now time.Time) facts {
	f := facts{Observed: o, now: now}
	if !o.SecretExists {
		return f
	}
	if f.bundle, f.certErr = ParseBundle(o.CertPEM, nil, o.CAPEM); f.certErr != nil {
		return f
	}
	if !o.KeyExternal {
		f.bundle.Key, f.keyErr = parseOptionalKey(o.KeyPEM)
	}
	f.chain = f.bundle.chain()
	f.first, f.last = f.chain.expiry()
	f.renewAt = f.renewalTime()
	if f.signedByFormerCA() || f.chainExpiresEarly() {
		f.rotateAt = rotationTime(o.CurrentCASince, f.first, o.RotationSpread, o.UID)
	}
	if o.Revoked && !o.MassRevokedAt.IsZero() {
		f.revokedAt = rotationTime(o.MassRevokedAt, f.first, o.RotationSpread, o.UID)
	}
	return f
}

func (f facts) renewalTime() time.Time {
	at := RenewalTime(LifetimeStart(f.bundle.Leaf.NotBefore, f.IssuedAt, f.now), f.first, f.Spec, f.UID)
	if f.RenewalWindow == nil {
		return at
	}
	moved := f.RenewalWindow(at).Truncate(time.Second)
	if moved.Before(at) || f.first.Sub(moved) < f.first.Sub(at)/2 {
		return at
	}
	return moved
}

// rotated reports whether another CA than the issuer's current one signed the leaf.
func (f facts) signedByFormerCA() bool {
	return f.caChanged() && !signedBy(f.bundle.Leaf, f.CurrentCA[0])
}

// ending reports whether a CA of the chain ends before the leaf. Only what issuing would improve counts: without a longer
// CA a new certificate would be no different.
func (f facts) chainExpiresEarly() bool {
	if !f.first.Before(f.bundle.Leaf.NotAfter) || !f.caChanged() {
		return false
	}
	current, _ := CAExpiry(f.CurrentCA)
	return current.After(f.first)
}

// followsCA reports whether issuing under the current CA was not tried yet.
func (f facts) caChanged() bool {
	return len(f.CurrentCA) > 0 && f.IssuedUnder != ChainID(f.CurrentCA)
}

// rotates reports whether the turn of this certificate has come.
func (f facts) rotationDue() bool { return !f.now.Before(f.rotateAt) }

func empty(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }
