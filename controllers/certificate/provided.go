// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// decideProvided is decide for a Secret that somebody else keeps: nothing is issued or written, and what was pushed before
// stays where the Secret has become worse. It is pure.
func decideProvided(o observed, now time.Time) plan {
	d, fault := certs.CheckProvided(o.facts(), now)
	p := plan{decision: d, next: d.Recheck, held: o.obstacle(false)}
	if fault.Reason != "" {
		p.fault = &finding{faultReasons[fault.Reason], "Secret " + o.secretText() + ": " + fault.Message + ": mend the Secret"}
		if p.fault.reason == "" {
			p.fault.reason = v1alpha1.ReasonSecretInvalid
		}
	}
	// A host taken by somebody else stops only that host.
	blocked := p.held != nil && p.held.reason != v1alpha1.ReasonConflict
	changed := certs.Fingerprint(d.Bundle.Leaf) != o.cert.Status.Issued.Fingerprint
	p.unusable = blocked || fault.Unusable
	p.kept = o.servesGood(now) && (p.unusable || fault.Reason != "" && changed)
	if p.kept {
		status := o.cert.Status
		_, mark := certs.ExpiryMark(status.Issued.NotBefore.Time, status.Issued.NotAfter.Time, now)
		p.next = earliest(p.next, mark, status.Issued.NotAfter.Time)
	}
	return p
}

// faultReasons are those with a reason of their own.
var faultReasons = map[certs.Reason]string{
	certs.SecretMissing: v1alpha1.ReasonSecretMissing, certs.Expired: v1alpha1.ReasonExpired,
}

// servesGood tells whether what was pushed before was all right and is still valid.
func (o *observed) servesGood(now time.Time) bool {
	status := o.cert.Status
	return status.Issued.Fingerprint != "" && status.Issued.NotBefore != nil && status.Issued.NotAfter != nil && now.Before(status.Issued.NotAfter.Time) &&
		meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionIssued)
}

// secretText names the Secret for people: with its namespace where that is another.
func (o *observed) secretText() string {
	if atHome(o.cert) {
		return o.cert.Spec.SecretName
	}
	return o.cert.Spec.SecretNamespace + "/" + o.cert.Spec.SecretName
}

// proveKept proves what was pushed before. Its key is not at hand, so that nothing can be repaired.
func (o *observed) proveKept(ctx context.Context) []pushed {
	var all []pushed
	for _, g := range o.gateways {
		done := pushed{name: g.Name, verb: gateway.Keep}
		done.state.Mode, _ = g.FindMode(ctx)
		done.proof = g.Prove(ctx, o.hosts, o.cert.Status.Issued.Fingerprint)
		all = append(all, done)
	}
	return all
}

// providedCondition is issuedCondition for a Secret that somebody else keeps.
func providedCondition(p plan) metav1.Condition {
	failure := p.held
	if failure == nil {
		failure = p.fault
	}
	switch {
	case failure == nil:
		return condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonProvided, "the Secret, which somebody else keeps, holds a valid certificate for the hosts")
	case p.kept:
		return condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonUpdateRefused, failure.message+"; what was pushed before stays")
	}
	return condition(v1alpha1.ConditionIssued, metav1.ConditionFalse, failure.reason, failure.message)
}

// setExpiring keeps the condition that warns of the end of a certificate that nobody here renews.
func setExpiring(cert *v1alpha1.ApisixCertificate, now time.Time) {
	status := &cert.Status
	reason := ""
	if cert.Spec.Push && status.Issued.NotBefore != nil && status.Issued.NotAfter != nil {
		reached, _ := certs.ExpiryMark(status.Issued.NotBefore.Time, status.Issued.NotAfter.Time, now)
		reason = markReasons[reached]
	}
	if reason == "" {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionExpiring)
		return
	}
	c := condition(v1alpha1.ConditionExpiring, metav1.ConditionTrue, reason, "the certificate ends soon and nobody here renews it: put a new one into Secret "+cert.Spec.SecretName)
	c.ObservedGeneration, c.LastTransitionTime = cert.Generation, metav1.NewTime(now.Truncate(time.Second))
	meta.SetStatusCondition(&status.Conditions, c)
}

// tellExpiring emits an event for each mark that is reached, once.
func (r *Reconciler) tellExpiring(cert *v1alpha1.ApisixCertificate, before []metav1.Condition) {
	was, is := meta.FindStatusCondition(before, v1alpha1.ConditionExpiring), meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionExpiring)
	if is != nil && (was == nil || was.Reason != is.Reason) {
		r.Recorder.Eventf(cert, nil, corev1.EventTypeWarning, is.Reason, "Check", "%s", is.Message)
	}
}

var markReasons = map[time.Duration]string{
	30 * 24 * time.Hour: v1alpha1.ReasonExpires30Days, 7 * 24 * time.Hour: v1alpha1.ReasonExpires7Days, 24 * time.Hour: v1alpha1.ReasonExpires1Day,
}
