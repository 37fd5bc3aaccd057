// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

func (r *Reconciler) observeIssuer(ctx context.Context, o *observed) error {
	if o.cert.Spec.Push {
		return nil
	}
	found, err := r.findIssuer(ctx, o.cert.Namespace, o.cert.Spec.IssuerRef)
	var field certs.FieldError
	if errors.As(err, &field) {
		o.badIssuer = &finding{v1alpha1.ReasonIssuerNotReady, o.cert.Spec.IssuerRef.String() + ": spec." + field.Error()}
		return nil
	}
	if o.issuer = found; found != nil {
		o.standing = r.Signers.Observation(found)
	}
	return err
}

// findIssuer reads the issuer that a certificate in a namespace refers to, nil where there is none. An external one is
// not read: there is no right to.
func (r *Reconciler) findIssuer(ctx context.Context, namespace string, ref v1alpha1.IssuerReference) (v1alpha1.Issuer, error) {
	ref = ref.WithKind()
	if ref.ClusterWide() {
		namespace = ""
	}
	if ref.External() {
		return issuer.NewExternal(namespace, ref), nil
	}
	if v1alpha1.GroupOf(ref.Kind) == v1alpha1.GroupCertManager {
		found, err := issuer.FindForeign(ctx, r.Client, issuer.Key{Kind: ref.Kind, Namespace: namespace, Name: ref.Name})
		if found == nil || err != nil {
			return nil, err
		}
		return found, nil
	}
	var object interface {
		client.Object
		v1alpha1.Issuer
	} = &v1alpha1.VaultIssuer{}
	if ref.ClusterWide() {
		object = &v1alpha1.ClusterVaultIssuer{}
	}
	if err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, object); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return object, nil
}

// byRequest tells whether the issuer is one that only cert-manager can ask.
func (o *observed) byRequest() bool {
	foreign, ok := o.issuer.(*issuer.Foreign)
	return ok && !foreign.Vault()
}

// IssuerEvents maps an issuer, given by kind, namespace and name, whose CA, CRL or role is another, to the certificates that
// must be issued again for it, or have to be told about. The others have nothing to do.
func (r *Reconciler) IssuerEvents() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, object client.Object) []ctrl.Request {
		key := object.GetObjectKind().GroupVersionKind().Kind + "/" + object.GetNamespace() + "/" + object.GetName()
		var list v1alpha1.ApisixCertificateList
		if err := r.List(ctx, &list, client.MatchingFields{indexIssuer: key}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "cannot list the ApisixCertificates of an issuer")
			return nil
		}
		var requests []ctrl.Request
		for i := range list.Items {
			if r.concerned(ctx, &list.Items[i]) {
				requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
			}
		}
		return requests
	})
}

// concerned tells whether the issuer's standing asks for a new certificate, now or in its turn, or is to be told about.
func (r *Reconciler) concerned(ctx context.Context, cert *v1alpha1.ApisixCertificate) bool {
	o := observed{cert: cert, spec: specOf(cert)}
	if r.observeSecret(ctx, r.Client, &o) != nil || r.observeIssuer(ctx, &o) != nil {
		return true // its own run tells
	}
	if o.objectionChanged() {
		return true
	}
	now := r.Clock.Now()
	after := certs.Decide(o.facts(), now)
	switch {
	case after.Issue:
		return true // it may have been held back by what the role grants
	case o.secret != nil && o.issuedUnderCurrent() && !o.revoked():
		return false // as almost all are when a controller starts: the standing makes no difference
	}
	o.standing = issuer.Observation{}
	before := certs.Decide(o.facts(), now)
	return after.Reason != before.Reason || !after.Recheck.Equal(before.Recheck)
}

// issuedUnderCurrent tells whether the Secret's certificate was issued under the CA that the issuer is known to sign with;
// true where none is known.
func (o *observed) issuedUnderCurrent() bool {
	chain := o.standing.Chain()
	return chain == "" || o.secret.Annotations[v1alpha1.AnnotationIssuedUnder] == chain
}

// IssuerChange is the object of an event for IssuerEvents.
func IssuerChange(key issuer.Key) client.Object {
	object := &metav1.PartialObjectMetadata{}
	object.Kind, object.Namespace, object.Name = key.Kind, key.Namespace, key.Name
	return object
}
