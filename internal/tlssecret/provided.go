// SPDX-License-Identifier: Apache-2.0

package tlssecret

import corev1 "k8s.io/api/core/v1"

// Keys of a pair in a Secret as APISIX's ingress controller reads it, which looks for these first.
const (
	apisixCert = "cert"
	apisixKey  = "key"
)

// Provided is a Secret that somebody else keeps with its pair under tls.crt and tls.key, whichever of the two forms it has:
// the same Secret, or a copy. Of a Secret with both pairs it is that of the ingress controller, which serves that one.
func Provided(secret *corev1.Secret) *corev1.Secret {
	cert, ok := secret.Data[apisixCert]
	if !ok {
		return secret
	}
	read := secret.DeepCopy()
	read.Data[corev1.TLSCertKey], read.Data[corev1.TLSPrivateKeyKey] = cert, secret.Data[apisixKey]
	return read
}
