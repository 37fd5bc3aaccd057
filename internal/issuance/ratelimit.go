// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// A certificate is signed at most signatureBurst times in a row, and then once per signaturePause, whatever changes its
// spec, annotations or Secret.
const (
	signatureBurst = 5
	signaturePause = time.Minute
)

// signatures counts the signatures of each certificate. It does not survive a restart.
type signatures struct {
	mu    sync.Mutex
	byUID map[types.UID]*rate.Limiter
}

// spend counts a signature.
func (s *signatures) spend(uid types.UID, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byUID == nil {
		s.byUID = map[types.UID]*rate.Limiter{}
	}
	if s.byUID[uid] == nil {
		s.byUID[uid] = rate.NewLimiter(rate.Every(signaturePause), signatureBurst)
	}
	s.byUID[uid].AllowN(now, 1)
}

// next returns when the next certificate may be signed. A time that is not after now means at once.
func (s *signatures) next(uid types.UID, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	limiter := s.byUID[uid]
	if limiter == nil {
		return now
	}
	tokens := limiter.TokensAt(now)
	if tokens >= signatureBurst {
		delete(s.byUID, uid)
	}
	if tokens >= 1 {
		return now
	}
	return now.Add(time.Duration((1 - tokens) * float64(signaturePause)))
}

func (s *signatures) forget(uid types.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byUID, uid)
}

// limitedVerdict says why a certificate is not signed before next, and names the writer of its Secret if that causes the
// renewals.
func limitedVerdict(o Request, d certs.Decision, next time.Time) Verdict {
	secret := certspec.SecretText(o.Certificate)
	if writer := tlssecret.LastWriter(o.Secret); writer != "" && (o.isReverted() || secretFaults[d.Reason]) {
		return Verdict{Until: next, Blocked: finding.New(v1alpha1.ReasonSecretReverted,
			"Secret %s was changed by %s each time a certificate was written to it; stop %s from writing it, or use another Secret. Until then one certificate is issued per minute",
			secret, writer, writer)}
	}
	return Verdict{Until: next, Blocked: finding.New(v1alpha1.ReasonIssuanceLimited,
		"%d certificates were issued in a row because spec, annotations or Secret %s changed (last: %s); find out what changes them. Until then one certificate is issued per minute",
		signatureBurst, secret, d.Message)}
}

// secretFaults are reasons that only another writer of the Secret can cause, and that isReverted misses if the certificate
// itself is unchanged.
var secretFaults = map[certs.Reason]bool{certs.KeyMissing: true, certs.KeyUnparsable: true, certs.KeyMismatch: true, certs.ChainBroken: true}

// isReverted reports whether the Secret does not have the certificate that was issued last.
func (o Request) isReverted() bool {
	issued := o.Certificate.Status.Issued
	if issued.IsZero() {
		return false
	}
	chain, err := certs.ParseCertificates(o.Secret.Data[corev1.TLSCertKey])
	return err != nil || len(chain) == 0 || certs.Fingerprint(chain[0]) != issued.Fingerprint
}
