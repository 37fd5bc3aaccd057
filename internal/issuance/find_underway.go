// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// findUnderway reads the pending request of a certificate. The Secret with the key and the CertificateRequest, which is not
// cached, have separate readers.
func findUnderway(ctx context.Context, secrets, requests client.Reader, cert *v1alpha1.ApisixCertificate) (underway, error) {
	secret := &corev1.Secret{}
	err := secrets.Get(ctx, client.ObjectKey{Namespace: cert.Namespace, Name: keyName(cert)}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return underway{}, nil
	case err != nil:
		return underway{}, fmt.Errorf("read key of CertificateRequest: %w", err)
	case !metav1.IsControlledBy(secret, cert):
		return underway{blocked: finding.New(v1alpha1.ReasonSecretNotManaged,
			"Secret %s has the name that the private key of a CertificateRequest needs, and is not managed by this certificate; delete it", secret.Name)}, nil
	}
	found := underway{key: requestKeyOf(secret)}
	request := newRequest(cert.Namespace, requestName(cert, secret.UID))
	err = requests.Get(ctx, client.ObjectKeyFromObject(request), request)
	switch {
	case isAbsent(err):
		return found, nil
	case err != nil:
		return underway{}, fmt.Errorf("CertificateRequest: %w", err)
	}
	found.request = request
	return found, nil
}

// drop deletes the request first, so that no request is without its key.
func (u underway) drop(ctx context.Context, writer client.Writer, cert *v1alpha1.ApisixCertificate) error {
	if u.request != nil {
		if err := writer.Delete(ctx, u.request); err != nil && !isAbsent(err) {
			return fmt.Errorf("delete CertificateRequest: %w", err)
		}
	}
	if u.key == nil {
		return nil
	}
	gone := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: cert.Namespace, Name: u.key.name}}
	if err := writer.Delete(ctx, gone, client.Preconditions{UID: &u.key.uid}); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Secret %s: %w", u.key.name, err)
	}
	return nil
}

// isAbsent reports whether the CertificateRequest does not exist, or cert-manager is not installed.
func isAbsent(err error) bool { return apierrors.IsNotFound(err) || meta.IsNoMatchError(err) }
