// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// measure tells how an issuer stands after a look, whose error is err.
func (s *Sessions) measure(issuer v1alpha1.Issuer, err error) {
	var notBefore, notAfter time.Time
	if observation := s.Observation(issuer); len(observation.CAs) > 0 {
		notBefore = observation.CAs[0].NotBefore
		notAfter, _ = certs.CAExpiry(observation.CAs)
	}
	metrics.SetIssuer(metrics.Issuer(KeyOf(issuer)), err == nil, notBefore, notAfter)
}

// Measure is for Sessions.Observe: it counts the calls to Vault.
func Measure(op string, _ int, _ time.Duration, err error) {
	metrics.VaultRequest(op, outcomeOf(err))
}

// MeasureWait is for Sessions.Waited: it counts the requests that waited for their turn.
func MeasureWait() { metrics.Waited(metrics.Signatures) }

func outcomeOf(err error) metrics.Outcome {
	var answered *vault.Error
	switch {
	case err == nil:
		return metrics.OK
	case errors.As(err, &answered) && answered.Kind == vault.Setup:
		return metrics.Setup
	case errors.As(err, &answered) && answered.Kind == vault.User:
		return metrics.User
	}
	return metrics.Transient
}
