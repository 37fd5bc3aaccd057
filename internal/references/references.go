// SPDX-License-Identifier: Apache-2.0

// Package references finds the objects that refer to a Secret, for which an ingress controller serves it, and the client
// verification that they require.
//
//	found, err := finder.Of(ctx, cert)
//	target.References, target.Client, target.Unfit = found.Uses, found.Client, found.Unfit
package references

import (
	"context"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// References are the objects that refer to a certificate's Secret.
type References struct {
	Uses []gateway.Reference
	// Clients are objects for which APISIX uses the pair in the Secret as a client. No gateway serves it for them.
	Clients []gateway.Reference
	// Client is the client verification that they require, nil for none. Unfit says why that is not known. It is not an
	// error of a run: what is served stays unchanged meanwhile.
	Client *apisix.SSLClient
	Unfit  error
}

// Finder finds references. All fields except Clients are required.
type Finder struct {
	// Live reads from the API server: Secrets with client CAs are not cached.
	Live client.Reader
	// Uses returns the objects for which an ingress controller serves a Secret.
	Uses func(ctx context.Context, namespace, secretName string) ([]gateway.Reference, error)
	// Clients returns the objects for which APISIX uses the pair in a Secret as a client. Nil means none.
	Clients func(ctx context.Context, namespace, secretName string) ([]gateway.Reference, error)
	// Granted reports whether objects of a kind in a namespace may refer to a Secret in another.
	Granted func(ctx context.Context, kind, from, secretNamespace, secretName string) (bool, error)
}

// Of returns the references of a certificate. Those in other namespaces count only with a ReferenceGrant, so that other
// tenants cannot influence the certificate.
func (f *Finder) Of(ctx context.Context, cert *v1alpha1.ApisixCertificate) (References, error) {
	var found References
	home := certspec.SecretNamespace(cert)
	uses, err := f.Uses(ctx, home, cert.Spec.SecretName)
	if err != nil {
		return found, err
	}
	if found.Uses, err = f.granted(ctx, cert, uses); err != nil {
		return found, err
	}
	for i := range found.Uses {
		if use := &found.Uses[i]; use.HostsFromCertificate {
			use.Hosts = certspec.Of(cert).DNSNames
		}
	}
	if f.Clients != nil {
		clients, err := f.Clients(ctx, home, cert.Spec.SecretName)
		if err != nil {
			return found, err
		}
		if found.Clients, err = f.granted(ctx, cert, clients); err != nil {
			return found, err
		}
	}
	found.Client, found.Unfit, err = requiredClient(ctx, f.Live, cert.Namespace, found.Uses)
	return found, err
}

// granted returns the uses that may refer to the certificate's Secret.
func (f *Finder) granted(ctx context.Context, cert *v1alpha1.ApisixCertificate, uses []gateway.Reference) ([]gateway.Reference, error) {
	home := certspec.SecretNamespace(cert)
	var all []gateway.Reference
	for _, use := range uses {
		granted := use.Namespace == home || use.Namespace == cert.Namespace
		if !granted {
			var err error
			if granted, err = f.Granted(ctx, use.Kind, use.Namespace, home, cert.Spec.SecretName); err != nil {
				return nil, err
			}
		}
		if granted {
			all = append(all, use)
		}
	}
	return all, nil
}

// InUse names an object that refers to the Secret and is not being deleted, or is empty.
func (r References) InUse() string {
	for _, use := range slices.Backward(slices.Concat(r.Clients, r.Uses)) {
		if !use.Terminating {
			return use.Kind + " " + use.Namespace + "/" + use.Name
		}
	}
	return ""
}

// Recorded returns the objects for which the Secret is or was served, for status.references.
func (r References) Recorded(before []v1alpha1.ObjectReference) []v1alpha1.ObjectReference {
	var all []v1alpha1.ObjectReference
	add := func(ref v1alpha1.ObjectReference) {
		if !slices.Contains(all, ref) && len(all) < maxRecorded {
			all = append(all, ref)
		}
	}
	for _, use := range r.Uses {
		add(v1alpha1.ObjectReference{Kind: use.Kind, Namespace: use.Namespace, Name: use.Name})
	}
	for _, ref := range before {
		add(ref)
	}
	slices.SortFunc(all, func(a, b v1alpha1.ObjectReference) int {
		return slices.Compare([]string{a.Kind, a.Namespace, a.Name}, []string{b.Kind, b.Namespace, b.Name})
	})
	return all
}

// maxRecorded is the limit of the CRD.
const maxRecorded = 100

// Former returns recorded objects as uses that have ended: leftovers at a gateway are only deleted if they were created for
// one of these.
func Former(recorded []v1alpha1.ObjectReference) []gateway.Reference {
	var uses []gateway.Reference
	for _, ref := range recorded {
		uses = append(uses, gateway.Reference{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Terminating: true})
	}
	return uses
}
