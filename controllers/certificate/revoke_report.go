// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/note"
)

// setRevocation sets the condition Revoked while what was replaced is not revoked, and takes it away after.
func setRevocation(status *v1alpha1.ApisixCertificateStatus, done outcome, now time.Time) {
	if done.revokeErr == nil {
		meta.RemoveStatusCondition(&status.Conditions, v1alpha1.ConditionRevoked)
		return
	}
	c := condition(v1alpha1.ConditionRevoked, metav1.ConditionFalse, v1alpha1.ReasonRevocationFailed, "what was replaced is not revoked yet: "+findingOf(done.revokeErr).message)
	c.LastTransitionTime = metav1.NewTime(now.Truncate(time.Second))
	meta.SetStatusCondition(&status.Conditions, c)
}

// reportRevocation says on an object that is being deleted why it stays. The event follows the status, or a status that
// cannot be written would repeat it each time.
func (r *Reconciler) reportRevocation(ctx context.Context, cert *v1alpha1.ApisixCertificate, err error) error {
	before := cert.DeepCopy()
	message := findingOf(err).message + `; the object stays until that works: annotation ` + v1alpha1.AnnotationSkipRevocation + `: "true" lets it go`
	c := condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRevocationFailed, message)
	c.LastTransitionTime = metav1.NewTime(r.Clock.Now().Truncate(time.Second))
	meta.SetStatusCondition(&cert.Status.Conditions, c)
	if equality.Semantic.DeepEqual(before.Status, cert.Status) {
		return nil
	}
	if err := r.Status().Patch(ctx, cert, client.MergeFrom(before)); err != nil {
		return client.IgnoreNotFound(err)
	}
	r.Recorder.Eventf(cert, nil, corev1.EventTypeWarning, v1alpha1.ReasonRevocationFailed, "Revoke", "%s", note.Fit(message))
	return nil
}
