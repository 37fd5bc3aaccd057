// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func uris(list ...string) specEdit {
	return func(s *v1alpha1.ApisixCertificateSpec) { s.URIs = list }
}

func of(spec *v1alpha1.ApisixCertificateSpec) *v1alpha1.ApisixCertificate {
	return &v1alpha1.ApisixCertificate{Spec: *spec}
}

// What changes what the issuer sees, or where certificate and key go, needs another approval; what does not, does not.
func TestDigest(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b *v1alpha1.ApisixCertificateSpec
		same bool
	}{
		{"order and case", asking(named("a", "b")), asking(named("B", "a")), true},
		{"renewal", asking(), asking(func(s *v1alpha1.ApisixCertificateSpec) {
			s.RenewBefore, s.RenewBeforePercentage, s.RenewalPolicy = &metav1.Duration{Duration: 1}, ptr.To(int32(20)), v1alpha1.RenewDisabled
			s.RenewalWindows = []v1alpha1.RenewalWindow{{Cron: "@daily"}}
		}), true},
		{"what is done with the Secret", asking(), asking(func(s *v1alpha1.ApisixCertificateSpec) {
			s.SecretName, s.SecretRetention, s.RevocationPolicy = "other", v1alpha1.SecretRetain, v1alpha1.RevokeOnDelete
			s.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]string{"a": "b"}}
		}), true},
		{"rotation of the key", asking(), asking(func(s *v1alpha1.ApisixCertificateSpec) {
			s.PrivateKey = &v1alpha1.PrivateKey{RotationPolicy: v1alpha1.RotationNever, Encoding: "PKCS1"}
		}), true},
		{"default key, written out", asking(), asking(keyed("ECDSA", 256)), true},
		{"default usages, written out", asking(), asking(used("server auth", "signing", "key encipherment")), true},
		{"default key storage, written out", asking(), asking(stored(v1alpha1.KeyInSecret)), true},
		{"default location, written out", asking(inVault("", "")), asking(inVault("kv", "apisix-certs")), true},
		{"empty subject", asking(), asking(subject(v1alpha1.X509Subject{})), true},
		{"kind of the issuer, written out", asking(issuedBy("", "v")), asking(issuedBy(v1alpha1.KindVaultIssuer, "v")), true},

		{"names", asking(named("a", "b")), asking(named("a")), false},
		{"common name", asking(), asking(func(s *v1alpha1.ApisixCertificateSpec) { s.CommonName = "www.a.example" }), false},
		{"address", asking(), asking(func(s *v1alpha1.ApisixCertificateSpec) { s.IPAddresses = []string{"192.0.2.1"} }), false},
		{"URI", asking(), asking(uris("spiffe://a/shop")), false},
		{"URI in another case", asking(uris("spiffe://a/shop")), asking(uris("spiffe://a/SHOP")), false},
		{"mail in another case", asking(func(s *v1alpha1.ApisixCertificateSpec) { s.EmailAddresses = []string{"a@b"} }),
			asking(func(s *v1alpha1.ApisixCertificateSpec) { s.EmailAddresses = []string{"A@b"} }), false},
		{"a name of another kind", asking(uris("x")), asking(func(s *v1alpha1.ApisixCertificateSpec) { s.EmailAddresses = []string{"x"} }), false},
		{"one name with a comma", asking(uris("a,b")), asking(uris("a", "b")), false},
		{"subject", asking(), asking(subject(v1alpha1.X509Subject{Organizations: []string{"Acme"}})), false},
		{"issuer", asking(), asking(issuedBy("", "vault")), false},
		{"issuer of another group", asking(issuedBy("Issuer", "vault")), asking(func(s *v1alpha1.ApisixCertificateSpec) {
			s.IssuerRef = v1alpha1.IssuerReference{Group: "example.com", Kind: "Issuer", Name: "vault"}
		}), false},
		{"lifetime", asking(), asking(living(87600)), false},
		{"key", asking(), asking(keyed("RSA", 0)), false},
		{"key size", asking(keyed("RSA", 0)), asking(keyed("RSA", 4096)), false},
		{"usages", asking(), asking(used("server auth", "client auth")), false},
		{"class", asking(), asking(withClass("other")), false},
		{"key storage", asking(), asking(stored(v1alpha1.KeyAtGateway)), false},
		{"location", asking(inVault("", "")), asking(inVault("kv", "other")), false},
		{"namespace of the Secret", asking(), asking(func(s *v1alpha1.ApisixCertificateSpec) { s.SecretNamespace = "other" }), false},
		{"Secret of another namespace", asking(func(s *v1alpha1.ApisixCertificateSpec) { s.SecretNamespace = "other" }),
			asking(func(s *v1alpha1.ApisixCertificateSpec) { s.SecretNamespace, s.SecretName = "other", "t" }), false},
		{"Secret of others", asking(), asking(provided), false},
		{"another Secret of others", asking(provided), asking(provided, func(s *v1alpha1.ApisixCertificateSpec) { s.SecretName = "t" }), false},
	} {
		if got := Digest(of(c.a)) == Digest(of(c.b)); got != c.same {
			t.Errorf("%s: the same is %v\n%s\n%s", c.name, got, Summary(of(c.a)), Summary(of(c.b)))
		}
		if got := Summary(of(c.a)) == Summary(of(c.b)); got && !c.same && c.name != "one name with a comma" {
			t.Errorf("%s: the user who decides sees no difference: %s", c.name, Summary(of(c.a)))
		}
	}
}

func TestSummary(t *testing.T) {
	for want, spec := range map[string]*v1alpha1.ApisixCertificateSpec{
		"dnsNames www.a.example, issuer ClusterVaultIssuer/vault": asking(),
		"dnsNames www.a.example, secret s":                        asking(provided),
		`dnsNames a b, subject {"organizations":["Acme"]}, issuer ClusterVaultIssuer/vault, duration 1h0m0s, usages client auth, key RSA 4096, ingressClass apisix, keyStorage VaultKV, vaultKV kv/x`: asking(
			named("a", "b"), subject(v1alpha1.X509Subject{Organizations: []string{"Acme"}}), living(1), used("client auth"), keyed("RSA", 4096), withClass("apisix"), inVault("", "x")),
	} {
		if got := Summary(of(spec)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// An issuer of cert-manager, or an external one, reads annotations: what they say was approved, or was not.
func TestDigestOfAnnotations(t *testing.T) {
	cert := of(asking(func(s *v1alpha1.ApisixCertificateSpec) {
		s.IssuerRef = v1alpha1.IssuerReference{Group: "ejbca.example", Kind: "Issuer", Name: "x"}
	}))
	for _, row := range []struct {
		name   string
		group  string
		counts bool
	}{
		{"ejbca.example/profile", "ejbca.example", true},
		{"venafi.cert-manager.io/custom-fields", "ejbca.example", true},
		{v1alpha1.AnnotationRenewAt, "ejbca.example", false},
		{"kubectl.kubernetes.io/last-applied-configuration", "ejbca.example", false},
		{v1alpha1.AnnotationRenewAt, v1alpha1.GroupVersion.Group, false},
		{"venafi.cert-manager.io/custom-fields", "", false},
	} {
		cert.Spec.IssuerRef.Group, cert.Annotations = row.group, nil
		seen := map[string]bool{Digest(cert): true}
		for _, value := range []string{"one", "other"} {
			cert.Annotations = map[string]string{row.name: value}
			if counts := !seen[Digest(cert)]; counts != row.counts {
				t.Errorf("%s: %q of an issuer of group %q: counts is %v", row.name, value, row.group, counts)
			}
			seen[Digest(cert)] = true
			if shown := strings.Contains(Summary(cert), row.name); shown != row.counts {
				t.Errorf("%s: the user who decides reads %s", row.name, Summary(cert))
			}
		}
	}
}
