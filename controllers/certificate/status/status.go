// SPDX-License-Identifier: Apache-2.0

// Package status says how a certificate stands after a run: its status, the error for the queue, and when to look again. It is
// pure. Of the status before, conditions are only carried on: nothing is decided by them.
//
//	status := status.Of(&cert.Status, &snapshot, &plan, &results, now)
package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/failure"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// Of is the status after a run. It is pure, and the only place where one is made. Of old, conditions are only carried on:
// nothing is decided by them.
func Of(old *v1alpha1.ApisixCertificateStatus, s *plan.Snapshot, p *plan.Plan, done *plan.Results, now time.Time) *v1alpha1.ApisixCertificateStatus {
	status := old.DeepCopy()
	SetRecord(status, s, p, done, now)
	if s.Cert.Spec.RevocationPolicy != v1alpha1.RevokeOnReplace || s.Cert.Spec.Provided {
		status.ToRevoke = nil
	}
	status.ToRevoke = slices.DeleteFunc(status.ToRevoke, func(c v1alpha1.IssuedCertificate) bool { return slices.Contains(done.Revoked, c.Fingerprint) })
	if len(status.ToRevoke) == 0 {
		status.ToRevoke = nil
	}
	setConditions(status, s, p, done, now)
	setAttempts(status, s, p, done, now)
	status.ObservedGeneration = s.Cert.Generation
	if !p.Provided.Kept {
		setGateways(status, done)
		status.RenewalTime = nil
		if s.Cert.Spec.RenewalPolicy != v1alpha1.RenewDisabled && p.Decision.Bundle.Leaf != nil {
			status.RenewalTime = statusTime(p.Decision.RenewAt)
		}
	}
	if done.Issued {
		status.Warnings = done.Warnings
	}
	if done.Took(plan.Settle) {
		status.KeyLocations = done.Places
	}
	status.Hosts = hosts(&s.Cert.Spec)
	status.OwnedNames, status.References, status.ApprovalRequest = s.Review.Names.Owned, s.References.Recorded(old.References), s.Review.Wanted
	return status
}

// hosts are the first two names of a certificate, and how many more there are.
func hosts(spec *v1alpha1.ApisixCertificateSpec) string {
	names := spec.DNSNames
	if len(names) == 0 {
		if spec.CommonName != "" {
			names = []string{spec.CommonName}
		}
		names = slices.Concat(names, spec.IPAddresses, spec.URIs, spec.EmailAddresses)
	}
	shown := names[:min(len(names), 2)]
	if more := len(names) - len(shown); more > 0 {
		return fmt.Sprintf("%s +%d", strings.Join(shown, ", "), more)
	}
	return strings.Join(shown, ", ")
}

func setConditions(status *v1alpha1.ApisixCertificateStatus, s *plan.Snapshot, p *plan.Plan, done *plan.Results, now time.Time) {
	set := func(c metav1.Condition) {
		c.ObservedGeneration, c.LastTransitionTime = s.Cert.Generation, metav1.NewTime(now.Truncate(time.Second))
		meta.SetStatusCondition(&status.Conditions, c)
	}
	conditions := []metav1.Condition{issuedCondition(s, p, done), pushedCondition(s, p, done), servedCondition(s, p, done)}
	if slices.ContainsFunc(done.Gateways, carrying) {
		// What was served before is served until the ingress controller has carried the new certificate, or the gateway has a
		// turn for it.
		for i := range conditions[1:] {
			if last := meta.FindStatusCondition(status.Conditions, conditions[1+i].Type); last != nil && conditions[1+i].Reason != v1alpha1.ReasonHostNotCovered {
				conditions[1+i] = *last
			}
		}
	}
	for _, c := range append(conditions, readyCondition(conditions)) {
		set(c)
	}
	meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionRevocationPending)
	if done.RevokeErr != nil {
		set(Condition(v1alpha1.ConditionRevocationPending, metav1.ConditionTrue, v1alpha1.ReasonRevocationFailed, "a replaced certificate is not revoked yet: "+failure.Of(done.RevokeErr).Message))
	}
	if reason := expiryMark(s.Cert, status, now); reason != "" {
		set(Condition(v1alpha1.ConditionExpiring, metav1.ConditionTrue, reason,
			"the certificate ends soon and nobody here renews it: put a new one into Secret "+s.Cert.Spec.SecretName))
		return
	}
	meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionExpiring)
}

// carrying reports whether an ingress controller has its head start to carry the certificate to the gateway, or the gateway had
// no turn for it yet.
func carrying(g gateway.Result) bool {
	return plan.Busy(g) || g.Err == nil && g.Verb == gateway.Wait && g.State.Carrying()
}

// expiryMark is the reason to warn of the end of a certificate that nobody here renews; empty: none yet.
func expiryMark(cert *v1alpha1.ApisixCertificate, status *v1alpha1.ApisixCertificateStatus, now time.Time) string {
	record := status.Issued
	if !cert.Spec.Provided || record.NotBefore == nil || record.NotAfter == nil {
		return ""
	}
	reached, _ := certs.ExpiryThreshold(record.NotBefore.Time, record.NotAfter.Time, now)
	return map[time.Duration]string{
		30 * 24 * time.Hour: v1alpha1.ReasonExpires30Days, 7 * 24 * time.Hour: v1alpha1.ReasonExpires7Days, 24 * time.Hour: v1alpha1.ReasonExpires1Day,
	}[reached]
}

// setAttempts counts failures to issue.
func setAttempts(status *v1alpha1.ApisixCertificateStatus, s *plan.Snapshot, p *plan.Plan, done *plan.Results, now time.Time) {
	switch {
	case done.Uncounted:
	case done.Err != nil && done.Attempted && !done.Issued:
		if status.ObservedGeneration != s.Cert.Generation {
			status.FailedAttempts = 0
		}
		why := failure.Of(done.Err)
		status.FailedAttempts++
		status.LastFailureTime, status.LastFailureReason, status.LastFailureMessage = statusTime(now), why.Reason, why.Message
	case done.Issued || !p.Decision.Issue, p.Held != nil:
		// What held a certificate and is gone is a change to try at once, as one of the spec is.
		status.FailedAttempts, status.LastFailureTime, status.LastFailureReason, status.LastFailureMessage = 0, nil, "", ""
	}
}

func setGateways(status *v1alpha1.ApisixCertificateStatus, done *plan.Results) {
	before := status.Gateways
	status.Gateways = nil
	for _, g := range done.Gateways {
		entry := v1alpha1.GatewayStatus{Name: g.Name, Mode: string(g.State.Mode), ServedSerial: g.Proof.Serial}
		if len(g.State.Objects) > 0 {
			entry.SSLID, entry.PushedSerial = g.State.Objects[0].ID, g.State.Objects[0].Serial
		}
		if i := slices.IndexFunc(before, func(was v1alpha1.GatewayStatus) bool { return was.Name == g.Name }); i >= 0 && plan.Busy(g) {
			entry = before[i] // nothing new is known
		}
		status.Gateways = append(status.Gateways, entry)
	}
}

// statusTime is a time as status holds it; nil for zero.
func statusTime(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	at := metav1.NewTime(t.Truncate(time.Second))
	return &at
}
