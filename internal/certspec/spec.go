// SPDX-License-Identifier: Apache-2.0

// Package certspec interprets the spec of an ApisixCertificate: it converts it for package certs, validates it, and returns its
// renewal windows and the name of its Secret.
package certspec

import (
	"fmt"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/note"
)

// Problems returns the errors in the spec of an ApisixCertificate that no issuer could accept, or for which the API server
// would reject its Secret. It is nil if there are none. Fields are relative to the spec.
func Problems(cert *v1alpha1.ApisixCertificate) []certs.FieldError {
	return slices.Concat(Of(cert).Validate(), windowProblems(&cert.Spec), secretProblems(&cert.Spec))
}

// secretProblems are found before a certificate is requested that could not be stored.
func secretProblems(spec *v1alpha1.ApisixCertificateSpec) []certs.FieldError {
	var found []certs.FieldError
	if len(validation.IsDNS1123Subdomain(spec.SecretName)) > 0 {
		found = append(found, certs.FieldError{Field: "secretName", Value: note.Cut(spec.SecretName, 80), Problem: "is not a valid Secret name",
			Fix: "use at most 253 lower-case letters, digits, '-' and '.', starting and ending with a letter or digit"})
	}
	if spec.SecretTemplate != nil {
		found = append(found, templateProblems(*spec.SecretTemplate)...)
	}
	return found
}

func templateProblems(template v1alpha1.SecretTemplate) []certs.FieldError {
	labels, annotations := field.NewPath("secretTemplate", "labels"), field.NewPath("secretTemplate", "annotations")
	refused := append(metav1validation.ValidateLabels(template.Labels, labels), apivalidation.ValidateAnnotations(template.Annotations, annotations)...)
	for path, metadata := range map[*field.Path]map[string]string{labels: template.Labels, annotations: template.Annotations} {
		for key := range metadata {
			if strings.HasPrefix(key, v1alpha1.Prefix) {
				refused = append(refused, field.Invalid(path, key, "keys under "+v1alpha1.Prefix+" are reserved for this controller; remove it"))
			}
		}
	}
	var found []certs.FieldError
	for _, e := range refused {
		found = append(found, certs.FieldError{Field: e.Field, Value: note.Cut(fmt.Sprint(e.BadValue), 80), Problem: "is not allowed on a Secret", Fix: e.Detail})
	}
	// Map iteration is random, and a message must not change from one run to the next.
	slices.SortFunc(found, func(a, b certs.FieldError) int { return strings.Compare(a.Error(), b.Error()) })
	return found
}

// Of converts the spec for package certs.
func Of(cert *v1alpha1.ApisixCertificate) certs.Spec {
	s := cert.Spec
	spec := certs.Spec{
		CommonName: s.CommonName, DNSNames: s.DNSNames, IPAddresses: s.IPAddresses, URIs: s.URIs,
		EmailAddresses: s.EmailAddresses,
	}
	for _, usage := range s.Usages {
		spec.Usages = append(spec.Usages, certs.Usage(usage))
	}
	if subject := s.Subject; subject != nil {
		spec.Subject = certs.Subject(*subject)
	}
	if key := s.PrivateKey; key != nil {
		spec.Key = certs.KeySpec{Algorithm: certs.Algorithm(key.Algorithm), Size: int(key.Size), Encoding: certs.Encoding(key.Encoding)}
		if key.Size != 0 && key.Algorithm == "" {
			spec.Key.Algorithm = certs.ECDSA
		}
	}
	if s.Duration != nil {
		spec.Duration = s.Duration.Duration
	}
	if s.RenewBefore != nil {
		spec.RenewBefore = &s.RenewBefore.Duration
	}
	if s.RenewBeforePercentage != nil {
		percentage := int(*s.RenewBeforePercentage)
		spec.RenewBeforePercentage = &percentage
	}
	return spec.Normalize()
}

// SecretNamespace returns the namespace of the certificate's Secret.
func SecretNamespace(cert *v1alpha1.ApisixCertificate) string {
	if ns := cert.Spec.SecretNamespace; ns != "" {
		return ns
	}
	return cert.Namespace
}

// SecretKey returns the namespace and name of the certificate's Secret.
func SecretKey(cert *v1alpha1.ApisixCertificate) types.NamespacedName {
	return types.NamespacedName{Namespace: SecretNamespace(cert), Name: cert.Spec.SecretName}
}

// SecretText names the Secret in messages: with its namespace if that is not the certificate's.
func SecretText(cert *v1alpha1.ApisixCertificate) string {
	if SameNamespace(cert) {
		return cert.Spec.SecretName
	}
	return SecretKey(cert).String()
}

// SameNamespace reports whether the Secret is in the certificate's namespace.
func SameNamespace(cert *v1alpha1.ApisixCertificate) bool {
	return SecretNamespace(cert) == cert.Namespace
}

// Text joins up to three problems, each with its field below spec.
func Text(problems []certs.FieldError) string {
	var texts []string
	for i, problem := range problems {
		if i == 3 {
			texts = append(texts, "and more")
			break
		}
		texts = append(texts, "spec."+problem.Error())
	}
	return strings.Join(texts, "; ")
}
