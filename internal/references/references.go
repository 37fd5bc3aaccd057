// SPDX-License-Identifier: Apache-2.0

// Package references finds the objects that refer to a Secret, by which an ingress controller serves it, and what they ask of
// clients.
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
	// Clients are objects by which APISIX has the pair in the Secret as a client: no gateway serves it for them.
	Clients []gateway.Reference
	// Client is what they require of clients; nil: nothing. Unfit says why that is not known: no error of a run, as what is
	// served stays as it is meanwhile.
	Client *apisix.SSLClient
	Unfit  error
}

// Finder finds references. All fields but Clients are required.
type Finder struct {
	// Live reads past the cache: Secrets with the CA of clients are not in it.
	Live client.Reader
	// Uses gives the objects by which an ingress controller serves a Secret.
	Uses func(ctx context.Context, namespace, secretName string) ([]gateway.Reference, error)
	// Clients gives the objects by which APISIX has the pair in a Secret as a client. Nil: there are none.
	Clients func(ctx context.Context, namespace, secretName string) ([]gateway.Reference, error)
	// Granted reports whether objects of a kind in a namespace may refer to a Secret of another.
	Granted func(ctx context.Context, kind, from, secretNamespace, secretName string) (bool, error)
}

// Of finds the references of a certificate. Those of other namespaces count where a ReferenceGrant lets them: what anybody
// writes elsewhere must not change what is thought of this certificate.
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
	found.Client, found.Unfit, err = clientOf(ctx, f.Live, cert.Namespace, found.Uses)
	return found, err
}

// granted are those uses that may refer to the certificate's Secret.
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

// InUse names an object that refers to the Secret and lives; empty: none does.
func (r References) InUse() string {
	for _, use := range slices.Backward(slices.Concat(r.Clients, r.Uses)) {
		if !use.Terminating {
			return use.Kind + " " + use.Namespace + "/" + use.Name
		}
	}
	return ""
}

// Recorded are the objects by which the Secret was seen to be served: those that there are, and those that there were, for
// status.references.
func (r References) Recorded(before []v1alpha1.ObjectReference) []v1alpha1.ObjectReference {
	var all []v1alpha1.ObjectReference
	add := func(ref v1alpha1.ObjectReference) {
		if !slices.Contains(all, ref) && len(all) < mostRecorded {
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

// mostRecorded is how many the CRD takes.
const mostRecorded = 100

// Former are recorded objects as uses that have ended: what is left over at a gateway is only removed where it was made for
// one of these.
func Former(recorded []v1alpha1.ObjectReference) []gateway.Reference {
	var uses []gateway.Reference
	for _, ref := range recorded {
		uses = append(uses, gateway.Reference{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Terminating: true})
	}
	return uses
}
