// SPDX-License-Identifier: Apache-2.0

package certspec

import (
	"strings"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// IssuerAnnotations returns the annotations of a certificate that are copied to its CertificateRequest, from which issuers
// read settings: those of cert-manager's own issuers, such as venafi.cert-manager.io/custom-fields, and those of the group
// of an external issuer. Annotations under cert-manager.io/ are not copied. The result is never nil, and empty for an issuer
// of this project.
func IssuerAnnotations(cert *v1alpha1.ApisixCertificate) map[string]string {
	shown := map[string]string{}
	group := cert.Spec.IssuerRef.Group
	if group == "" || group == v1alpha1.GroupVersion.Group {
		return shown
	}
	for name, value := range cert.Annotations {
		domain, _, prefixed := strings.Cut(name, "/")
		if prefixed && domain != v1alpha1.GroupCertManager && (isSubdomain(domain, v1alpha1.GroupCertManager) || isSubdomain(domain, group)) {
			shown[name] = value
		}
	}
	return shown
}

// isSubdomain reports whether a domain is parent or below it.
func isSubdomain(domain, parent string) bool {
	return parent != "" && (domain == parent || strings.HasSuffix(domain, "."+parent))
}
