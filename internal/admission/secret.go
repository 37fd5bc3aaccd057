// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// SecretRight returns what may be done to the certificate's Secret as it was read, nil for none. of is the desired type.
func (r *Reviewer) SecretRight(ctx context.Context, cert *v1alpha1.ApisixCertificate, review Review, secret *corev1.Secret, of corev1.SecretType) (authority.SecretRight, error) {
	place := certspec.SecretKey(cert)
	rival, err := r.rival(ctx, cert, secret, place)
	return authority.OfSecret(authority.Secret{
		Certificate: client.ObjectKeyFromObject(cert), Key: place, Type: string(of), Provided: cert.Spec.Provided,
		RefNotPermitted: review.notGranted, Consent: cert.Annotations[v1alpha1.AnnotationAdoptSecret] == "true", Record: cert.Status.Issued,
		Found: found(secret), Rival: rival, Inherited: inherited(cert), Referrers: review.inUse,
	}), err
}

// inherited reports whether nothing was issued since the object was created: the content of its Secret is older, for example
// after a restore, and the next object of the name may need it.
func inherited(cert *v1alpha1.ApisixCertificate) bool {
	at := cert.Status.Issued.IssuedAt
	return at == nil || at.Time.Before(cert.CreationTimestamp.Truncate(time.Second))
}

func found(secret *corev1.Secret) *authority.FoundSecret {
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

// rival returns another certificate that has precedence for the Secret: the one that the Secret names, else the oldest that
// may use it. It is empty if there is none.
func (r *Reviewer) rival(ctx context.Context, cert *v1alpha1.ApisixCertificate, secret *corev1.Secret, place types.NamespacedName) (string, error) {
	self := client.ObjectKeyFromObject(cert)
	rivals := r.Claims.OfSecret(place)
	if len(rivals) < 2 {
		return "", nil
	}
	holder := ""
	if secret != nil {
		holder = secret.Annotations[v1alpha1.AnnotationCertificate]
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
			return nameFrom(rival, cert.Namespace), nil
		}
	}
	return "", nil
}

// mayReferTo reports whether a certificate exists, is not being deleted and may use the Secret.
func (r *Reviewer) mayReferTo(ctx context.Context, key, secret types.NamespacedName) (bool, error) {
	cert := &v1alpha1.ApisixCertificate{}
	if err := r.Reader.Get(ctx, key, cert, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil || !cert.DeletionTimestamp.IsZero() {
		return false, client.IgnoreNotFound(err)
	}
	if key.Namespace == secret.Namespace {
		return true, nil
	}
	return r.grantedToAny(ctx, key.Namespace, secret.Namespace, secret.Name)
}

func nameFrom(key types.NamespacedName, namespace string) string {
	if key.Namespace == namespace {
		return key.Name
	}
	return key.String()
}
