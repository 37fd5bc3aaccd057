// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// wantedByTLS is the certificate of an ApisixTls: for spec.hosts, in spec.secret.
func wantedByTLS(tls *configv2.ApisixTls, defaults Defaults) wants {
	var w wants
	s, ok := parse(tls.Annotations, defaults)
	if tls.Spec == nil || !defaults.watches(tls.Spec.IngressClassName) || madeForRoute(tls) {
		return w
	}
	if !ok {
		w.problems = s.problems
		return w
	}
	if ns := tls.Spec.Secret.Namespace; ns != tls.Namespace {
		s.spec.SecretNamespace = ns // where a ReferenceGrant must let it: the certificate says so
	}
	w.add(s, tls, tls.Spec.Secret.Name, tls.Spec.IngressClassName, tlsHosts(tls), place{"spec.hosts", "spec.secret.name"})
	return w
}

func tlsHosts(tls *configv2.ApisixTls) []string {
	hosts := make([]string, 0, len(tls.Spec.Hosts))
	for _, host := range tls.Spec.Hosts {
		hosts = append(hosts, string(host))
	}
	return hosts
}

// madeForRoute tells whether this controller made the ApisixTls: its route has the certificate already.
func madeForRoute(tls *configv2.ApisixTls) bool { return tls.Labels[v1alpha1.LabelManaged] == "true" }

// wantedByIngress is a certificate for each entry of spec.tls that names a Secret; entries of one Secret share it.
func wantedByIngress(ingress *networkingv1.Ingress, defaults Defaults) wants {
	var w wants
	s, ok := parse(ingress.Annotations, defaults)
	if !defaults.watches(classOf(ingress)) {
		return w
	}
	if !ok {
		w.problems = s.problems
		return w
	}
	hosts := map[string][]string{}
	var order []string
	for i, entry := range ingress.Spec.TLS {
		if entry.SecretName == "" {
			if s.asked {
				w.problems = append(w.problems, fmt.Sprintf("spec.tls[%d].secretName is empty: name the Secret for the certificate", i))
			}
			continue
		}
		if _, known := hosts[entry.SecretName]; !known {
			order = append(order, entry.SecretName)
		}
		hosts[entry.SecretName] = append(hosts[entry.SecretName], entryHosts(ingress, entry)...)
	}
	if len(ingress.Spec.TLS) == 0 && s.asked {
		w.problems = append(w.problems, "spec.tls is empty: add an entry with the hosts and a secretName")
	}
	for _, secretName := range order {
		w.add(s, ingress, secretName, classOf(ingress), hosts[secretName], place{"spec.tls[].hosts", "spec.tls[].secretName"})
	}
	return w
}

// entryHosts are the hosts of one TLS entry: its own, else those of the rules.
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

// wantedByRoute is the certificate of an ApisixRoute: for the hosts of all its http rules, in Secret ROUTE-tls. Only
// the fields that route.go keeps are read.
func wantedByRoute(route *configv2.ApisixRoute, defaults Defaults) wants {
	var w wants
	s, ok := parse(route.Annotations, defaults)
	if !defaults.watches(route.Spec.IngressClassName) {
		return w
	}
	if !ok {
		w.problems = s.problems
		return w
	}
	var hosts []string
	for _, rule := range route.Spec.HTTP {
		hosts = append(hosts, rule.Match.Hosts...)
	}
	secretName := route.Annotations[v1alpha1.AnnotationSecretName]
	if secretName == "" && s.spec.Push {
		w.problems = append(w.problems, "annotation "+v1alpha1.AnnotationPush+": name the Secret in annotation "+v1alpha1.AnnotationSecretName)
		return w
	}
	if secretName == "" {
		secretName = route.Name + "-tls"
	}
	w.add(s, route, secretName, route.Spec.IngressClassName, hosts, place{"spec.http[].match.hosts", "annotation " + v1alpha1.AnnotationSecretName + " (by default ROUTE-tls):"})
	return w
}
