// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/metrics"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// measure tells how the certificate stands.
func measure(cert *v1alpha1.ApisixCertificate) {
	status := cert.Status
	metrics.SetCertificate(client.ObjectKeyFromObject(cert), metrics.Certificate{
		NotBefore: timeOf(status.Issued.NotBefore), NotAfter: timeOf(status.Issued.NotAfter), RenewAt: timeOf(status.RenewalTime),
		Ready:  statusOf(status.Conditions, v1alpha1.ConditionReady),
		Served: statusOf(status.Conditions, v1alpha1.ConditionServed),
	})
}

func timeOf(t *metav1.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.Time
}

func statusOf(conditions []metav1.Condition, kind string) metav1.ConditionStatus {
	if c := meta.FindStatusCondition(conditions, kind); c != nil {
		return c.Status
	}
	return metav1.ConditionUnknown
}

// issueBegan is when it was decided to issue: the first of the runs, where cert-manager is asked.
func (o *observed) issueBegan(now time.Time) time.Time {
	if key := o.requested.key; key != nil {
		return key.CreationTimestamp.Time
	}
	return now
}

func (r *Reconciler) measureIssued(o *observed, p plan, s step, began time.Time) {
	if !s.issued {
		return
	}
	now := r.Clock.Now()
	metrics.Issued(string(p.decision.Reason), now.Sub(began))
	r.unproven.wrote(client.ObjectKeyFromObject(o.cert), now)
}

// measureFailures counts what failed in a run.
func measureFailures(p plan, done outcome) {
	if done.err != nil && p.issue {
		metrics.Failed(metrics.Issue, kindOf(done.err))
	}
	for _, g := range done.gateways {
		if g.err != nil {
			metrics.Failed(metrics.Push, kindOf(g.err))
		}
	}
}

// kindOf goes by the reason that a condition has for the error.
func kindOf(err error) metrics.Outcome {
	if kind, ok := kinds[findingOf(err).reason]; ok {
		return kind
	}
	return metrics.Transient
}

var kinds = map[string]metrics.Outcome{
	v1alpha1.ReasonIssuerNotReady: metrics.Setup, v1alpha1.ReasonBadAnswer: metrics.Setup, v1alpha1.ReasonModeRefused: metrics.Setup,
	v1alpha1.ReasonGatewayRefused: metrics.Setup,
	v1alpha1.ReasonInvalidSpec:    metrics.User, v1alpha1.ReasonRefused: metrics.User, v1alpha1.ReasonKeyStorage: metrics.User,
	v1alpha1.ReasonClientCA: metrics.User,
}

// forget drops what is kept of a certificate that has gone.
func (r *Reconciler) forget(cert types.NamespacedName) {
	r.unproven.forget(cert)
	metrics.ForgetCertificate(cert)
}

// unproven knows when certificates were written that no handshake has shown yet. It does not outlive a restart.
type unproven struct{ written sync.Map } // types.NamespacedName -> time.Time

func (u *unproven) wrote(cert types.NamespacedName, at time.Time) { u.written.Store(cert, at) }

func (u *unproven) forget(cert types.NamespacedName) { u.written.Delete(cert) }

// look tells, once, how long a new certificate took, where every gateway that could be asked was seen to serve it.
func (u *unproven) look(cert types.NamespacedName, gateways []pushed, now time.Time) {
	if !allServed(gateways) {
		return
	}
	if at, ok := u.written.LoadAndDelete(cert); ok {
		metrics.Served(now.Sub(at.(time.Time)))
	}
}

func allServed(gateways []pushed) bool {
	asked := false
	for _, g := range gateways {
		if g.err != nil || g.proof.Asked && !g.proof.Served {
			return false
		}
		asked = asked || g.proof.Asked
	}
	return asked
}

// driftOf tells what a gateway that needs a write has otherwise.
func driftOf(s gateway.State) metrics.Drift {
	if len(s.Objects) == 0 || len(s.Adoption.Missing) > 0 {
		return metrics.Missing
	}
	return metrics.Differs
}
