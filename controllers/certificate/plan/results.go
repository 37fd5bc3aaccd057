// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
)

// Results are what came of the steps of a run.
type Results struct {
	Issuing
	Err      error // of issuing, or of writing the Secret
	Gateways []gateway.Result
	Settling
	// BusyUntil is when the issuer has a turn for the certificate; zero: it needs none. Uncounted: Err is the failure of
	// another certificate's attempt, which holds this one up.
	BusyUntil time.Time
	Busy      *vault.BusyError // nil: no limits of the issuer's
	Uncounted bool
	// Postponed: the certificate has expired, which is told before its issuer is asked.
	Postponed bool

	// Taken are the steps that were taken.
	Steps []Step
	// Logged: the plan was logged.
	Logged bool
}

// Issuing is what came of the attempt to issue.
type Issuing struct {
	// Attempted: a new certificate was asked for; Issued: it is in the Secret. Why is the decision that it followed.
	Attempted, Issued bool
	Why               certs.Decision
	Warnings          []string
	Pending           *finding.Finding
	// Replaced is the certificate that the Secret held before, nil for none. Writer is who wrote it last, where that was
	// somebody else.
	Replaced *x509.Certificate
	Writer   string
}

// Settling is what came of what was replaced.
type Settling struct {
	// KeyLocations may hold keys in Vault; ClearAgain: one of them is to be cleared soon.
	KeyLocations []v1alpha1.KeyLocation
	ClearAgain   bool
	// Revoked are those of status.toRevoke that are revoked now, by fingerprint, and RevokeErr says why the others are not.
	Revoked   []string
	RevokeErr error
}

// Took reports whether a step was taken.
func (d *Results) Ran(s Step) bool { return slices.Contains(d.Steps, s) }

// PendingOr is what a certificate that is on its way waits for.
func (d *Results) PendingOr(planned *finding.Finding) *finding.Finding {
	if d.Pending != nil {
		return d.Pending
	}
	return planned
}

// Fail takes an error of issuing. A refusal for want of a turn is no failure, but a time to come again.
func (d *Results) Fail(err error, now time.Time) {
	var busy *vault.BusyError
	d.Err = err
	if !errors.As(err, &busy) {
		return
	}
	d.Busy, d.BusyUntil, d.Err = busy, busy.NotBefore, nil
	if busy.Cause != nil {
		d.Err, d.Uncounted = busy.Cause, true
		return
	}
	if d.validUntil().After(busy.NotBefore) && busy.NotBefore.Before(now.Add(longWait)) {
		return // nobody misses it, and with thousands to renew each word is a write
	}
	d.Pending = finding.New(v1alpha1.ReasonIssuing, "the issuer's limits are reached; the certificate is queued for issuance")
}

const (
	// shortWait is how long a turn may be waited for without a word.
	shortWait = 2 * time.Second
	// longWait is that where the certificate is good meanwhile.
	longWait = 5 * time.Minute
	// ShortestWait is how soon a certificate may come again that had no turn.
	ShortestWait = 20 * time.Millisecond
)

// validUntil is when the certificate ends that is to be replaced, where it is as specified until then.
func (d *Results) validUntil() (until time.Time) {
	if issuance.StillValid(d.Why.Reason) {
		until = d.Why.ValidUntil
	}
	return until
}

// WaitsUnreported reports whether the successor of a certificate that is good until then waits for its turn, of which nothing is said.
func (d *Results) WaitsUnreported() bool {
	return !d.BusyUntil.IsZero() && d.Err == nil && d.Pending == nil
}

// RetriesSoon reports whether the turn comes so soon that nothing needs to be said.
func (d *Results) RetriesSoon(now time.Time) bool {
	return !d.BusyUntil.IsZero() && !d.Uncounted && d.BusyUntil.Before(now.Add(shortWait))
}

// RefusedBy reports whether a gateway does not take the certificate until somebody changes something.
func RefusedBy(r gateway.Result) bool {
	return r.Err != nil && gateway.Refused(r.Err) || r.State.Conflict != nil
}

// Busy reports whether a gateway had no turn for the certificate.
func Busy(r gateway.Result) bool {
	var none *gateway.BusyError
	return errors.As(r.Err, &none)
}

// Step is what a run does next.
type Step string

// Steps.
const (
	Stop        Step = ""
	ObserveLive Step = "observe live"
	WriteSecret Step = "write the Secret"
	DropRequest Step = "drop the request"
	Deliver     Step = "deliver"
	Settle      Step = "settle"
)
