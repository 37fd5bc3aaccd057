// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"golang.org/x/time/rate"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// A certificate is signed at most signatureBurst times in a row, and then once every signaturePause, whatever changes its
// spec, its annotations or its Secret. Renewals in their time do not count.
const (
	signatureBurst = 5
	signaturePause = time.Minute
)

// signatures counts what was signed for each certificate. It does not outlive a restart.
type signatures struct {
	sync.Mutex
	byUID map[types.UID]*rate.Limiter
}

// spend counts a signature.
func (s *signatures) spend(uid types.UID, now time.Time) {
	s.Lock()
	defer s.Unlock()
	if s.byUID == nil {
		s.byUID = map[types.UID]*rate.Limiter{}
	}
	if s.byUID[uid] == nil {
		s.byUID[uid] = rate.NewLimiter(rate.Every(signaturePause), signatureBurst)
	}
	s.byUID[uid].AllowN(now, 1)
}

// next is when the next one may be signed; not after now: at once.
func (s *signatures) next(uid types.UID, now time.Time) time.Time {
	s.Lock()
	defer s.Unlock()
	limiter := s.byUID[uid]
	if limiter == nil {
		return now
	}
	missing := 1 - limiter.TokensAt(now)
	if missing <= 0 {
		if limiter.TokensAt(now) >= signatureBurst {
			delete(s.byUID, uid)
		}
		return now
	}
	return now.Add(time.Duration(missing * float64(signaturePause)))
}

// inTime are the reasons to issue that nobody can bring about: they are not counted.
func inTime(reason certs.Reason) bool { return reason == certs.RenewalDue || reason == certs.Expired }

// limited says why nothing is signed now, though it is due: too much was. Nil: it may be.
func (o *observed) limited(d certs.Decision, now time.Time) (*finding, time.Time) {
	if inTime(d.Reason) || !o.signableAt.After(now) {
		return nil, time.Time{}
	}
	writer := tlssecret.LastWriter(o.secret)
	if writer != "" && !o.cert.Status.Issued.IsZero() && !o.recorded(leafOf(o.secret)) {
		return &finding{v1alpha1.ReasonSecretReverted, fmt.Sprintf(
			"Secret %s was changed by %s each time a certificate was written to it: keep %s from writing it, or name another Secret; until then it is issued once a minute",
			o.secretText(), writer, writer)}, o.signableAt
	}
	return &finding{v1alpha1.ReasonIssuanceLimited, fmt.Sprintf(
		"%d certificates were issued in a row, because spec, annotations or Secret %s changed (last: %s): find out what changes them; until then one is issued every minute",
		signatureBurst, o.secretText(), d.Message)}, o.signableAt
}

// revertedBy is who wrote the Secret of the certificate last, where that was not this controller; empty: nobody else.
func (o *observed) revertedBy() string {
	if o.secret == nil || o.cert.Status.Issued.IsZero() || o.cert.Spec.Push || o.secret.UID != o.cert.Status.Issued.SecretUID {
		return ""
	}
	return tlssecret.LastWriter(o.secret)
}

// olderThanRecord reports whether somebody has put an older certificate back into the object's own Secret.
func (o *observed) olderThanRecord(d certs.Decision) bool {
	record := o.cert.Status.Issued
	return d.Bundle.Leaf != nil && o.right.Ours() && record.Issuer != "" && record.NotBefore != nil &&
		!o.recorded(certs.Fingerprint(d.Bundle.Leaf)) && d.Bundle.Leaf.NotBefore.Before(record.NotBefore.Time)
}

// secretReverted is a reason to issue beside those of package certs.
const secretReverted certs.Reason = "SecretReverted"

// mustTry reports whether the API server is to be asked first whether it would take the Secret: before the first signature,
// and after a failure.
func (o *observed) mustTry() bool {
	return o.secret == nil || o.cert.Status.Issued.IsZero() || o.cert.Status.FailedAttempts > 0
}

// trial is a content of the size of a real one, without a key in it.
func (o *observed) trial(csr []byte) tlssecret.Content {
	m := material{cert: csr, key: []byte("dry run"), issuedAt: time.Unix(0, 0), digest: o.spec.Digest(), place: o.wantedPlace()}
	c := o.content(m)
	if c.Type != corev1.SecretTypeTLS {
		delete(c.Data, corev1.TLSPrivateKeyKey)
	}
	return c
}
