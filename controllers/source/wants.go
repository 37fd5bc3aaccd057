// SPDX-License-Identifier: Apache-2.0

package source

import (
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/note"
)

// wants is what one source object requests.
type wants struct {
	// entries are the Secrets that the object names, whether it is opted in or not, each once.
	entries []entry
	// unclear is set if the object does not say which Secret it means. It may be any that it had before.
	unclear bool
	// optedOut says why the object gets no certificate. It is empty if the object is opted in.
	optedOut string
	// excluded is set if this controller does not manage the ingress class of the object.
	excluded bool
	// problems are faults of the object. Each names the field and the fix.
	problems []string
}

// entry is what a source requests for one Secret.
type entry struct {
	secret types.NamespacedName
	// hosts are the hosts that the source serves with the Secret.
	hosts []string
	// cert is the requested certificate, with annotation source-problem if it is invalid. It is nil if the source is opted out or
	// there is a problem.
	cert *v1alpha1.ApisixCertificate
	// problem says why an object that is opted in requests no certificate for this Secret.
	problem string
	// faults are the problems of cert.
	faults []string
	in     place
}

// place is where a kind of source declares hosts and Secret, for messages.
type place struct {
	hosts, secret string
	// drop says how to remove a host from an entry.
	drop string
}

// certificates returns the requested certificates.
func (w wants) certificates() []v1alpha1.ApisixCertificate {
	var all []v1alpha1.ApisixCertificate
	for i := range w.entries {
		if w.entries[i].cert != nil {
			all = append(all, *w.entries[i].cert)
		}
	}
	return all
}

// of returns what the object requests for a Secret, or nil if it does not name it.
func (w wants) of(secret types.NamespacedName) *entry {
	for i := range w.entries {
		if w.entries[i].secret == secret {
			return &w.entries[i]
		}
	}
	return nil
}

// newWants returns what the annotations and the ingress class of an object say.
func newWants(object metav1.Object, class string, defaults Defaults) (wants, optIn) {
	s, _ := parse(object.GetAnnotations(), defaults)
	w := wants{excluded: !defaults.watches(class), optedOut: s.optedOut}
	if w.excluded {
		w.optedOut = "ingress class " + note.Cut(class, 80) + " is not that of the controller (--ingress-class " + defaults.IngressClass + ")"
		return w, s
	}
	if w.optedOut != "" {
		w.problems = s.problems
	}
	return w, s
}

// served selects the gateways of a certificate: an ingress class, or a Gateway.
type served struct {
	class   string
	gateway *v1alpha1.GatewayReference
}

// add appends the entry of a Secret, with a certificate if the object is opted in and valid. faults are the problems of the
// entry.
func (w *wants) add(s optIn, object metav1.Object, secret types.NamespacedName, by served, hosts []string, in place, faults ...string) {
	e := entry{secret: secret, hosts: normalize(hosts), in: in}
	defer func() { w.entries = append(w.entries, e) }()
	w.unclear = w.unclear || len(validation.IsDNS1123Subdomain(secret.Name)) > 0
	if w.optedOut != "" {
		return
	}
	cert := v1alpha1.ApisixCertificate{Spec: *s.spec.DeepCopy()}
	cert.Namespace, cert.Spec.SecretName = object.GetNamespace(), secret.Name
	if secret.Namespace != object.GetNamespace() { // requires a ReferenceGrant, which the certificate reports
		cert.Spec.SecretNamespace = secret.Namespace
	}
	cert.Spec.DNSNames = normalize(append(slices.Clone(hosts), s.altNames...))
	cert.Spec.IngressClassName, cert.Spec.GatewayRef = by.class, by.gateway.DeepCopy()
	hostless := len(cert.Spec.DNSNames) == 0 && (cert.Spec.Gateways != v1alpha1.GatewaysNone || nameless(&cert.Spec))
	bad := certspec.Problems(&cert)
	named := slices.IndexFunc(bad, func(e certs.FieldError) bool { return e.Field == "secretName" })
	switch {
	case hostless && len(faults) > 0:
		e.problem = strings.Join(faults, "; ")
		if s.explicit {
			w.problems = append(w.problems, e.problem)
		}
		return
	case hostless:
		e.problem = in.hosts + " names no host: add the hosts of the certificate in Secret " + secret.Name
		if s.explicit {
			w.problems = append(w.problems, e.problem)
		}
		return
	case named >= 0:
		e.problem = in.of(bad[named], 0)
		w.problems = append(w.problems, e.problem)
		return
	}
	e.faults = slices.Concat(s.problems, faults)
	for _, fault := range bad {
		e.faults = append(e.faults, in.of(fault, len(e.hosts)))
	}
	if len(bad) > 0 {
		cert.Spec = sound(cert.Spec)
	}
	if value := object.GetAnnotations()[v1alpha1.AnnotationAdoptSecret]; value != "" {
		metav1.SetMetaDataAnnotation(&cert.ObjectMeta, v1alpha1.AnnotationAdoptSecret, value)
	}
	if s.renewAt != "" {
		metav1.SetMetaDataAnnotation(&cert.ObjectMeta, v1alpha1.AnnotationRenewAt, s.renewAt)
	}
	if len(e.faults) > 0 {
		metav1.SetMetaDataAnnotation(&cert.ObjectMeta, v1alpha1.AnnotationSourceProblem, note.Fit(strings.Join(e.faults, "; ")))
	}
	e.cert = &cert
}

// faults returns all problems of the object, each once.
func (w wants) faults() []string {
	all := slices.Clone(w.problems)
	for i := range w.entries {
		all = append(all, w.entries[i].faults...)
	}
	return distinct(all)
}

// sound removes the faults from a spec, so that the API server accepts it. The certificate represents the source until that is
// corrected, and is not issued until then. It may have no hosts.
func sound(spec v1alpha1.ApisixCertificateSpec) v1alpha1.ApisixCertificateSpec {
	hosts := slices.DeleteFunc(slices.Clone(spec.DNSNames), func(host string) bool {
		return len(certs.Spec{DNSNames: []string{host}}.Validate()) > 0
	})
	return v1alpha1.ApisixCertificateSpec{
		SecretName: spec.SecretName, SecretNamespace: spec.SecretNamespace, IssuerRef: spec.IssuerRef, Provided: spec.Provided, IngressClassName: spec.IngressClassName,
		GatewayRef: spec.GatewayRef, Gateways: spec.Gateways,
		DNSNames: hosts[:min(len(hosts), mostHosts)],
	}
}

// mostHosts is the maximum number of hosts in the CRD.
const mostHosts = 1000

// of returns a problem in the terms of the source object. DNS names from index own on come from an annotation.
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

// annotationOf maps a field of the spec to its annotation.
var annotationOf = map[string]string{
	"issuerRef":                  v1alpha1.AnnotationIssuer,
	"provided":                   v1alpha1.AnnotationProvided,
	"commonName":                 v1alpha1.AnnotationCommonName,
	"ipAddresses":                v1alpha1.AnnotationIPSANs,
	"uris":                       v1alpha1.AnnotationURISANs,
	"emailAddresses":             v1alpha1.AnnotationEmailSANs,
	"usages":                     v1alpha1.AnnotationUsages,
	"duration":                   v1alpha1.AnnotationDuration,
	"renewBefore":                v1alpha1.AnnotationRenewBefore,
	"renewBeforePercentage":      v1alpha1.AnnotationRenewBeforePercentage,
	"renewalPolicy":              v1alpha1.AnnotationRenewalPolicy,
	"privateKey":                 v1alpha1.Prefix + "private-key-*",
	"subject":                    v1alpha1.Prefix + "subject-*",
	"keyStorage":                 v1alpha1.AnnotationKeyStorage,
	"vaultKV":                    v1alpha1.Prefix + "vault-kv-*",
	"secretTemplate":             v1alpha1.AnnotationSecretTemplate,
	"secretTemplate.labels":      v1alpha1.AnnotationSecretTemplate,
	"secretTemplate.annotations": v1alpha1.AnnotationSecretTemplate,
}

// normalize lower-cases hosts and removes duplicates. It preserves the order.
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

// Defaults apply to every source object.
type Defaults struct {
	// Issuer is the issuer of objects that name none and are opted in by annotation manage or tls-acme, or by ManageAll. It may
	// be nil.
	Issuer *v1alpha1.IssuerReference
	// ManageAll opts in every object that can have a certificate, not only annotated ones. It requires Issuer.
	ManageAll bool
	// IngressClass restricts the objects to this class and those without one, and Gateways to the GatewayClass of this name.
	// Empty means all.
	IngressClass string
}

func (d Defaults) watches(class string) bool {
	return d.IngressClass == "" || class == "" || class == d.IngressClass
}
