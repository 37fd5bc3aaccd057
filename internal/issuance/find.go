// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Find returns the issuer that a certificate in a namespace refers to, or nil if there is none. An external issuer is not
// read, because the controller has no permission to. An issuer with an invalid field is a *finding.Finding.
func (i *Issuers) Find(ctx context.Context, namespace string, ref v1alpha1.IssuerReference) (v1alpha1.Issuer, error) {
	ref = ref.WithKind()
	if ref.ClusterWide() {
		namespace = ""
	}
	switch {
	case ref.External():
		return issuer.NewExternal(namespace, ref), nil
	case v1alpha1.GroupOf(ref.Kind) == v1alpha1.GroupCertManager:
		return i.findCertManagerIssuer(ctx, namespace, ref)
	case ref.ClusterWide():
		return i.find(ctx, client.ObjectKey{Name: ref.Name}, &v1alpha1.ClusterVaultIssuer{})
	}
	return i.find(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, &v1alpha1.VaultIssuer{})
}

type issuerObject interface {
	client.Object
	v1alpha1.Issuer
}

func (i *Issuers) find(ctx context.Context, key client.ObjectKey, object issuerObject) (v1alpha1.Issuer, error) {
	if err := i.Client.Get(ctx, key, object); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return object, nil
}

// findCertManagerIssuer reads an issuer of cert-manager. It never returns a nil *issuer.CertManagerIssuer as an Issuer.
func (i *Issuers) findCertManagerIssuer(ctx context.Context, namespace string, ref v1alpha1.IssuerReference) (v1alpha1.Issuer, error) {
	found, err := issuer.FindCertManagerIssuer(ctx, i.Client, issuer.Key{Kind: ref.Kind, Namespace: namespace, Name: ref.Name})
	var field certs.FieldError
	switch {
	case errors.As(err, &field):
		return nil, finding.New(v1alpha1.ReasonIssuerNotReady, "%s: spec.%s", ref.String(), field.Error())
	case err != nil || found == nil:
		return nil, err
	}
	return found, nil
}
