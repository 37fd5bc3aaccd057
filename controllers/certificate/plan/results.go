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

// Results are the results of the steps of a run.
type Results struct {
	Issuing
	Err      error // of issuing, or of writing the Secret
	Gateways []gateway.Result
	Settling
	// BusyUntil is when the issuer can take the certificate. Zero means that it need not wait. Uncounted means that Err is
	// the failure of another certificate's attempt, which delays this one.
	BusyUntil time.Time
	Busy      *vault.BusyError // nil: not limited by the issuer
	Uncounted bool
	// Postponed means that the certificate has expired, which is reported before its issuer is called.
	Postponed bool

	// Steps are the steps that were executed.
	Steps []Step
	// Logged means that the plan was logged.
	Logged bool
}

// Issuing is the result of an attempt to issue.
type Issuing struct {
	// Attempted means that a new certificate was requested, and Issued that it is in the Secret. Why is the decision behind
	// it.
	Attempted, Issued bool
	Why               certs.Decision
	Warnings          []string
	Pending           *finding.Finding
	// Replaced is the certificate that the Secret had before, nil for none. Writer is the field manager that last wrote the
	// Secret, if that was not this controller.
	Replaced *x509.Certificate
	Writer   string
}

// Settling is the result of cleaning up what was replaced.
type Settling struct {
	// KeyLocations may have keys in Vault. ClearAgain means that one of them has to be cleared soon.
	KeyLocations []v1alpha1.KeyLocation
	ClearAgain   bool
	// Revoked are the fingerprints of the certificates in status.toRevoke that are now revoked. RevokeErr says why the
	// others are not.
	Revoked   []string
	RevokeErr error
}

// Ran reports whether a step was executed.
func (d *Results) Ran(s Step) bool { return slices.Contains(d.Steps, s) }

// PendingOr returns what a requested certificate is waiting for: the run's own result, else planned.
func (d *Results) PendingOr(planned *finding.Finding) *finding.Finding {
	if d.Pending != nil {
		return d.Pending
	}
	return planned
}

// Fail records an error of issuing. A busy issuer is not a failure; it only sets when to retry.
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
		return // the delay harms nothing, and with thousands to renew each report is a write
	}
	d.Pending = finding.New(v1alpha1.ReasonIssuing, "the issuer's limits are reached; the certificate is queued for issuance")
}

const (
	// shortWait is how long to wait for a busy issuer without reporting it.
	shortWait = 2 * time.Second
	// longWait is the same while the current certificate stays valid.
	longWait = 5 * time.Minute
	// ShortestWait is the shortest delay before a busy issuer is retried.
	ShortestWait = 20 * time.Millisecond
)

// validUntil returns when the certificate to replace expires, if it matches the spec until then.
func (d *Results) validUntil() (until time.Time) {
	if issuance.StillValid(d.Why.Reason) {
		until = d.Why.ValidUntil
	}
	return until
}

// WaitsUnreported reports whether the renewal of a valid certificate waits for a busy issuer without this being reported.
func (d *Results) WaitsUnreported() bool {
	return !d.BusyUntil.IsZero() && d.Err == nil && d.Pending == nil
}

// RetriesSoon reports whether the issuer is busy for so short a time that nothing needs to be reported.
func (d *Results) RetriesSoon(now time.Time) bool {
	return !d.BusyUntil.IsZero() && !d.Uncounted && d.BusyUntil.Before(now.Add(shortWait))
}

// RefusedBy reports whether a gateway rejects the certificate until a user changes something.
func RefusedBy(r gateway.Result) bool {
	return r.Err != nil && gateway.Refused(r.Err) || r.State.Conflict != nil
}

// Busy reports whether a gateway was too busy for the certificate.
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
