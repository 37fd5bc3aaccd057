// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
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
	"apisix-certs.io/apisix-certs/controllers/note"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

const (
	// resync is how often a certificate is looked at though nothing happened. What is at its gateways is looked after by
	// drift, for all certificates together.
	resync = time.Hour
	// lookAgain is how soon after something of others is not there yet: an ssl object, or a gateway that lags.
	lookAgain = 2 * time.Second
	// carryGrace is how long an ingress controller is given to carry a Secret to a gateway that it alone can write.
	carryGrace = 30 * time.Second
	// setupRecheck is how often a fault of the set-up is tried again without a change in the cluster; setupSoon how soon at
	// first: who has just made a mistake is about to mend it.
	setupRecheck, setupSoon = time.Minute, 5 * time.Second
)

// report writes the status once, tells changes as events, and says when to look again.
func (r *Reconciler) report(ctx context.Context, o observed, p plan, done outcome) (ctrl.Result, error) {
	before := o.cert.DeepCopy()
	before.Status = *o.before
	now := r.Clock.Now()
	status := &o.cert.Status
	issued := issuedCondition(o, p, done)
	conditions := []metav1.Condition{issued, pushedCondition(o, done), servedCondition(o, done)}
	for _, c := range append(conditions, readyCondition(conditions)) {
		c.ObservedGeneration, c.LastTransitionTime = o.cert.Generation, metav1.NewTime(now.Truncate(time.Second))
		meta.SetStatusCondition(&status.Conditions, c)
	}
	setRevocation(status, done, now)
	status.ObservedGeneration = o.cert.Generation
	setAttempts(status, before, p, done, now)
	if !done.kept {
		setRenewal(status, &o, done)
		setGateways(status, done)
	}
	setExpiring(o.cert, now)
	status.VaultKV = done.places
	status.OwnedNames, status.References, status.ApprovalRequest = o.names.Owned, o.references(), o.approvalRequest
	measure(o.cert)
	measureFailures(p, done)
	if !equality.Semantic.DeepEqual(before.Status, *status) {
		if err := r.writeStatus(ctx, o.cert, before); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(fmt.Errorf("status: %w", err))
		}
	}
	r.tell(ctx, o, p, done, before.Status.Conditions)
	if err := transient(p, done); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: wake(o, p, done, now)}, nil
}

// writeStatus replaces the status, which costs less than a patch on both sides. Where the object has changed since it was
// read, the changes alone are written: what a run has done must not go unsaid, nor what somebody else has.
func (r *Reconciler) writeStatus(ctx context.Context, cert, before *v1alpha1.ApisixCertificate) error {
	err := r.Status().Update(ctx, cert)
	if apierrors.IsConflict(err) {
		return r.Status().Patch(ctx, cert, client.MergeFrom(before))
	}
	return err
}

func setAttempts(status *v1alpha1.ApisixCertificateStatus, before *v1alpha1.ApisixCertificate, p plan, done outcome, now time.Time) {
	switch {
	case done.uncounted:
	case done.err != nil && p.issue:
		if before.Status.ObservedGeneration != before.Generation {
			status.FailedAttempts = 0
		}
		status.FailedAttempts++
		status.LastFailureTime = statusTime(now)
	case done.issued || !p.decision.Issue, p.held != nil:
		// What held a certificate and is gone is a change to try at once, as one of the spec is.
		status.FailedAttempts, status.LastFailureTime = 0, nil
	}
}

func setRenewal(status *v1alpha1.ApisixCertificateStatus, o *observed, done outcome) {
	status.RenewalTime = nil
	if o.cert.Spec.RenewalPolicy != v1alpha1.RenewDisabled && done.decision.Bundle.Leaf != nil {
		status.RenewalTime = statusTime(done.decision.RenewAt)
	}
	if done.issued {
		status.Warnings = done.warnings
	}
}

func setGateways(status *v1alpha1.ApisixCertificateStatus, done outcome) {
	status.Gateways = nil
	for _, g := range done.gateways {
		entry := v1alpha1.GatewayStatus{Name: g.name, Mode: string(g.state.Mode), ServedSerial: g.proof.Serial}
		if len(g.state.Objects) > 0 {
			entry.SSLID, entry.PushedSerial = g.state.Objects[0].ID, g.state.Objects[0].Serial
		}
		status.Gateways = append(status.Gateways, entry)
	}
}

// tell emits events and logs: one for a new certificate, and one when Ready turns to another reason.
func (r *Reconciler) tell(ctx context.Context, o observed, p plan, done outcome, before []metav1.Condition) {
	if done.err != nil && p.issue && !done.uncounted { // other errors are returned, and so logged
		ctrl.LoggerFrom(ctx).Error(done.err, "cannot issue the certificate", "reason", p.decision.Reason)
	}
	if done.issued {
		ctrl.LoggerFrom(ctx).Info("certificate issued", "reason", p.decision.Reason, "serial", o.cert.Status.Issued.SerialNumber)
		if reason := issueEvent(p.decision.Reason); reason != "" {
			if o.writer != "" {
				p.decision.Message += " (last written by " + o.writer + ")"
			}
			r.Recorder.Eventf(o.cert, nil, corev1.EventTypeNormal, reason, "Issue", "%s: issued by %s", p.decision.Message, o.cert.Spec.IssuerRef.String())
		}
	}
	r.tellExpiring(o.cert, before)
	was, is := meta.FindStatusCondition(before, v1alpha1.ConditionReady), meta.FindStatusCondition(o.cert.Status.Conditions, v1alpha1.ConditionReady)
	if was != nil && was.Reason == is.Reason && was.Message == is.Message {
		return
	}
	ctrl.LoggerFrom(ctx).Info("certificate is "+map[bool]string{true: "ready", false: "not ready"}[is.Status == metav1.ConditionTrue], "reason", is.Reason, "message", is.Message)
	if is.Reason == v1alpha1.ReasonReady {
		return
	}
	r.Recorder.Eventf(o.cert, nil, corev1.EventTypeWarning, is.Reason, "Check", "%s", note.Fit(is.Message))
	r.tellSource(o.cert, is)
}

// issueEvent is the event of an issuance, empty for a renewal in its time or by order: status tells it, and an event of each
// would be a third of all that is written for a renewal.
func issueEvent(why certs.Reason) string {
	switch why {
	case certs.SecretMissing:
		return v1alpha1.ReasonIssued
	case certs.RenewalDue, certs.RenewalRequested:
		return ""
	}
	return v1alpha1.ReasonRenewed
}

// forSources are the reasons that concern who wrote the source object, who may know nothing of ApisixCertificates. Of a
// conflict the source controller tells, in the source's own terms.
var forSources = map[string]bool{
	v1alpha1.ReasonDenied: true, v1alpha1.ReasonNotGranted: true, v1alpha1.ReasonNamespaceNotWatched: true, v1alpha1.ReasonWaitingForApproval: true,
}

func (r *Reconciler) tellSource(cert *v1alpha1.ApisixCertificate, ready *metav1.Condition) {
	owner := metav1.GetControllerOf(cert)
	if owner == nil || !forSources[ready.Reason] {
		return
	}
	source := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: owner.APIVersion, Kind: owner.Kind}}
	source.Namespace, source.Name, source.UID = cert.Namespace, owner.Name, owner.UID
	r.Recorder.Eventf(source, cert, corev1.EventTypeWarning, ready.Reason, "Check", "%s", note.Fit(ready.Message))
}

// wake is when to run again though nothing happens.
func wake(o observed, p plan, done outcome, now time.Time) time.Duration {
	deadline := p.next
	if done.issued {
		deadline = done.decision.Recheck
	}
	next := earliest(now.Add(lookAfter(string(o.cert.UID))), deadline)
	if done.err != nil && p.issue {
		next = earliest(next, now.Add(certs.Backoff(int(o.cert.Status.FailedAttempts), done.decision.NotAfter.Sub(now))))
	}
	if !done.busyUntil.IsZero() {
		return max(earliest(next, done.busyUntil).Sub(now), shortestWait)
	}
	if p.held != nil || done.pending != nil || done.revokeErr != nil {
		next = earliest(next, now.Add(recheckAfter(o.cert.Status.Conditions, v1alpha1.ConditionIssued, now)))
	}
	if done.clearAgain {
		next = earliest(next, now.Add(setupRecheck))
	}
	for _, g := range done.gateways {
		if g.again > 0 {
			next = earliest(next, now.Add(g.again))
		}
		switch {
		case g.err != nil && gateway.Refused(g.err), g.state.Conflict != nil:
			next = earliest(next, now.Add(recheckAfter(o.cert.Status.Conditions, v1alpha1.ConditionPushed, now)))
		case g.verb == gateway.Renew:
			next = earliest(next, now.Add(time.Second))
		case g.proof.Asked && !g.proof.Served:
			next = earliest(next, now.Add(proveAgain(o.cert.Status.Conditions, now)))
		}
	}
	return max(next.Sub(now), time.Second)
}

// recheckAfter is how soon to try again what a fault of the set-up keeps a condition from: after as long as it has lasted by
// now, which doubles from one time to the next, from 5 s to a minute.
func recheckAfter(conditions []metav1.Condition, kind string, now time.Time) time.Duration {
	c := meta.FindStatusCondition(conditions, kind)
	if c == nil || c.Status != metav1.ConditionFalse {
		return setupRecheck
	}
	return min(max(now.Sub(c.LastTransitionTime.Time), setupSoon), setupRecheck)
}

// proveAgain is how soon to look again at what is not served: soon at first, as gateways lag, then rarely.
func proveAgain(conditions []metav1.Condition, now time.Time) time.Duration {
	served := meta.FindStatusCondition(conditions, v1alpha1.ConditionServed)
	if served != nil && now.Sub(served.LastTransitionTime.Time) > setupRecheck {
		return setupRecheck / 2
	}
	return lookAgain
}

// transient is the error to return so that the queue backs off: of a gateway that does not answer, and of Kubernetes.
// A failure to issue has its own backoff, kept in status.
func transient(p plan, done outcome) error {
	var all []error
	if done.err != nil && !p.issue {
		all = append(all, done.err)
	}
	for _, g := range done.gateways {
		if g.err != nil && !gateway.Refused(g.err) {
			all = append(all, fmt.Errorf("gateway %s: %w", g.name, g.err))
		}
	}
	return errors.Join(all...)
}

// lookAfter is when to look at an object again though nothing happens: resync, less up to a tenth that depends on the
// object alone.
func lookAfter(uid string) time.Duration {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return resync - time.Duration(float64(resync/10)*float64(hash.Sum32())/(1<<32))
}
