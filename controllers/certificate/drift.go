// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// Drifted reports whether a gateway has to be written for the certificate, and how it differs. If that cannot be determined,
// it returns true so that a run finds out.
func (r *Reconciler) Drifted(ctx context.Context, cert *v1alpha1.ApisixCertificate) (metrics.Drift, bool) {
	s, p, err := r.Preview(ctx, cert)
	if err != nil {
		return metrics.Differs, true
	}
	return drifted(&s, &p)
}

func drifted(s *plan.Snapshot, p *plan.Plan) (metrics.Drift, bool) {
	if s.References.Unfit != nil {
		return "", false
	}
	i := slices.IndexFunc(p.Gateways, plan.GatewayAction.Writes)
	if i < 0 {
		return metrics.Differs, slices.ContainsFunc(s.Gateways.At, tooBusy)
	}
	if state := s.Gateways.At[i].State; len(state.Objects) == 0 || len(state.Adoption.Missing) > 0 {
		return metrics.Missing, true
	}
	return metrics.Differs, true
}

// tooBusy reports whether a gateway could not be observed for a moment. Certificates of a gateway that does not respond are
// retried by their own runs.
func tooBusy(at plan.GatewayState) bool { return plan.Busy(gateway.Result{Err: at.Err}) }

// overdueGrace is how long after a deadline it counts as missed. The queue's own timer normally fires first.
const overdueGrace = 15 * time.Second

// MissedDeadline reports whether a deadline of the certificate has passed without a run, because the clock was changed or
// the machine was suspended.
func (r *Reconciler) MissedDeadline(cert *v1alpha1.ApisixCertificate, now time.Time) bool {
	last := r.memory.get(cert.UID).At
	if last.IsZero() {
		return false // it has not run yet
	}
	passed := func(deadline time.Time) bool {
		return !deadline.IsZero() && last.Before(deadline) && !now.Before(deadline.Add(overdueGrace))
	}
	back := timeOf(cert.Status.Issued.NotBefore).After(now.Add(certs.ClockSkew)) && last.After(now)
	return passed(timeOf(cert.Status.Issued.NotAfter)) || passed(timeOf(cert.Status.RenewalTime)) || back
}
