// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// observeRights finds out what the certificate may do: which names belong to it, and what may be done to its Secret.
func (r *Reconciler) observeRights(ctx context.Context, o *observed) error {
	if o.cert.DeletionTimestamp.IsZero() {
		r.enqueue(ctx, r.Claims.Set(claimantOf(o.cert)))
	}
	judge := &judge{r: r, ctx: ctx}
	o.names = r.Claims.Acquire(o.cert.UID, o.allowed(), judge)
	if judge.err != nil {
		return judge.err
	}
	if !o.cert.DeletionTimestamp.IsZero() { // what it had until now is what it cleans up
		o.names = authority.Names{Owned: slices.Clone(o.cert.Status.OwnedNames)}
	}
	o.hosts = nil
	for _, host := range o.spec.DNSNames {
		if slices.Contains(o.names.Owned, host) {
			o.hosts = append(o.hosts, host)
		}
	}
	return r.observeSecretRight(ctx, o)
}

// observeSecretRight is the part of observeRights that depends on the Secret as it was read.
func (r *Reconciler) observeSecretRight(ctx context.Context, o *observed) error {
	place := types.NamespacedName{Namespace: secretNamespace(o.cert), Name: o.cert.Spec.SecretName}
	facts := authority.Secret{
		Certificate: client.ObjectKeyFromObject(o.cert), Place: place, Type: string(o.secretType()), Provided: o.cert.Spec.Push,
		NotGranted: o.notGranted, Consent: o.cert.Annotations[v1alpha1.AnnotationAdoptSecret] == "true", Record: o.cert.Status.Issued,
		Found: foundSecret(o.secret),
	}
	rival, err := r.secretRival(ctx, o, place)
	if err != nil {
		return err
	}
	facts.Rival = rival
	facts.Inherited = inherited(o.cert)
	for _, use := range o.uses {
		if !use.Ending {
			facts.Referrers = use.Kind + " " + use.Namespace + "/" + use.Name
		}
	}
	o.right = authority.OfSecret(facts)
	return nil
}

// inherited reports whether nothing was issued for the object since it was created: what its Secret holds was there before, as
// after a restore, and may be needed by the next object of the name.
func inherited(cert *v1alpha1.ApisixCertificate) bool {
	at := cert.Status.Issued.IssuedAt
	return at == nil || at.Time.Before(cert.CreationTimestamp.Truncate(time.Second))
}

func foundSecret(secret *corev1.Secret) *authority.FoundSecret {
	if secret == nil {
		return nil
	}
	found := &authority.FoundSecret{
		UID: secret.UID, ResourceVersion: secret.ResourceVersion, Type: string(secret.Type),
		Owner: secret.Annotations[v1alpha1.AnnotationCertificate], Consent: secret.Annotations[v1alpha1.AnnotationAdoptSecret] == "true", Released: secret.Annotations[v1alpha1.AnnotationReleased],
		Others: tlssecret.HasOthers(secret),
	}
	if chain, err := certs.ParseCertificates(secret.Data[corev1.TLSCertKey]); err == nil && len(chain) > 0 {
		found.Leaf = certs.Fingerprint(chain[0])
	}
	return found
}

// secretRival is another certificate that has the Secret before o's: the one that the Secret names, else the oldest that may
// have it. Empty: there is none.
func (r *Reconciler) secretRival(ctx context.Context, o *observed, place types.NamespacedName) (string, error) {
	self := client.ObjectKeyFromObject(o.cert)
	rivals := r.Claims.OfSecret(place)
	if len(rivals) < 2 {
		return "", nil
	}
	holder := ""
	if o.secret != nil {
		holder = o.secret.Annotations[v1alpha1.AnnotationCertificate]
	}
	older := true
	for _, rival := range rivals {
		if rival == self {
			older = false
			continue
		}
		may, err := r.mayReferTo(ctx, rival, place)
		if err != nil {
			return "", err
		}
		named := holder == authority.OwnerText(rival)
		if may && (named || older && holder != authority.OwnerText(self)) {
			return nameFrom(rival, o.cert.Namespace), nil
		}
	}
	return "", nil
}

// mayReferTo reports whether a certificate that exists and is not being deleted may have its Secret there.
func (r *Reconciler) mayReferTo(ctx context.Context, key, secret types.NamespacedName) (bool, error) {
	cert := &v1alpha1.ApisixCertificate{}
	if err := r.Get(ctx, key, cert, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil || !cert.DeletionTimestamp.IsZero() {
		return false, client.IgnoreNotFound(err)
	}
	if key.Namespace == secret.Namespace {
		return true, nil
	}
	return r.Granted(ctx, key.Namespace, secret.Namespace, secret.Name)
}

func nameFrom(key types.NamespacedName, namespace string) string {
	if key.Namespace == namespace {
		return key.Name
	}
	return key.String()
}

// observeGrant finds out whether a Secret of another namespace may be referred to.
func (r *Reconciler) observeGrant(ctx context.Context, o *observed) error {
	if atHome(o.cert) {
		return nil
	}
	ns, name := o.cert.Spec.SecretNamespace, o.cert.Spec.SecretName
	if !r.Shard.MayRead(ns) {
		o.notGranted = refuse(v1alpha1.ReasonNamespaceNotWatched, "Secret %s: the controller does not watch namespace %s, or lacks rights there: "+
			"use a Secret of namespace %s, or have %s added to --watch-namespaces (chart: watchNamespaces)", o.secretText(), ns, o.cert.Namespace, ns)
		return nil
	}
	granted, err := r.Granted(ctx, o.cert.Namespace, ns, name)
	used := slices.ContainsFunc(o.uses, func(u gateway.Use) bool { return u.Namespace == o.cert.Namespace && u.Kind == "ApisixTls" })
	switch {
	case err != nil:
		return fmt.Errorf("ReferenceGrants: %w", err)
	case !granted:
		o.notGranted = refuse(v1alpha1.ReasonNotGranted, "no ReferenceGrant in namespace %s lets ApisixTlses of namespace %s refer to Secret %s: "+
			"create one there from {group: apisix.apache.org, kind: ApisixTls, namespace: %s} to {group: \"\", kind: Secret, name: %s}", ns, o.cert.Namespace, name, o.cert.Namespace, name)
	case !used && o.cert.DeletionTimestamp.IsZero():
		o.notGranted = refuse(v1alpha1.ReasonNotGranted, "spec.secretNamespace: no ApisixTls of namespace %s refers to Secret %s, and only ApisixTlses may", o.cert.Namespace, o.secretText())
	}
	return nil
}

func refuse(reason, format string, args ...any) *authority.Refusal {
	return &authority.Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// allowed reports whether nothing forbids the certificate.
func (o *observed) allowed() bool { return o.refused == nil && len(Problems(o.cert)) == 0 }

// judge answers the questions of the claims by what the cache has.
type judge struct {
	r   *Reconciler
	ctx context.Context
	err error
}

func (j *judge) Admitted(key types.NamespacedName) bool {
	cert := &v1alpha1.ApisixCertificate{}
	err := j.r.Get(j.ctx, key, cert, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	if err != nil {
		j.fail(client.IgnoreNotFound(err))
		return false
	}
	admitted, err := j.r.admitted(j.ctx, cert)
	j.fail(err)
	return admitted
}

func (j *judge) AllowsName(namespace, name string) bool {
	allows, err := j.r.allowsName(j.ctx, namespace, name)
	j.fail(err)
	return allows || err != nil
}

func (j *judge) fail(err error) {
	if err != nil && j.err == nil {
		j.err = err
	}
}

// claimantOf is what the claims know of a certificate.
func claimantOf(cert *v1alpha1.ApisixCertificate) authority.Claimant {
	requested := authority.RequestedBy(specOf(cert))
	return authority.Claimant{
		UID: cert.UID, Key: client.ObjectKeyFromObject(cert), Created: cert.CreationTimestamp.Time,
		Names: requested.Owned, Bare: requested.Bare, Recorded: cert.Status.OwnedNames,
		Secret: types.NamespacedName{Namespace: secretNamespace(cert), Name: cert.Spec.SecretName},
		Valid:  len(Problems(cert)) == 0, Deleting: !cert.DeletionTimestamp.IsZero(),
	}
}

// claimEvents keep the claims as the certificates are, and enqueue those that wait for what one gives up. Every certificate
// is known before the first run: a controller starts its workers only after its handlers have seen what there is.
func (r *Reconciler) claimEvents() handler.EventHandler {
	type queue = workqueue.TypedRateLimitingInterface[ctrl.Request]
	add := func(q queue, keys []types.NamespacedName) {
		for _, key := range keys {
			q.Add(ctrl.Request{NamespacedName: key})
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) {
			add(q, r.Claims.Set(claimantOf(e.Object.(*v1alpha1.ApisixCertificate))))
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			was, is := e.ObjectOld.(*v1alpha1.ApisixCertificate), e.ObjectNew.(*v1alpha1.ApisixCertificate)
			if was.Generation != is.Generation || was.DeletionTimestamp.IsZero() != is.DeletionTimestamp.IsZero() ||
				was.UID != is.UID || !slices.Equal(was.Status.OwnedNames, is.Status.OwnedNames) {
				if was.UID != is.UID {
					add(q, r.Claims.Delete(was.UID))
				}
				add(q, r.Claims.Set(claimantOf(is)))
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { add(q, r.Claims.Delete(e.Object.GetUID())) },
	}
}

// secretNamespace is the namespace of the certificate's Secret.
func secretNamespace(cert *v1alpha1.ApisixCertificate) string {
	if ns := cert.Spec.SecretNamespace; ns != "" {
		return ns
	}
	return cert.Namespace
}

// atHome reports whether the Secret is in the certificate's namespace.
func atHome(cert *v1alpha1.ApisixCertificate) bool { return secretNamespace(cert) == cert.Namespace }
