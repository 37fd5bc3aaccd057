// SPDX-License-Identifier: Apache-2.0

package tlssecret

import corev1 "k8s.io/api/core/v1"

// Keys of a pair in a Secret for APISIX's ingress controller, which reads these first.
const (
	apisixCert = "cert"
	apisixKey  = "key"
)

// Provided returns a provided Secret with its pair under tls.crt and tls.key: the same Secret, or a copy. If the Secret has
// both pairs, it is that of the ingress controller, which serves that one.
func Provided(secret *corev1.Secret) *corev1.Secret {
	cert, ok := secret.Data[apisixCert]
	if !ok {
		return secret
	}
	read := secret.DeepCopy()
	read.Data[corev1.TLSCertKey], read.Data[corev1.TLSPrivateKeyKey] = cert, secret.Data[apisixKey]
	return read
}
