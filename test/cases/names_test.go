// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

func hosts(n, length int) (all []string) {
	for i := range n {
		head, tail := fmt.Sprintf("h%d.", i), strings.Repeat(strings.Repeat("a", 49)+".", 5)
		all = append(all, head+tail[:length-len(head)-len("b.cd")]+"b.cd")
	}
	return all
}

// names are cases 10 and 16: how many there may be, and how they are written.
var names = []kase{
	reported("10", "150 hosts are issued and served", func(t *testing.T) { manyHosts(t, hosts(150, 24)) }),
	reported("10", "a good pair of 150 names is taken over, pushed and watched", func(t *testing.T) {
		s := newScene(t)
		all := hosts(150, 24)
		certPEM, keyPEM := s.pair(certs.KeySpec{}, all...)
		s.adopts(certPEM, keyPEM, all...)
		s.signatures(0)
		s.shows(all[149], leafOf(t, certPEM))
		if end := s.Cert("web").Status.Issued.NotAfter; end == nil {
			t.Error("its end is not watched")
		}
	}),
	neighbour("10", "1,000 hosts are", func(t *testing.T) { manyHosts(t, hosts(1000, 36)) }),
	neighbour("10", "1,001 hosts: the limit is named, and Vault is not asked", func(t *testing.T) {
		s := newScene(t)
		s.Create("web", func(c *cert) { c.Spec.DNSNames = hosts(1001, 24) })
		s.Run()
		s.signatures(0)
		s.is("web", v1alpha1.ConditionIssued, "False InvalidSpec", "spec.dnsNames", "1000")
	}),
	neighbour("10", "more than APISIX takes: its limit is named", func(t *testing.T) {
		s := newScene(t)
		s.Create("web", func(c *cert) { c.Spec.DNSNames = hosts(1000, 100) })
		s.Run()
		s.signatures(1)
		s.is("web", v1alpha1.ConditionIssued, "True Issued")
		s.is("web", v1alpha1.ConditionPushed, "False GatewayRefused", "65536")
	}),

	reported("16", "a scheme in capitals", func(t *testing.T) { uri(t, "u1", "spiffe://example.org/ns/shop/sa/web") }),
	reported("16", "a space", func(t *testing.T) { uri(t, "u2", "spiffe://example.org/shop%20web") }),
	reported("16", "an empty fragment", func(t *testing.T) { uri(t, "u3", "https://example.org/a") }),
	reported("16", "a host in capitals", func(t *testing.T) { uri(t, "u4", "") }),
	reported("16", "a comma reaches Vault whole", func(t *testing.T) {
		s := uri(t, "u5", "spiffe://example.org/a,b")
		if sent, ok := s.Vault.Bodies()[0]["uri_sans"].([]any); !ok || len(sent) != 1 || sent[0] != "spiffe://example.org/a,b" {
			t.Errorf("sent is %v", s.Vault.Bodies()[0]["uri_sans"])
		}
	}),
	reported("16", "not ASCII: Vault is not asked", func(t *testing.T) {
		s := newScene(t)
		s.Create("web", specOf(t, "16-acert.yaml", "u6"))
		s.Run()
		s.signatures(0)
		s.is("web", v1alpha1.ConditionIssued, "False InvalidSpec", "spec.uris[0]", "outside ASCII")
	}),
	reported("16", "a letter that is escaped", func(t *testing.T) { uri(t, "u7", "") }),
	neighbour("16", "an address of IPv6 that stands for one of IPv4", func(t *testing.T) {
		oneSignature(t, func(c *cert) { c.Spec.IPAddresses = []string{"::ffff:192.0.2.2", "2001:DB8::1"} })
	}),
	neighbour("16", "a mail address with a host in capitals", func(t *testing.T) {
		oneSignature(t, func(c *cert) { c.Spec.EmailAddresses = []string{"Ops@Example.COM"} })
	}),
	neighbour("16", "a DNS name in capitals", func(t *testing.T) {
		oneSignature(t, func(c *cert) { c.Spec.DNSNames = []string{"WEB.Example"} })
	}),
	neighbour("16", "a common name of 65 bytes: Vault is not asked", func(t *testing.T) {
		s := newScene(t)
		s.Create("web", func(c *cert) { c.Spec.CommonName = strings.Repeat("a", 57) + ".example" })
		s.Run()
		s.signatures(0)
		s.is("web", v1alpha1.ConditionIssued, "False InvalidSpec", "spec.commonName", "64 bytes")
	}),
}

func manyHosts(t *testing.T, all []string) {
	s := issued(t, func(c *cert) { c.Spec.DNSNames = all })
	s.signatures(1)
	leaf := s.Leaf("web-tls")
	if len(leaf.DNSNames) != len(all) {
		t.Errorf("%d names", len(leaf.DNSNames))
	}
	for _, host := range []string{all[0], all[100], all[len(all)-1]} {
		s.shows(host, leaf)
	}
}

// adopts takes over a Secret with a pair.
func (s *scene) adopts(certPEM, keyPEM []byte, names ...string) {
	s.t.Helper()
	s.WriteSecret("web-tls", "somebody", func(secret *corev1.Secret) { secret.Data = map[string][]byte{"tls.crt": certPEM, "tls.key": keyPEM} })
	s.Create("web", func(c *cert) {
		c.Spec.DNSNames = names
		c.Annotations = map[string]string{v1alpha1.AnnotationAdoptSecret: "true"}
	})
	s.Run()
	s.ready("web")
}

// uri wants one signature for a certificate of the file, and its URI to be so; empty: whatever Vault makes of it.
func uri(t *testing.T, name, want string) *scene {
	s := oneSignature(t, specOf(t, "16-acert.yaml", name))
	leaf := s.Leaf(s.Cert("web").Spec.SecretName)
	if len(leaf.URIs) != 1 || want != "" && leaf.URIs[0].String() != want {
		t.Errorf("URIs are %v", leaf.URIs)
	}
	return s
}

// oneSignature wants the certificate to be issued once and to rest.
func oneSignature(t *testing.T, edit func(*cert)) *scene {
	s := issued(t, edit)
	s.Restart()
	s.Run()
	s.signatures(1)
	s.ready("web")
	return s
}
