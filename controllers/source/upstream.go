// SPDX-License-Identifier: Apache-2.0

package source

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// wantedByUpstream is a client certificate, by which APISIX shows an upstream who it is, for each Secret that spec.tlsSecret or one of
// spec.portLevelSettings[] names. It is for no gateway to serve. Without names in annotations it has the DNS name UPSTREAM.NAMESPACE,
// which no other object of the cluster has. Only the fields that upstreamOf keeps are read.
func wantedByUpstream(upstream *configv2.ApisixUpstream, defaults Defaults) wants {
	defaults.ManageAll = false // that is for hosts: an upstream need not trust the issuer of these
	w, s := newWants(upstream, upstream.Spec.IngressClassName, defaults)
	secrets := secretsOfUpstream(upstream)
	if len(secrets) == 0 {
		w.unclear = true
		if s.explicit && w.optedOut == "" {
			w.problems = append(w.problems, "spec.tlsSecret names no Secret: name the one for the client certificate, with its namespace")
		}
		return w
	}
	s, names, faults := clientOptIn(s, upstream)
	for _, secret := range secrets {
		w.add(s, upstream, secret, served{class: upstream.Spec.IngressClassName}, names, place{
			"annotation " + v1alpha1.AnnotationAltNames + " (by default UPSTREAM.NAMESPACE):", "spec.tlsSecret.name",
			"name the client otherwise in annotation " + v1alpha1.AnnotationAltNames + " or " + v1alpha1.AnnotationCommonName,
		}, faults...)
	}
	return w
}

// clientOptIn makes of what annotations say what it is for a client certificate: its DNS names beside those of the annotations, and
// what is wrong with it. What does not go with one is left out.
func clientOptIn(s optIn, object metav1.Object) (client optIn, names, faults []string) {
	spec := &s.spec
	fault := func(annotation, format string, args ...any) {
		faults = append(faults, "annotation "+annotation+": "+fmt.Sprintf(format, args...))
	}
	if spec.Push {
		fault(v1alpha1.AnnotationPush, "a client certificate is not put at a gateway, so there is nothing to do for a Secret that somebody else keeps: name an issuer instead, or remove the annotation")
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
		fault(v1alpha1.AnnotationUsages, "lacks client auth, without which no upstream takes the certificate: add it, or remove the annotation")
	}
	spec.Gateways = v1alpha1.GatewaysNone
	if len(s.altNames) == 0 && nameless(spec) {
		names = []string{object.GetName() + "." + object.GetNamespace()}
	}
	return s, names, faults
}

// nameless reports whether a certificate would be for nobody.
func nameless(spec *v1alpha1.ApisixCertificateSpec) bool {
	return spec.CommonName == "" && len(spec.DNSNames)+len(spec.IPAddresses)+len(spec.URIs)+len(spec.EmailAddresses) == 0
}

// secretsOfUpstream are the Secrets with client certificates, each once.
func secretsOfUpstream(upstream *configv2.ApisixUpstream) []types.NamespacedName {
	var all []types.NamespacedName
	add := func(secret *configv2.ApisixSecret) {
		if secret == nil || secret.Name == "" {
			return
		}
		key := types.NamespacedName{Namespace: cmp.Or(secret.Namespace, upstream.Namespace), Name: secret.Name}
		if !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	add(upstream.Spec.TLSSecret)
	for _, port := range upstream.Spec.PortLevelSettings {
		add(port.TLSSecret)
	}
	return all
}

// newUpstream is an empty ApisixUpstream. They are read without a Go type, as ApisixRoutes are: one field of another shape would
// otherwise fail the list of them all.
func newUpstream() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(apisixV2.WithKind(kindUpstream))
	return u
}

func newUpstreamList() *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(apisixV2.WithKind(kindUpstream + "List"))
	return list
}

// upstreamOf takes from an ApisixUpstream the fields that matter here, passing over any that has another shape than known.
func upstreamOf(u *unstructured.Unstructured) *configv2.ApisixUpstream {
	upstream := &configv2.ApisixUpstream{Spec: &configv2.ApisixUpstreamSpec{}}
	upstream.Name, upstream.Namespace, upstream.Annotations = u.GetName(), u.GetNamespace(), u.GetAnnotations()
	upstream.Spec.IngressClassName, _, _ = unstructured.NestedString(u.Object, "spec", "ingressClassName")
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	upstream.Spec.TLSSecret = tlsSecretIn(spec)
	ports, _, _ := unstructured.NestedSlice(u.Object, "spec", "portLevelSettings")
	for _, port := range ports {
		fields, _ := port.(map[string]any)
		if secret := tlsSecretIn(fields); secret != nil {
			upstream.Spec.PortLevelSettings = append(upstream.Spec.PortLevelSettings, configv2.PortLevelSettings{ApisixUpstreamConfig: configv2.ApisixUpstreamConfig{TLSSecret: secret}})
		}
	}
	return upstream
}

func tlsSecretIn(fields map[string]any) *configv2.ApisixSecret {
	secret := &configv2.ApisixSecret{}
	secret.Name, _, _ = unstructured.NestedString(fields, "tlsSecret", "name")
	secret.Namespace, _, _ = unstructured.NestedString(fields, "tlsSecret", "namespace")
	if secret.Name == "" {
		return nil
	}
	return secret
}

// TrimUpstream is a cache transform that keeps of an ApisixUpstream what upstreamOf reads.
func TrimUpstream(object any) (any, error) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok || u.GetKind() != kindUpstream {
		return object, nil
	}
	upstream := upstreamOf(u)
	field := func(secret *configv2.ApisixSecret) map[string]any {
		if secret == nil {
			return map[string]any{}
		}
		return map[string]any{"tlsSecret": map[string]any{"name": secret.Name, "namespace": secret.Namespace}}
	}
	spec := field(upstream.Spec.TLSSecret)
	spec["ingressClassName"] = upstream.Spec.IngressClassName
	var ports []any
	for _, port := range upstream.Spec.PortLevelSettings {
		ports = append(ports, field(port.TLSSecret))
	}
	spec["portLevelSettings"] = ports
	u.Object["spec"] = spec
	delete(u.Object, "status")
	u.SetManagedFields(nil)
	return u, nil
}

func upstreamSecrets(object client.Object) []string {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	var keys []string
	for _, secret := range secretsOfUpstream(upstreamOf(u)) {
		keys = append(keys, secret.String())
	}
	return keys
}

// ClientsOf lists the ApisixUpstreams that have their client certificate in a Secret, opted in or not. No gateway serves it for
// them.
func (u *Uses) ClientsOf(ctx context.Context, namespace, secretName string) ([]gateway.Use, error) {
	if !u.Upstreams.Load() {
		return nil, nil
	}
	list := newUpstreamList()
	key := client.MatchingFields{indexSecret: namespace + "/" + secretName}
	if err := u.Client.List(ctx, list, key, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		return nil, err
	}
	var uses []gateway.Use
	for i := range list.Items {
		upstream := &list.Items[i]
		uses = append(uses, gateway.Use{Kind: kindUpstream, Namespace: upstream.GetNamespace(), Name: upstream.GetName(), Ending: !upstream.GetDeletionTimestamp().IsZero()})
	}
	return uses, nil
}
