// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/certificate/status"
	"apisix-certs.io/apisix-certs/internal/note"
)

// report writes the status once, records changes as events, and returns when to run again.
func (r *Reconciler) report(ctx context.Context, s plan.Snapshot, p plan.Plan, done plan.Results, now time.Time) (ctrl.Result, error) {
	seen := s.Seen.After(p, done, now)
	r.memory.store(s.Cert.UID, seen)
	after := s.Cert.DeepCopy()
	after.Status = *status.Of(&s.Cert.Status, &s, &p, &done, now)
	setMetrics(after)
	countFailures(&done)
	if !equality.Semantic.DeepEqual(s.Cert.Status, after.Status) {
		if err := r.writeStatus(ctx, after, s.Cert); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(fmt.Errorf("status: %w", err))
		}
	}
	r.recordEvents(ctx, s.Cert, after, &done)
	if err := status.Transient(&done); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: status.RequeueAfter(&s, &p, &done, &after.Status, seen, now)}, nil
}

// writeStatus replaces the status, which is cheaper than a patch for client and server. If the object changed since it was
// read, only the changes are written, so that neither this run's result nor another writer's change is lost.
func (r *Reconciler) writeStatus(ctx context.Context, cert, before *v1alpha1.ApisixCertificate) error {
	err := r.Status().Update(ctx, cert.DeepCopy())
	if apierrors.IsConflict(err) {
		return r.Status().Patch(ctx, cert.DeepCopy(), client.MergeFrom(before))
	}
	return err
}

// recordEvents records events and log lines: one for a new certificate, and one when the reason or message of Ready changes.
func (r *Reconciler) recordEvents(ctx context.Context, before, after *v1alpha1.ApisixCertificate, done *plan.Results) {
	log := ctrl.LoggerFrom(ctx)
	if done.Err != nil && done.Attempted && !done.Issued && !done.Uncounted { // other errors are returned and therefore logged
		log.Error(done.Err, "cannot issue the certificate", "reason", done.Why.Reason)
	}
	if done.Issued {
		log.Info("certificate issued", "reason", done.Why.Reason, "serial", after.Status.Issued.SerialNumber)
		if reason := issueEvent(done.Why.Reason); reason != "" {
			why := done.Why.Message
			if done.Why.Reason == certs.SecretMissing {
				why = "Secret was missing"
			}
			if done.Writer != "" {
				why += ", last written by " + done.Writer
			}
			r.Recorder.Eventf(after, nil, corev1.EventTypeNormal, reason, "Issue", "issued by %s (%s)", after.Spec.IssuerRef.String(), why)
		}
	}
	was, is := before.Status.Conditions, after.Status.Conditions
	if expiring := meta.FindStatusCondition(is, v1alpha1.ConditionExpiring); expiring != nil && changed(was, expiring) {
		r.Recorder.Eventf(after, nil, corev1.EventTypeWarning, expiring.Reason, "Check", "%s", expiring.Message)
	}
	ready := meta.FindStatusCondition(is, v1alpha1.ConditionReady)
	if !changed(was, ready) {
		return
	}
	log.Info("certificate is "+map[bool]string{true: "ready", false: "not ready"}[ready.Status == metav1.ConditionTrue], "reason", ready.Reason, "message", ready.Message)
	if ready.Reason == v1alpha1.ReasonReady {
		return
	}
	kind := corev1.EventTypeWarning
	if underWay[ready.Reason] {
		kind = corev1.EventTypeNormal
	}
	r.Recorder.Eventf(after, nil, kind, ready.Reason, "Check", "%s", note.Fit(ready.Message))
	r.recordSourceEvent(after, ready)
}

// underWay are reasons that every new certificate, or every change, may have for a moment.
var underWay = map[string]bool{v1alpha1.ReasonIssuing: true, v1alpha1.ReasonWaitingForIngressController: true}

// changed reports whether the reason or message of a condition changed.
func changed(before []metav1.Condition, is *metav1.Condition) bool {
	was := meta.FindStatusCondition(before, is.Type)
	return was == nil || was.Reason != is.Reason || was.Message != is.Message
}

// issueEvent returns the event reason of an issuance, or an empty string for a scheduled or requested renewal: the status
// records these, and an event for each would be a third of all writes of a renewal.
func issueEvent(why certs.Reason) string {
	switch why {
	case certs.SecretMissing:
		return v1alpha1.ReasonIssued
	case certs.RenewalDue, certs.RenewalRequested:
		return ""
	}
	return v1alpha1.ReasonRenewed
}

// forSources are the reasons that concern the author of the source object, who may not know ApisixCertificates. The source
// controller reports conflicts itself, in terms of the source.
var forSources = map[string]bool{
	v1alpha1.ReasonDenied: true, v1alpha1.ReasonRefNotPermitted: true, v1alpha1.ReasonNamespaceNotWatched: true, v1alpha1.ReasonWaitingForApproval: true,
	v1alpha1.ReasonClassNotFound: true, v1alpha1.ReasonRefused: true,
}

func (r *Reconciler) recordSourceEvent(cert *v1alpha1.ApisixCertificate, ready *metav1.Condition) {
	owner := metav1.GetControllerOf(cert)
	if owner == nil || !forSources[ready.Reason] {
		return
	}
	source := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: owner.APIVersion, Kind: owner.Kind}}
	source.Namespace, source.Name, source.UID = cert.Namespace, owner.Name, owner.UID
	r.Recorder.Eventf(source, cert, corev1.EventTypeWarning, ready.Reason, "Check", "%s", note.Fit(ready.Message))
}
