// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/upstream"
)

// wantedByUpstream returns a client certificate, with which APISIX authenticates to an upstream, for each Secret that
// spec.tlsSecret or one of spec.portLevelSettings[] names. No gateway serves it. Without names in annotations its DNS name is
// UPSTREAM.NAMESPACE, which is unique in the cluster.
func wantedByUpstream(u *unstructured.Unstructured, defaults Defaults) wants {
	defaults.ManageAll = false // only for hosts: an upstream may not trust that issuer
	read := upstream.Read(u)
	w, s := newWants(u, read.Class, defaults)
	if len(read.Secrets) == 0 {
		w.unclear = true
		if s.explicit && w.optedOut == "" {
			w.problems = append(w.problems, "spec.tlsSecret does not name a Secret: set the name and namespace of the Secret for the client certificate")
		}
		return w
	}
	s, names, faults := clientOptIn(s, u)
	for _, secret := range read.Secrets {
		w.add(s, u, secret, served{class: read.Class}, names, place{
			"annotation " + v1alpha1.AnnotationAltNames + " (by default UPSTREAM.NAMESPACE):", "spec.tlsSecret.name",
			"set another name in annotation " + v1alpha1.AnnotationAltNames + " or " + v1alpha1.AnnotationCommonName,
		}, faults...)
	}
	return w
}

// clientOptIn converts the parsed annotations to those of a client certificate. It returns its DNS names in addition to those of
// the annotations, and its faults. It drops what a client certificate does not support.
func clientOptIn(s optIn, object metav1.Object) (client optIn, names, faults []string) {
	spec := &s.spec
	fault := func(annotation, format string, args ...any) {
		faults = append(faults, "annotation "+annotation+": "+fmt.Sprintf(format, args...))
	}
	if spec.Provided {
		fault(v1alpha1.AnnotationProvided, "a client certificate is not pushed to a gateway, so a Secret that is managed elsewhere has no effect: name an issuer instead, or remove the annotation")
		s.spec, s.altNames = v1alpha1.ApisixCertificateSpec{}, nil
		return s, nil, faults
	}
	if spec.KeyStorage != "" && spec.KeyStorage != v1alpha1.KeyInSecret {
		fault(v1alpha1.AnnotationKeyStorage, "%s: the ingress controller reads the key of a client certificate from the Secret: remove the annotation", spec.KeyStorage)
		spec.KeyStorage, spec.VaultKV = "", nil
	}
	if len(spec.Usages) == 0 {
		spec.Usages = []string{string(certs.ClientAuth)}
	} else if !slices.Contains(spec.Usages, string(certs.ClientAuth)) {
		fault(v1alpha1.AnnotationUsages, "lacks client auth, without which no upstream accepts the certificate: add it, or remove the annotation")
	}
	spec.Gateways = v1alpha1.GatewaysNone
	if len(s.altNames) == 0 && nameless(spec) {
		names = []string{object.GetName() + "." + object.GetNamespace()}
	}
	return s, names, faults
}

// nameless reports whether a certificate has no names.
func nameless(spec *v1alpha1.ApisixCertificateSpec) bool {
	return spec.CommonName == "" && len(spec.DNSNames)+len(spec.IPAddresses)+len(spec.URIs)+len(spec.EmailAddresses) == 0
}
