// SPDX-License-Identifier: Apache-2.0

package source

import (
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate"
	"apisix-certs.io/apisix-certs/controllers/note"
)

// wants is what one source object asks for.
type wants struct {
	certificates []v1alpha1.ApisixCertificate
	// problems are faults of the source that leave no certificate to carry them, each naming field and mend; notes are
	// no faults.
	problems, notes []string
}

// place is where a kind of source keeps what a certificate needs, for its problems to name.
type place struct{ hosts, secret string }

// add appends a certificate that needs secretName and hosts, or a problem where there can be none.
func (w *wants) add(s optIn, object metav1.Object, secretName, class string, hosts []string, in place) {
	cert := v1alpha1.ApisixCertificate{Spec: *s.spec.DeepCopy()}
	cert.Namespace, cert.Name = object.GetNamespace(), secretName
	if ns := cert.Spec.SecretNamespace; ns != "" { // another namespace may have a Secret of the same name
		cert.Name = ns + "." + secretName
	}
	cert.Spec.SecretName = secretName
	cert.Spec.DNSNames = normalize(append(hosts, s.altNames...))
	cert.Spec.IngressClassName = class
	if len(cert.Spec.DNSNames) == 0 {
		if s.asked {
			w.problems = append(w.problems, in.hosts+" names no host: name the hosts that Secret "+secretName+" is for")
		}
		return
	}
	bad := certificate.Problems(&cert)
	if i := slices.IndexFunc(bad, func(e certs.FieldError) bool { return e.Field == "secretName" }); i >= 0 {
		w.problems = append(w.problems, in.of(bad[i], 0))
		return
	}
	problems := slices.Clone(s.problems)
	for _, e := range bad {
		problems = append(problems, in.of(e, len(normalize(hosts))))
	}
	if len(bad) > 0 {
		cert.Spec = sound(cert.Spec)
	}
	for _, key := range []string{v1alpha1.AnnotationAdoptSecret, v1alpha1.AnnotationRenewAt} {
		if value := object.GetAnnotations()[key]; value != "" {
			metav1.SetMetaDataAnnotation(&cert.ObjectMeta, key, value)
		}
	}
	if len(problems) > 0 {
		metav1.SetMetaDataAnnotation(&cert.ObjectMeta, v1alpha1.AnnotationSourceProblem, note.Fit(strings.Join(problems, "; ")))
	}
	w.certificates = append(w.certificates, cert)
}

// sound is what remains of a spec with faults, for an object that the API server takes: it stands for the source until
// that is mended, and nothing is issued for it. It may be left without hosts.
func sound(spec v1alpha1.ApisixCertificateSpec) v1alpha1.ApisixCertificateSpec {
	hosts := slices.DeleteFunc(slices.Clone(spec.DNSNames), func(host string) bool {
		return len(certs.Spec{DNSNames: []string{host}}.Validate()) > 0
	})
	return v1alpha1.ApisixCertificateSpec{
		SecretName: spec.SecretName, SecretNamespace: spec.SecretNamespace, IssuerRef: spec.IssuerRef, Push: spec.Push, IngressClassName: spec.IngressClassName,
		DNSNames: hosts[:min(len(hosts), mostHosts)],
	}
}

// mostHosts is how many the CRD takes.
const mostHosts = 1000

// of says what is wrong in the terms of the source object. DNS names from the index own on are of an annotation.
func (in place) of(e certs.FieldError, own int) string {
	field, rest, _ := strings.Cut(e.Field, "[")
	index, _ := strconv.Atoi(strings.TrimSuffix(rest, "]"))
	switch annotation, ok := annotationOf[field]; {
	case field == "secretName":
		e.Field = in.secret
	case field == "dnsNames" && index >= own:
		e.Field = "annotation " + v1alpha1.AnnotationAltNames + ":"
	case field == "dnsNames":
		e.Field = in.hosts
	case ok:
		e.Field = "annotation " + annotation + ":"
	}
	return e.Error()
}

// annotationOf names the annotation that a field of the spec comes from.
var annotationOf = map[string]string{
	"commonName":                 v1alpha1.AnnotationCommonName,
	"ipAddresses":                v1alpha1.AnnotationIPSANs,
	"uris":                       v1alpha1.AnnotationURISANs,
	"emailAddresses":             v1alpha1.AnnotationEmailSANs,
	"usages":                     v1alpha1.AnnotationUsages,
	"duration":                   v1alpha1.AnnotationDuration,
	"renewBefore":                v1alpha1.AnnotationRenewBefore,
	"secretTemplate.labels":      v1alpha1.AnnotationSecretTemplate,
	"secretTemplate.annotations": v1alpha1.AnnotationSecretTemplate,
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
