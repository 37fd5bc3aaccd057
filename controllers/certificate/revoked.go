// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/certs"
)

// revoked tells whether the certificate in the Secret is on its issuer's CRL.
func (o *observed) revoked() bool {
	if o.standing.Revocations.Empty() {
		return false
	}
	chain, err := certs.ParseCertificates(o.secret.Data[corev1.TLSCertKey])
	return err == nil && len(chain) > 0 && o.standing.Revocations.Has(chain[0])
}
