// SPDX-License-Identifier: Apache-2.0

// Package source makes ApisixCertificates from the objects that users write: ApisixTls, ApisixRoute and Ingress.
//
// A kind of source differs from the others in one pure function, from the object to what it wants (see [kind]); one
// reconciler does the rest: it compares what is wanted with the ApisixCertificates there are, and creates, patches or
// deletes. It never writes to a source object.
package source

import (
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Defaults is what applies to every source object.
type Defaults struct {
	// Issuer serves objects that name none. Nil: there is no such issuer.
	Issuer *v1alpha1.IssuerReference
	// ManageAll opts in every object that could have a certificate, not the annotated ones alone. Needs Issuer.
	ManageAll bool
	// IngressClass limits the objects to this class and those without one. Empty: all.
	IngressClass string
}

// wants is what one source object asks for.
type wants struct {
	certificates []v1alpha1.ApisixCertificate
	// problems are faults of the source that leave no certificate to carry them, each naming field and mend; notes are
	// no faults.
	problems, notes []string
}

// add appends a certificate that needs secretName and hosts, or a problem when it has no hosts.
func (w *wants) add(s optIn, object metav1.Object, secretName, class string, hosts []string, hostsField string) {
	hosts = normalize(append(hosts, s.altNames...))
	if len(hosts) == 0 {
		w.problems = append(w.problems, hostsField+" names no host: name the hosts that Secret "+secretName+" is for")
		return
	}
	cert := v1alpha1.ApisixCertificate{Spec: *s.spec.DeepCopy()}
	cert.Namespace, cert.Name = object.GetNamespace(), secretName
	cert.Spec.SecretName = secretName
	cert.Spec.DNSNames = hosts
	cert.Spec.IngressClassName = class
	for _, key := range []string{v1alpha1.AnnotationAdoptSecret, v1alpha1.AnnotationRenewAt} {
		if value := object.GetAnnotations()[key]; value != "" {
			metav1.SetMetaDataAnnotation(&cert.ObjectMeta, key, value)
		}
	}
	if len(s.problems) > 0 {
		metav1.SetMetaDataAnnotation(&cert.ObjectMeta, v1alpha1.AnnotationSourceProblem, strings.Join(s.problems, "; "))
	}
	w.certificates = append(w.certificates, cert)
}

// normalize lower-cases hosts and drops repeats, keeping the order.
func normalize(hosts []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, host := range hosts {
		host = strings.ToLower(strings.TrimSpace(host))
		if host != "" && !seen[host] {
			seen[host] = true
			out = append(out, host)
		}
	}
	return out
}

// classOf is the ingress class of an Ingress as the 1.8 ingress controller sees it: the annotation wins.
func classOf(ingress *networkingv1.Ingress) string {
	if class := ingress.Annotations["kubernetes.io/ingress.class"]; class != "" {
		return class
	}
	if ingress.Spec.IngressClassName != nil {
		return *ingress.Spec.IngressClassName
	}
	return ""
}

func (d Defaults) watches(class string) bool {
	return d.IngressClass == "" || class == "" || class == d.IngressClass
}
