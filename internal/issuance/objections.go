// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Objections returns what the issuer's role would reject of the certificate, or grant only in part. It is nil if there is
// nothing or the role is not known. Fields are relative to the spec.
func Objections(cert *v1alpha1.ApisixCertificate, status vault.Status) []certs.FieldError {
	return status.Rejections(certspec.Of(cert))
}

// Objection returns why the role, as last checked, would reject the renewal of a certificate that is valid now, or nil. It
// blocks nothing: the issuer decides. known is false if the issuer has not been checked yet, for example after a restart.
func Objection(o Request) (found *finding.Finding, known bool) {
	if issuer.ByRequest(o.Issuer) {
		return nil, true // it has no role
	}
	if o.Observation.Status.Role == nil && len(o.Observation.CAs) == 0 {
		return nil, false
	}
	spec := o.Spec
	refused := o.refused(spec)
	if slices.ContainsFunc(refused, isKeyField) {
		spec.Key = o.nextKeySpec(o.present())
		refused = o.refused(spec)
	}
	if len(refused) == 0 {
		return nil, true
	}
	return finding.New(v1alpha1.ReasonRoleWouldReject, "certificate is valid, but the issuer's role would reject its renewal: %s", certspec.Text(refused)), true
}

// refused returns what the role would reject of a spec. A duration that is too long is shortened and not rejected: see
// checkLifetime.
func (o Request) refused(spec certs.Spec) []certs.FieldError {
	return slices.DeleteFunc(o.Observation.Status.Rejections(spec), func(e certs.FieldError) bool { return e.Field == "duration" })
}

func isKeyField(e certs.FieldError) bool { return strings.HasPrefix(e.Field, "privateKey.") }

// present returns the pair in the Secret, as far as it can be parsed.
func (o Request) present() certs.Bundle {
	if o.Secret == nil {
		return certs.Bundle{}
	}
	b, err := certs.ParseBundle(o.Secret.Data[corev1.TLSCertKey], nil, nil)
	if err != nil {
		return certs.Bundle{}
	}
	return b
}

// nextKeySpec returns the kind of key for the certificate after old: that of old if the spec names none, unless the role is
// known to reject it.
func (o Request) nextKeySpec(old certs.Bundle) certs.KeySpec {
	spec := o.Spec
	spec.Key = certs.NextKeySpec(o.Spec.Key, old)
	if slices.ContainsFunc(o.refused(spec), isKeyField) {
		return o.Spec.Key
	}
	return spec.Key
}
