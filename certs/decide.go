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
	// KeyOutside: the key is not kept in Kubernetes, so KeyPEM says nothing.
	KeyOutside bool

	// IssuedBy is the identity of the issuer that made what there is, WantedIssuer of the one that spec names; IssuedFor
	// and WantedFor the same for the object that it was made for. They are opaque and compared as they are. An empty
	// IssuedBy or IssuedFor is not known, as in an adopted Secret, and is no difference.
	IssuedBy, WantedIssuer string
	IssuedFor, WantedFor   string
	// IssuedDigest is Spec.Digest of when it was issued. While it is equal to Spec's, a subject or usage that the issuer
	// left out was asked for and not granted, and asking again would change nothing. Empty is not known: the certificate
	// itself is compared.
	IssuedDigest string
	// IssuedAt is when it was issued; zero is not known, and NotBefore stands for it.
	IssuedAt time.Time

	// CurrentCA is the CA that the issuer signs with now, the signing certificate first; nil is not known.
	CurrentCA []*x509.Certificate
	// CurrentCASince is when the issuer was first seen to sign with it; zero is not known. Leaves of another CA are issued
	// again spread over RotationSpread from then on, 0 for an hour, but never over more than a tenth of the life left.
	CurrentCASince time.Time
	RotationSpread time.Duration
	// IssuedUnder is the Fingerprint of CurrentCA's first at the time of the last issuance, empty where it was not known.
	// While it is the same still, issuing again would give the same: an issuer may sign with another CA than it names.
	IssuedUnder string
	// Revoked: the serial is on the issuer's CRL.
	Revoked bool
	// RenewRequestedAt is when someone asked for a renewal; zero for never. A time ahead is a renewal planned for then,
	// one not after IssuedAt is answered already.
	RenewRequestedAt time.Time
	// RenewalWindow moves a renewal time into the next time when renewing is welcome, the same time if it is; nil where
	// any time is. It must be pure. A window that leaves less than half of the time until expiry is ignored.
	RenewalWindow func(time.Time) time.Time

	// Once: what is as Spec wants it is not issued again for its age or its issuer's sake, but when a renewal is asked for.
	// See Decision.Skipped.
	Once bool

	Spec Spec
	UID  string // of the object, for the spread of RenewalTime
}

// Decision is whether to issue and when to look again. Times are UTC, cut to the second, and zero where there is no
// certificate that can be parsed.
type Decision struct {
	Issue   bool
	Reason  Reason // empty when Issue is false
	Message string // one stable sentence about Reason, without times and serials; empty when Issue is false

	// Skipped is the gravest reason that Observed.Once left without consequence; empty: there is none. SkippedMessage is
	// about it as Message is about Reason.
	Skipped        Reason
	SkippedMessage string

	NotBefore, NotAfter time.Time // of the leaf
	RenewAt             time.Time
	// Recheck is the next deadline after now, of RenewAt, NotAfter, a planned renewal and the turn after a rotation of the
	// CA; zero when none lies ahead.
	Recheck time.Time
	// Bundle is what there is; without a Key when that is missing, damaged or outside.
	Bundle Bundle
}

// Decide says whether a certificate must be issued, by the first of Rules that finds something. It only reads o, and
// gives the same answer for the same input. After a right answer to its decision was applied, it decides not to issue.
func Decide(o Observed, now time.Time) Decision {
	f := gather(o, now)
	d := Decision{Bundle: f.bundle}
	if leaf := f.bundle.Leaf; leaf != nil {
		d.NotBefore, d.NotAfter, d.RenewAt = leaf.NotBefore, leaf.NotAfter, f.renewAt
		d.Recheck = nextAfter(now, f.renewAt, leaf.NotAfter, o.RenewRequestedAt, f.rotateAt)
	}
	for _, r := range rules {
		message := r.finds(f)
		if grave, skipped := onceSkips[r.reason]; skipped && o.Once {
			if message != "" && grave >= onceSkips[d.Skipped] {
				d.Skipped, d.SkippedMessage = r.reason, message
			}
			continue
		}
		if message != "" {
			d.Issue, d.Reason, d.Message = true, r.reason, message
			return d
		}
	}
	return d
}

// onceSkips are the reasons that Observed.Once leaves without consequence, and how grave they are.
var onceSkips = map[Reason]int{IssuerRotated: 1, IssuerEnding: 1, RenewalDue: 2, Revoked: 3, Expired: 4}

// facts are Observed and what several rules derive from it.
type facts struct {
	Observed
	now             time.Time
	bundle          Bundle
	certErr, keyErr error
	issuer          *x509.Certificate // beside the leaf, nil if none signed it
	renewAt         time.Time
	rotateAt        time.Time // zero unless the CA has rotated or ends too soon
}

func gather(o Observed, now time.Time) facts {
	f := facts{Observed: o, now: now}
	if !o.SecretExists {
		return f
	}
	if f.bundle, f.certErr = ParseBundle(o.CertPEM, nil, o.CAPEM); f.certErr != nil {
		return f
	}
	if !o.KeyOutside {
		f.bundle.Key, f.keyErr = parseOptionalKey(o.KeyPEM)
	}
	f.issuer = f.bundle.issuer()
	f.renewAt = f.renewalTime()
	f.rotateAt = f.rotationTime()
	return f
}

func (f facts) renewalTime() time.Time {
	leaf := f.bundle.Leaf
	last := end(leaf, f.issuer)
	at := RenewalTime(leaf.NotBefore, last, f.Spec, f.UID)
	if f.RenewalWindow == nil {
		return at
	}
	moved := f.RenewalWindow(at).Truncate(time.Second)
	if moved.Before(at) || last.Sub(moved) < last.Sub(at)/2 {
		return at
	}
	return moved
}

func nextAfter(now time.Time, times ...time.Time) time.Time {
	var next time.Time
	for _, t := range times {
		t = t.Truncate(time.Second)
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	return next
}

func empty(data []byte) bool { return len(bytes.TrimSpace(data)) == 0 }
