// SPDX-License-Identifier: Apache-2.0

package source

import (
	"cmp"
	"fmt"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// wantedByTLS returns the certificate of an ApisixTls, for spec.hosts in spec.secret.
func wantedByTLS(tls *configv2.ApisixTls, defaults Defaults) wants {
	switch {
	case madeForRoute(tls):
		return wants{unclear: true, optedOut: "label " + v1alpha1.LabelManaged + " says that it was made for an ApisixRoute"}
	case tls.Spec == nil:
		return wants{unclear: true, optedOut: "it has no spec"}
	}
	w, s := newWants(tls, tls.Spec.IngressClassName, defaults)
	w.add(s, tls, secretOfTLS(tls), served{class: tls.Spec.IngressClassName}, tlsHosts(tls), place{"spec.hosts", "spec.secret.name", "remove it from spec.hosts, or delete this ApisixTls"})
	return w
}

func secretOfTLS(tls *configv2.ApisixTls) types.NamespacedName {
	return types.NamespacedName{Namespace: cmp.Or(tls.Spec.Secret.Namespace, tls.Namespace), Name: tls.Spec.Secret.Name}
}

func tlsHosts(tls *configv2.ApisixTls) []string {
	hosts := make([]string, 0, len(tls.Spec.Hosts))
	for _, host := range tls.Spec.Hosts {
		hosts = append(hosts, string(host))
	}
	return hosts
}

// madeForRoute reports whether this controller created the ApisixTls, for a route that already has the certificate.
func madeForRoute(tls *configv2.ApisixTls) bool { return tls.Labels[v1alpha1.LabelManaged] == "true" }

// wantedByIngress returns a certificate for each Secret that entries of spec.tls name. Entries with the same Secret share it.
func wantedByIngress(ingress *networkingv1.Ingress, defaults Defaults) wants {
	w, s := newWants(ingress, classOf(ingress), defaults)
	hosts := map[string][]string{}
	var order []string
	for i, tls := range ingress.Spec.TLS {
		if tls.SecretName == "" {
			w.unclear = true
			if s.explicit && w.optedOut == "" {
				w.problems = append(w.problems, fmt.Sprintf("spec.tls[%d].secretName is empty: name the Secret for the certificate", i))
			}
			continue
		}
		if _, known := hosts[tls.SecretName]; !known {
			order = append(order, tls.SecretName)
		}
		hosts[tls.SecretName] = append(hosts[tls.SecretName], entryHosts(ingress, tls)...)
	}
	if len(ingress.Spec.TLS) == 0 && s.explicit && w.optedOut == "" {
		w.problems = append(w.problems, "spec.tls is empty: add an entry with the hosts and a secretName")
	}
	for _, name := range order {
		secret := types.NamespacedName{Namespace: ingress.Namespace, Name: name}
		w.add(s, ingress, secret, served{class: classOf(ingress)}, hosts[name], place{"spec.tls[].hosts", "spec.tls[].secretName", "remove it from spec.tls of this Ingress, whose rules do not need it"})
	}
	return w
}

// entryHosts returns the hosts of one TLS entry, or those of the rules if it has none.
func entryHosts(ingress *networkingv1.Ingress, entry networkingv1.IngressTLS) []string {
	if len(entry.Hosts) > 0 {
		return entry.Hosts
	}
	var hosts []string
	for _, rule := range ingress.Spec.Rules {
		hosts = append(hosts, rule.Host)
	}
	return hosts
}

// wantedByRoute returns the certificate of an ApisixRoute, for the hosts of all its HTTP rules, in Secret ROUTE-tls. It only
// reads the fields that route.go keeps. A route names its Secret in an annotation, so a route that has opted out may no longer
// say which Secret it had.
func wantedByRoute(route *configv2.ApisixRoute, defaults Defaults) wants {
	w, s := newWants(route, route.Spec.IngressClassName, defaults)
	if w.optedOut != "" {
		w.unclear = true
		return w
	}
	if route.Annotations[v1alpha1.AnnotationSecretName] == "" && s.spec.Provided {
		w.unclear = true
		w.problems = append(w.problems, "annotation "+v1alpha1.AnnotationProvided+": name the Secret in annotation "+v1alpha1.AnnotationSecretName)
		return w
	}
	var hosts []string
	for _, rule := range route.Spec.HTTP {
		hosts = append(hosts, rule.Match.Hosts...)
	}
	w.add(s, route, secretOfRoute(route), served{class: route.Spec.IngressClassName}, hosts, place{
		"spec.http[].match.hosts", "annotation " + v1alpha1.AnnotationSecretName + " (by default ROUTE-tls):",
		"annotate this ApisixRoute with " + v1alpha1.AnnotationManage + `: "false", as its rules work without a certificate of its own, and delete the ApisixCertificate`,
	})
	return w
}

func secretOfRoute(route *configv2.ApisixRoute) types.NamespacedName {
	return types.NamespacedName{Namespace: route.Namespace, Name: cmp.Or(route.Annotations[v1alpha1.AnnotationSecretName], route.Name+"-tls")}
}

// classOf returns the ingress class of an Ingress as the 1.8 ingress controller determines it: the annotation takes precedence.
func classOf(ingress *networkingv1.Ingress) string {
	if class := ingress.Annotations["kubernetes.io/ingress.class"]; class != "" {
		return class
	}
	if ingress.Spec.IngressClassName != nil {
		return *ingress.Spec.IngressClassName
	}
	return ""
}
