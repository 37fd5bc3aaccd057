// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// specOf is the spec in the terms of package certs.
func specOf(cert *v1alpha1.ApisixCertificate) certs.Spec {
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
