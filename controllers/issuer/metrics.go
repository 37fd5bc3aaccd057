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

// measure updates the metrics of an issuer after a check that returned err.
func (s *Sessions) measure(issuer v1alpha1.Issuer, err error) {
	var notBefore, notAfter time.Time
	if observation := s.Observation(issuer); len(observation.CAs) > 0 {
		notBefore = observation.CAs[0].NotBefore
		notAfter, _ = certs.CAExpiry(observation.CAs)
	}
	metrics.SetIssuer(metrics.Issuer(KeyOf(issuer)), err == nil, notBefore, notAfter)
}

// Measure counts the calls to Vault. It is for Sessions.Observe.
func Measure(op string, _ int, _ time.Duration, err error) {
	metrics.VaultRequest(op, outcomeOf(err))
}

// MeasureWait counts the requests that waited for a rate limit. It is for Sessions.Waited.
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
