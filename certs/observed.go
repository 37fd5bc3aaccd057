// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto/x509"
	"time"
)

// Observed is the input of Decide. The zero value is a certificate that does not exist.
type Observed struct {
	SecretExists bool
	CertPEM      []byte // tls.crt
	KeyPEM       []byte // tls.key
	CAPEM        []byte // ca.crt; may be empty
	// KeyExternal means that the key is not stored in Kubernetes, so KeyPEM is ignored.
	KeyExternal bool

	// IssuedBy identifies the issuer of the current certificate and WantedIssuer the one that spec names. IssuedFor
	// and WantedFor do the same for the object that it was issued for. They are opaque. An empty IssuedBy or
	// IssuedFor is unknown, as in an adopted Secret, and is not compared.
	IssuedBy, WantedIssuer string
	IssuedFor, WantedFor   string
	// IssuedDigest is Spec.Digest at the time of issuance. While it equals the digest of Spec, a missing subject or
	// usage was requested and not granted, so another request would not change that. If it is empty, the certificate
	// itself is compared.
	IssuedDigest string
	// IssuedAt is the time of issuance, from which the lifetime is measured. If it is zero or implausible, NotBefore
	// is used instead. See LifetimeStart.
	IssuedAt time.Time

	// CurrentCA is the CA that the issuer signs with now, as AssembleCA returns it: the signing certificate first.
	// Nil is unknown.
	CurrentCA []*x509.Certificate
	// CurrentCASince is when the issuer was first observed to sign with CurrentCA; zero is unknown. Certificates of
	// another CA, or with a chain that expires early, are issued again at times spread over RotationSpread (0 is one
	// hour) from then on, but over no more than a tenth of the remaining lifetime.
	CurrentCASince time.Time
	RotationSpread time.Duration
	// IssuedUnder is ChainID of CurrentCA at the last issuance, or empty if it was unknown. While it is unchanged,
	// issuing again would not change the CA, because an issuer may sign with another CA than it names.
	IssuedUnder string
	// Revoked reports whether the certificate's serial number is on the issuer's CRL.
	Revoked bool
	// MassRevokedAt is when the certificate was revoked together with many others. They are issued again spread over
	// RotationSpread, as after a CA rotation. If it is zero, a revoked certificate is issued again immediately.
	MassRevokedAt time.Time
	// RenewRequestedAt is when a user requested a renewal, or zero. A time in the future schedules a renewal, and one
	// that is not after IssuedAt has been served.
	RenewRequestedAt time.Time
	// RenewalWindow moves a renewal time to the next time at which renewals are allowed, or returns it unchanged. It
	// must be pure. If it is nil, renewals are always allowed. A result that leaves less than half of the time until
	// expiry is ignored.
	RenewalWindow func(time.Time) time.Time

	// IssueOnce means that a certificate that matches Spec is not issued again because of its age or its issuer, but
	// only when a renewal is requested. See Decision.Skipped.
	IssueOnce bool

	Spec Spec
	UID  string // of the object; spreads renewal times
}

// facts is Observed and what several rules derive from it.
type facts struct {
	Observed
	now             time.Time
	bundle          Bundle
	certErr, keyErr error
	chain           chain     // of bundle; empty without a leaf
	first, last     time.Time // Bundle.Expiry
	renewAt         time.Time
	rotateAt        time.Time // zero unless the CA has changed or expires early
	revokedAt       time.Time // when a revoked certificate is issued again; zero for immediately
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

// signedByFormerCA reports whether another CA than the issuer's current one signed the leaf.
func (f facts) signedByFormerCA() bool {
	return f.caChanged() && !signedBy(f.bundle.Leaf, f.CurrentCA[0])
}

// chainExpiresEarly reports whether a CA in the chain expires before the leaf and the issuer's current CA expires
// later. Otherwise issuing again would not improve anything.
func (f facts) chainExpiresEarly() bool {
	if !f.first.Before(f.bundle.Leaf.NotAfter) || !f.caChanged() {
		return false
	}
	current, _ := CAExpiry(f.CurrentCA)
	return current.After(f.first)
}

// caChanged reports whether the issuer's CA is known and was not the one at the last issuance.
func (f facts) caChanged() bool {
	return len(f.CurrentCA) > 0 && f.IssuedUnder != ChainID(f.CurrentCA)
}

// rotationDue reports whether the time that is assigned to this certificate after a CA rotation has been reached.
func (f facts) rotationDue() bool { return !f.now.Before(f.rotateAt) }

func empty(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }
