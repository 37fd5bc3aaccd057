// SPDX-License-Identifier: Apache-2.0

// Package status derives the status of a certificate from a run: its conditions, the error for the queue, and when to run
// again. It is pure. From the previous status only conditions are carried over; nothing is decided by them.
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

// Of returns the status after a run. It is pure. From the old status only conditions are carried over; nothing is decided by
// them.
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
	if !p.Provided.Retained {
		setGateways(status, done)
		status.RenewalTime = nil
		if s.Cert.Spec.RenewalPolicy != v1alpha1.RenewDisabled && p.Decision.Bundle.Leaf != nil {
			status.RenewalTime = statusTime(p.Decision.RenewAt)
		}
	}
	if done.Issued {
		status.Warnings = done.Warnings
	}
	if done.Ran(plan.Settle) {
		status.KeyLocations = done.KeyLocations
	}
	status.Hosts = hosts(&s.Cert.Spec)
	status.OwnedNames, status.References, status.ApprovalRequest = s.Review.Names.Owned, s.References.Recorded(old.References), s.Review.Wanted
	return status
}

// hosts returns the first two names of a certificate and the number of further ones.
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
	if slices.ContainsFunc(done.Gateways, pushDelayed) {
		// The previous certificate is served until the ingress controller has synced the new one, or the gateway is no
		// longer busy.
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
	if reason := expiringReason(s.Cert, status, now); reason != "" {
		set(Condition(v1alpha1.ConditionExpiring, metav1.ConditionTrue, reason,
			"certificate expires soon and is not renewed by this controller; put a new one into Secret "+s.Cert.Spec.SecretName))
		return
	}
	meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionExpiring)
}

// pushDelayed reports whether the ingress controller may still sync the certificate to the gateway by itself, or the gateway
// was too busy for it.
func pushDelayed(g gateway.Result) bool {
	return plan.Busy(g) || g.Err == nil && g.Verb == gateway.ActionWait && g.State.Syncing()
}

// expiringReason returns the reason to warn that a provided certificate expires, or an empty string if it is too early.
func expiringReason(cert *v1alpha1.ApisixCertificate, status *v1alpha1.ApisixCertificateStatus, now time.Time) string {
	record := status.Issued
	if !cert.Spec.Provided || record.NotBefore == nil || record.NotAfter == nil {
		return ""
	}
	reached, _ := certs.ExpiryThreshold(record.NotBefore.Time, record.NotAfter.Time, now)
	return map[time.Duration]string{
		30 * 24 * time.Hour: v1alpha1.ReasonExpires30Days, 7 * 24 * time.Hour: v1alpha1.ReasonExpires7Days, 24 * time.Hour: v1alpha1.ReasonExpires1Day,
	}[reached]
}

// setAttempts counts failed attempts to issue.
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
	case done.Issued || !p.Decision.Issue, p.Blocked != nil:
		// What blocked the certificate has changed, so it is tried at once, as after a change of the spec.
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

// statusTime converts a time for the status. A zero time gives nil.
func statusTime(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	at := metav1.NewTime(t.Truncate(time.Second))
	return &at
}
