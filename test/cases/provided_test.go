// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"crypto/x509"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// provided is case 9: Secrets that others keep.
var provided = []kase{
	reported("09", "a Secret with cert and key", func(t *testing.T) {
		s := newScene(t)
		certPEM, keyPEM := s.pair(certs.KeySpec{}, "shop9.example")
		s.keeps(map[string][]byte{"cert": certPEM, "key": keyPEM})
		s.delivered(certPEM)
		if notAfter := s.Cert("shop").Status.Issued.NotAfter; notAfter == nil || !notAfter.Time.Equal(leafOf(t, certPEM).NotAfter) {
			t.Errorf("its end is %v", notAfter)
		}
	}),
	reported("09", "it changes", func(t *testing.T) {
		s := newScene(t)
		certPEM, keyPEM := s.pair(certs.KeySpec{}, "shop9.example")
		s.keeps(map[string][]byte{"cert": certPEM, "key": keyPEM})
		certPEM, keyPEM = s.pair(certs.KeySpec{}, "shop9.example")
		s.WriteSecret("shop-apisix", "somebody", data(map[string][]byte{"cert": certPEM, "key": keyPEM}))
		s.Run()
		s.delivered(certPEM)
	}),
	neighbour("09", "both forms: that which the ingress controller reads", func(t *testing.T) {
		s := newScene(t)
		certPEM, keyPEM := s.pair(certs.KeySpec{}, "shop9.example")
		otherCert, otherKey := s.pair(certs.KeySpec{}, "shop9.example")
		s.keeps(map[string][]byte{"cert": certPEM, "key": keyPEM, "tls.crt": otherCert, "tls.key": otherKey})
		s.delivered(certPEM)
	}),
	neighbour("09", "cert without key", func(t *testing.T) {
		s := newScene(t)
		certPEM, _ := s.pair(certs.KeySpec{}, "shop9.example")
		s.keeps(map[string][]byte{"cert": certPEM})
		s.is("shop", v1alpha1.ConditionIssued, "False SecretInvalid", "has no private key")
		if served := s.Served("shop9.example"); served != nil {
			t.Error("it is served")
		}
	}),
	neighbour("09", "the key is that of another certificate", func(t *testing.T) {
		s := newScene(t)
		certPEM, _ := s.pair(certs.KeySpec{}, "shop9.example")
		_, keyPEM := s.pair(certs.KeySpec{}, "shop9.example")
		s.keeps(map[string][]byte{"cert": certPEM, "key": keyPEM})
		s.is("shop", v1alpha1.ConditionIssued, "False SecretInvalid", "does not match")
	}),
}

// keeps makes the Secret of somebody else, and the ApisixCertificate that delivers it.
func (s *scene) keeps(values map[string][]byte) {
	s.t.Helper()
	s.WriteSecret("shop-apisix", "somebody", func(secret *corev1.Secret) { secret.Type, secret.Data = corev1.SecretTypeOpaque, values })
	s.Create("shop", func(c *cert) {
		c.Spec = v1alpha1.ApisixCertificateSpec{SecretName: "shop-apisix", DNSNames: []string{"shop9.example"}, Provided: true}
	})
	s.Run()
}

func (s *scene) delivered(certPEM []byte) {
	s.t.Helper()
	s.is("shop", v1alpha1.ConditionIssued, "True Provided")
	s.ready("shop")
	s.shows("shop9.example", leafOf(s.t, certPEM))
	s.signatures(0)
	if s.Count("update Secret")+s.Count("patch Secret") > 0 {
		s.t.Error("the Secret of somebody else was written")
	}
}

func leafOf(t *testing.T, certPEM []byte) *x509.Certificate {
	t.Helper()
	chain, err := certs.ParseCertificates(certPEM)
	if err != nil || len(chain) == 0 {
		t.Fatal(err)
	}
	return chain[0]
}
