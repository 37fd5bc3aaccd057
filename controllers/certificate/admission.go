// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/note"
	"apisix-certs.io/apisix-certs/controllers/policy"
)

// observeAdmission finds out whether the certificate may be had: by ReferenceGrant, policy and approval.
func (r *Reconciler) observeAdmission(ctx context.Context, o *observed) error {
	if o.notGranted != nil {
		o.refused = &finding{o.notGranted.Reason, o.notGranted.Message}
		return nil
	}
	verdict, err := r.verdict(ctx, o.cert)
	if err != nil {
		return err
	}
	digest, approval := policy.Digest(&o.cert.Spec), o.cert.Status.Approval
	switch settled := verdict.Settle(approval, digest); {
	case verdict.Denied != "":
		o.refused = &finding{v1alpha1.ReasonDenied, verdict.Denied}
	case settled == policy.Refused:
		o.refused = &finding{v1alpha1.ReasonDenied, note.Fit("denied by " + approval.By + said(approval.Message))}
	case settled == policy.Unsettled:
		o.approvalRequest = &v1alpha1.ApprovalRequest{Policy: verdict.Manual[0], Digest: digest}
		o.refused = &finding{v1alpha1.ReasonWaitingForApproval, fmt.Sprintf(
			"CertificatePolicy %s wants this certificate approved: apisix-certs approve %s -n %s", verdict.Manual[0], o.cert.Name, o.cert.Namespace)}
	}
	return nil
}

func said(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}

// observeUses finds the objects by which an ingress controller serves the Secret. Those of other namespaces count where a
// ReferenceGrant lets them: what anybody writes elsewhere must not change what is thought of this certificate.
func (r *Reconciler) observeUses(ctx context.Context, o *observed) error {
	home := secretNamespace(o.cert)
	uses, err := r.Uses(ctx, home, o.cert.Spec.SecretName)
	if err != nil {
		return err
	}
	for _, use := range uses {
		granted := use.Namespace == home || use.Namespace == o.cert.Namespace
		if !granted {
			if granted, err = r.Granted(ctx, use.Namespace, home, o.cert.Spec.SecretName); err != nil {
				return err
			}
		}
		if granted {
			o.uses = append(o.uses, use)
		}
	}
	return nil
}

// admitted tells whether nothing forbids the certificate.
func (r *Reconciler) admitted(ctx context.Context, cert *v1alpha1.ApisixCertificate) (bool, error) {
	if len(Problems(cert)) > 0 {
		return false, nil
	}
	if !atHome(cert) {
		if granted, err := r.Granted(ctx, cert.Namespace, secretNamespace(cert), cert.Spec.SecretName); !granted || err != nil {
			return false, err
		}
	}
	verdict, err := r.verdict(ctx, cert)
	return verdict.Denied == "" && verdict.Settle(cert.Status.Approval, policy.Digest(&cert.Spec)) == policy.Settled, err
}

func (r *Reconciler) verdict(ctx context.Context, cert *v1alpha1.ApisixCertificate) (policy.Verdict, error) {
	policies, labels, err := r.policies(ctx, cert.Namespace)
	if err != nil {
		return policy.Verdict{}, err
	}
	return policies.Evaluate(policy.Request{
		Namespace: cert.Namespace, Labels: labels, Spec: &cert.Spec, Older: func() int { return r.older(cert) },
	}), nil
}

// older counts the certificates of the namespace that are older.
func (r *Reconciler) older(cert *v1alpha1.ApisixCertificate) int {
	n := 0
	for _, other := range r.Known() {
		if other.Namespace == cert.Namespace && v1alpha1.Older(other, cert) {
			n++
		}
	}
	return n
}

// allowsName reports whether a namespace may keep a name. One that is gone keeps none.
func (r *Reconciler) allowsName(ctx context.Context, namespace, name string) (bool, error) {
	policies, labels, err := r.policies(ctx, namespace)
	return err == nil && policies.AllowsName(labels, name), client.IgnoreNotFound(err)
}

// policies are all policies, and the labels of a namespace where they count. The list waits until the cache is synced, so
// that policies that are not read yet are not taken for none; a namespace that is not read yet is an error, as it would be
// taken for one without labels.
func (r *Reconciler) policies(ctx context.Context, namespace string) (*policy.Set, map[string]string, error) {
	var list v1alpha1.CertificatePolicyList
	if err := r.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, nil, err
	}
	set := r.policySets.Of(list.Items, r.RequirePolicy)
	if len(list.Items) == 0 {
		return set, nil, nil
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := r.Get(ctx, client.ObjectKey{Name: namespace}, object)
	return set, object.Labels, err
}

// PolicyEvents enqueues all certificates: a policy that comes or goes concerns even those that it does not select.
func (r *Reconciler) PolicyEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []ctrl.Request { return r.all(ctx) })
}

// NamespaceEvents enqueues the certificates of a namespace.
func (r *Reconciler) NamespaceEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, namespace client.Object) []ctrl.Request {
		if !r.Shard.MayRead(namespace.GetName()) {
			return nil
		}
		return r.all(ctx, client.InNamespace(namespace.GetName()))
	})
}

// GrantEvents enqueues the certificates that a ReferenceGrant may concern: with a Secret in its namespace.
func (r *Reconciler) GrantEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, grant client.Object) []ctrl.Request {
		return append(r.all(ctx, client.InNamespace(grant.GetNamespace())), r.all(ctx, client.MatchingFields{indexAway: grant.GetNamespace()})...)
	})
}

func (r *Reconciler) all(ctx context.Context, which ...client.ListOption) []ctrl.Request {
	var list v1alpha1.ApisixCertificateList
	if err := r.List(ctx, &list, append(which, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)...); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "cannot list ApisixCertificates")
		return nil
	}
	requests := make([]ctrl.Request, 0, len(list.Items))
	for i := range list.Items {
		requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
	return requests
}

// awayKeys are the namespace of a Secret that is not at home.
func awayKeys(object client.Object) []string {
	if cert := object.(*v1alpha1.ApisixCertificate); !atHome(cert) {
		return []string{cert.Spec.SecretNamespace}
	}
	return nil
}
