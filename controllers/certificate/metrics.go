// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/failure"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// setMetrics updates the metrics of the certificate from its status.
func setMetrics(cert *v1alpha1.ApisixCertificate) {
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

// countFailures counts the failures of a run.
func countFailures(done *plan.Results) {
	if done.Err != nil && done.Attempted && !done.Issued {
		metrics.Failed(metrics.Issue, kindOf(done.Err))
	}
	for _, g := range done.Gateways {
		if g.Err != nil && !plan.Busy(g) {
			metrics.Failed(metrics.Push, kindOf(g.Err))
		}
	}
}

// kindOf returns the outcome for the condition reason of an error.
func kindOf(err error) metrics.Outcome {
	if kind, ok := kinds[failure.Of(err).Reason]; ok {
		return kind
	}
	return metrics.Transient
}

var kinds = map[string]metrics.Outcome{
	v1alpha1.ReasonIssuerNotReady: metrics.Setup, v1alpha1.ReasonInvalidResponse: metrics.Setup, v1alpha1.ReasonModeRefused: metrics.Setup,
	v1alpha1.ReasonGatewayRefused: metrics.Setup,
	v1alpha1.ReasonInvalidSpec:    metrics.User, v1alpha1.ReasonRefused: metrics.User, v1alpha1.ReasonKeyStorageUnsupported: metrics.User,
	v1alpha1.ReasonInvalidClientCA: metrics.User,
}

// measureServed records, once, how long it took until a new certificate was served at every gateway that could be checked.
func (r *Reconciler) measureServed(cert *v1alpha1.ApisixCertificate, results []gateway.Result) {
	if !gateway.AllServed(results) {
		return
	}
	if at, ok := r.memory.takeWritten(cert.UID); ok {
		metrics.Served(r.Clock.Now().Sub(at))
	}
}
