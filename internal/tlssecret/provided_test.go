// SPDX-License-Identifier: Apache-2.0

package tlssecret

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestProvided(t *testing.T) {
	for _, row := range []struct{ name, data, cert, key string }{
		{"Kubernetes' form", "tls.crt tls.key", "tls.crt", "tls.key"},
		{"APISIX' form", "cert key", "cert", "key"},
		{"both, as the ingress controller reads it", "cert key tls.crt tls.key", "cert", "key"},
		{"a certificate without a key", "cert tls.key", "cert", ""},
		{"a key without a certificate", "key", "", ""},
		{"nothing", "", "", ""},
	} {
		secret := secretWith(row.data)
		got := Provided(secret)
		if string(got.Data[corev1.TLSCertKey]) != row.cert || string(got.Data[corev1.TLSPrivateKeyKey]) != row.key {
			t.Errorf("%s: %s", row.name, got.Data)
		}
		if before := secretWith(row.data); len(secret.Data) != len(before.Data) || string(secret.Data[corev1.TLSCertKey]) != string(before.Data[corev1.TLSCertKey]) {
			t.Errorf("%s: the Secret itself has changed: %s", row.name, secret.Data)
		}
	}
}

// secretWith has the keys, each with its name as its value.
func secretWith(keys string) *corev1.Secret {
	secret := &corev1.Secret{Data: map[string][]byte{}}
	for _, key := range strings.Fields(keys) {
		secret.Data[key] = []byte(key)
	}
	return secret
}
