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

// Objections are what the role of an issuer that stands so would refuse of the certificate, or grant in part, nil where
// there is nothing or the role is not known. Fields are relative to the spec.
func Objections(cert *v1alpha1.ApisixCertificate, status vault.Status) []certs.FieldError {
	return status.Rejections(certspec.Of(cert))
}

// Objection says that the role, as the last check showed it, would refuse the certificate when it is renewed, though it is good
// now; nil: nothing is known to. Nothing is held back for it: it is the issuer who decides. known is false where the issuer was
// not looked at yet, as after a restart.
func Objection(o Order) (found *finding.Finding, known bool) {
	if issuer.ByRequest(o.Issuer) {
		return nil, true // it has no role
	}
	if o.Observation.Status.Role == nil && len(o.Observation.CAs) == 0 {
		return nil, false
	}
	spec := o.Spec
	refused := o.refused(spec)
	if slices.ContainsFunc(refused, ofKey) {
		spec.Key = o.keyKind(o.present())
		refused = o.refused(spec)
	}
	if len(refused) == 0 {
		return nil, true
	}
	return finding.New(v1alpha1.ReasonRoleWouldReject, "the certificate is good, but the issuer's role would refuse its renewal: %s", certspec.Text(refused)), true
}

// refused is what the role would refuse of a spec. A life that is too long is cut and not refused: see shortLife.
func (o Order) refused(spec certs.Spec) []certs.FieldError {
	return slices.DeleteFunc(o.Observation.Status.Rejections(spec), func(e certs.FieldError) bool { return e.Field == "duration" })
}

func ofKey(e certs.FieldError) bool { return strings.HasPrefix(e.Field, "privateKey.") }

// present is the pair in the Secret, as far as it can be parsed.
func (o Order) present() certs.Bundle {
	if o.Secret == nil {
		return certs.Bundle{}
	}
	b, err := certs.ParseBundle(o.Secret.Data[corev1.TLSCertKey], nil, nil)
	if err != nil {
		return certs.Bundle{}
	}
	return b
}

// keyKind is the kind of key to ask a certificate for that follows old: that of old where the spec names none, unless the role
// is known to refuse it.
func (o Order) keyKind(old certs.Bundle) certs.KeySpec {
	spec := o.Spec
	spec.Key = certs.NextKeySpec(o.Spec.Key, old)
	if slices.ContainsFunc(o.refused(spec), ofKey) {
		return o.Spec.Key
	}
	return spec.Key
}
