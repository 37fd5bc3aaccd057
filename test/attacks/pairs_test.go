// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

// bought is a pair of another CA, as one that was bought.
func bought(t testing.TB, hosts ...string) map[string][]byte {
	t.Helper()
	return pairOf(t, &x509.Certificate{DNSNames: hosts, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(60 * 24 * time.Hour)})
}

func pairOf(t testing.TB, template *x509.Certificate) map[string][]byte {
	t.Helper()
	leaf, key := certstest.NewCA(t, "another CA", time.Now().Add(5*365*24*time.Hour)).Pair(t, template)
	return map[string][]byte{corev1.TLSCertKey: certstest.PEM(leaf), corev1.TLSPrivateKeyKey: key}
}

// authority is the pair of a CA.
func authority(t testing.TB) map[string][]byte {
	t.Helper()
	return pairOf(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "a CA of the cluster"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
}

// publicOf is what anyone has of a pair - its certificate - with a key that does not fit.
func publicOf(t testing.TB, crt []byte) map[string][]byte {
	t.Helper()
	key, err := certs.GenerateKey(certs.KeySpec{})
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{corev1.TLSCertKey: crt, corev1.TLSPrivateKeyKey: key.PEM(certs.PKCS8)}
}

// signs has Vault sign a pair past the controller, as for a VPN or another cluster.
func (s *scene) signs(host string) (map[string][]byte, *x509.Certificate) {
	s.Helper()
	key, err := certs.GenerateKey(certs.KeySpec{})
	s.must(err)
	csr, err := certs.CreateRequest(certs.Spec{DNSNames: []string{host}}, key)
	s.must(err)
	answer, err := s.Vault.Client().Logical().WriteWithContext(s.Context(), "pki/sign/moelove-dot-info", map[string]any{
		"csr": string(csr), "common_name": host, "ttl": "48h",
	})
	s.must(err)
	crt := answer.Data["certificate"].(string)
	chain, err := certs.ParseCertificates([]byte(crt))
	s.must(err)
	return map[string][]byte{corev1.TLSCertKey: []byte(crt), corev1.TLSPrivateKeyKey: key.PEM(certs.PKCS8)}, chain[0]
}

// tlsSecret is a Secret of the tenant of type kubernetes.io/tls.
func (tn *tenant) tlsSecret(name string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: tn.ns, Name: name}, Type: corev1.SecretTypeTLS, Data: data}
}

// keeps makes a Secret as the tenant and returns it as it is then.
func (s *scene) keeps(tn *tenant, secret *corev1.Secret) *corev1.Secret {
	s.Helper()
	s.makes(tn, secret)
	return s.readSecret(tn, secret.Name)
}
