// SPDX-License-Identifier: Apache-2.0

package source

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// annotated are annotations of an object that is opted in, from pairs of suffix and value.
func annotated(pairs ...string) map[string]string {
	annotations := map[string]string{v1alpha1.AnnotationIssuer: "vault"}
	for i := 0; i < len(pairs); i += 2 {
		annotations[v1alpha1.Prefix+pairs[i]] = pairs[i+1]
	}
	return annotations
}

var byVault = v1alpha1.IssuerReference{Kind: v1alpha1.KindVaultIssuer, Name: "vault"}

func TestParseValues(t *testing.T) {
	for _, c := range []struct {
		annotations map[string]string
		want        v1alpha1.ApisixCertificateSpec
	}{
		{annotated(), v1alpha1.ApisixCertificateSpec{}},
		{annotated("common-name", " a.example "), v1alpha1.ApisixCertificateSpec{CommonName: "a.example"}},
		{annotated("ip-sans", "192.0.2.1, ,2001:db8::1,192.0.2.1"), v1alpha1.ApisixCertificateSpec{IPAddresses: []string{"192.0.2.1", "2001:db8::1"}}},
		{annotated("uri-sans", "spiffe://a/b"), v1alpha1.ApisixCertificateSpec{URIs: []string{"spiffe://a/b"}}},
		{annotated("email-sans", "ops@a.example"), v1alpha1.ApisixCertificateSpec{EmailAddresses: []string{"ops@a.example"}}},
		{annotated("duration", "2160h"), v1alpha1.ApisixCertificateSpec{Duration: &metav1.Duration{Duration: 2160 * time.Hour}}},
		{annotated("renew-before", " 30m "), v1alpha1.ApisixCertificateSpec{RenewBefore: &metav1.Duration{Duration: 30 * time.Minute}}},
		{annotated("renew-before-percentage", "25"), v1alpha1.ApisixCertificateSpec{RenewBeforePercentage: ptr.To[int32](25)}},
		{annotated("usages", "server auth, client auth"), v1alpha1.ApisixCertificateSpec{Usages: []string{"server auth", "client auth"}}},
		{annotated("private-key-algorithm", "rsa", "private-key-size", "4096"), v1alpha1.ApisixCertificateSpec{PrivateKey: &v1alpha1.PrivateKey{Algorithm: "RSA", Size: 4096}}},
		{annotated("private-key-size", "384"), v1alpha1.ApisixCertificateSpec{PrivateKey: &v1alpha1.PrivateKey{Size: 384}}},
		{annotated("private-key-encoding", "PKCS1"), v1alpha1.ApisixCertificateSpec{PrivateKey: &v1alpha1.PrivateKey{Encoding: "PKCS1"}}},
		{annotated("private-key-rotation-policy", "never"), v1alpha1.ApisixCertificateSpec{PrivateKey: &v1alpha1.PrivateKey{RotationPolicy: "Never"}}},
		{annotated("subject-organizations", `"Example, Inc.",Other`), v1alpha1.ApisixCertificateSpec{Subject: &v1alpha1.X509Subject{Organizations: []string{"Example, Inc.", "Other"}}}},
		{annotated("subject-organizationalunits", "a,b"), v1alpha1.ApisixCertificateSpec{Subject: &v1alpha1.X509Subject{OrganizationalUnits: []string{"a", "b"}}}},
		{annotated("subject-countries", "DE"), v1alpha1.ApisixCertificateSpec{Subject: &v1alpha1.X509Subject{Countries: []string{"DE"}}}},
		{annotated("subject-provinces", "p"), v1alpha1.ApisixCertificateSpec{Subject: &v1alpha1.X509Subject{Provinces: []string{"p"}}}},
		{annotated("subject-localities", "l"), v1alpha1.ApisixCertificateSpec{Subject: &v1alpha1.X509Subject{Localities: []string{"l"}}}},
		{annotated("subject-postalcodes", "1"), v1alpha1.ApisixCertificateSpec{Subject: &v1alpha1.X509Subject{PostalCodes: []string{"1"}}}},
		{annotated("subject-streetaddresses", "s"), v1alpha1.ApisixCertificateSpec{Subject: &v1alpha1.X509Subject{StreetAddresses: []string{"s"}}}},
		{annotated("subject-serialnumber", "7"), v1alpha1.ApisixCertificateSpec{Subject: &v1alpha1.X509Subject{SerialNumber: "7"}}},
		{annotated("secret-template", `{"labels":{"a":"b"}}`), v1alpha1.ApisixCertificateSpec{SecretTemplate: &v1alpha1.SecretTemplate{Labels: map[string]string{"a": "b"}}}},
		{annotated("key-storage", "secret"), v1alpha1.ApisixCertificateSpec{KeyStorage: v1alpha1.KeyInSecret}},
		{annotated("key-storage", "gateway"), v1alpha1.ApisixCertificateSpec{KeyStorage: v1alpha1.KeyAtGateway}},
		{annotated("key-storage", "VaultKV", "vault-kv-token-secret", "t"), v1alpha1.ApisixCertificateSpec{
			KeyStorage: v1alpha1.KeyInVaultKV, VaultKV: &v1alpha1.VaultKV{TokenSecretRef: v1alpha1.SecretKeySelector{Name: "t"}}}},
		{annotated("key-storage", "VaultKV", "vault-kv-token-secret", "t", "vault-kv-token-key", "k", "vault-kv-mount", "m/n", "vault-kv-path", "a.b"), v1alpha1.ApisixCertificateSpec{
			KeyStorage: v1alpha1.KeyInVaultKV, VaultKV: &v1alpha1.VaultKV{Mount: "m/n", Path: "a.b", TokenSecretRef: v1alpha1.SecretKeySelector{Name: "t", Key: "k"}}}},
		{annotated("issuer-group", "apisix-certs.io"), v1alpha1.ApisixCertificateSpec{}},
		{annotated("unknown", "x"), v1alpha1.ApisixCertificateSpec{}},
	} {
		c.want.IssuerRef = byVault
		s, ok := parse(c.annotations, Defaults{})
		if diff := cmp.Diff(c.want, s.spec); diff != "" || !ok || !s.explicit || len(s.problems) > 0 {
			t.Errorf("%v: ok %v, asked %v, problems %q, spec (-want +got):\n%s", c.annotations, ok, s.explicit, s.problems, diff)
		}
	}
}

// Each message names the annotation and the fix.
func TestParseProblems(t *testing.T) {
	for _, c := range []struct{ key, value, fix string }{
		{"duration", "90d", "use a value such as 2160h"},
		{"duration", "-1h", "use a value such as 2160h"},
		{"duration", "", "use a value such as 2160h"},
		{"renew-before", "0s", "use a value such as 2160h or 30m"},
		{"renew-before-percentage", "0", "from 1 to 99"},
		{"renew-before-percentage", "100", "from 1 to 99"},
		{"renew-before-percentage", "33.3", "from 1 to 99"},
		{"renew-before-percentage", "99999999999999999999", "from 1 to 99"},
		{"private-key-algorithm", "DSA", "one of RSA, ECDSA, Ed25519"},
		{"private-key-encoding", "DER", "one of PKCS1, PKCS8"},
		{"private-key-rotation-policy", "Sometimes", "one of Always, Never"},
		{"private-key-size", "1024", "one of 256, 384, 521"},
		{"private-key-size", "2048", "set apisix-certs.io/private-key-algorithm to RSA"},
		{"subject-organizations", `a"b`, "separate items with commas"},
		{"subject-organizations", "a\nb", "separate items with commas"},
		{"secret-template", "labels: {}", `{"labels":{"KEY":"VALUE"}`},
		{"secret-template", `{"label":{}}`, `{"labels":{"KEY":"VALUE"}`},
		{"secret-template", `{"labels":{}} {}`, `{"labels":{"KEY":"VALUE"}`},
		{"issuer-kind", "Pod", "one of VaultIssuer, ClusterVaultIssuer, Issuer, ClusterIssuer"},
		{"key-storage", "Disk", "one of Secret, Gateway, VaultKV"},
		{"key-storage", "VaultKV", "VaultKV requires apisix-certs.io/vault-kv-token-secret: set it to the Secret"},
		{"vault-kv-token-secret", "t", "requires apisix-certs.io/key-storage VaultKV"},
		{"vault-kv-token-key", "t", "requires apisix-certs.io/key-storage VaultKV"},
		{"vault-kv-mount", "kv", "requires apisix-certs.io/key-storage VaultKV"},
		{"vault-kv-path", "p", "requires apisix-certs.io/key-storage VaultKV"},
		{"manage", "yes", "must be true or false"},
		{"cluster-issuer", "other", "remove one"},
	} {
		s, ok := parse(annotated(c.key, c.value), Defaults{})
		if !ok || len(s.problems) != 1 || !strings.HasPrefix(s.problems[0], "annotation apisix-certs.io/"+c.key+": ") || !strings.Contains(s.problems[0], c.fix) {
			t.Errorf("%s=%q: ok %v, problems %q", c.key, c.value, ok, s.problems)
		}
	}
}

func TestParseProblemsTogether(t *testing.T) {
	s, _ := parse(annotated("private-key-algorithm", "Ed25519", "private-key-size", "256", "renew-before", "1h", "renew-before-percentage", "5", "duration", "x"), Defaults{})
	want := []string{
		`annotation apisix-certs.io/duration: "x" is not a positive duration: use a value such as 2160h or 30m`,
		"annotation apisix-certs.io/private-key-size: is not allowed with algorithm Ed25519: remove it",
		"annotation apisix-certs.io/renew-before-percentage: cannot be combined with apisix-certs.io/renew-before: remove one",
	}
	if diff := cmp.Diff(want, s.problems); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s.spec.RenewBefore == nil || s.spec.RenewBeforePercentage != nil {
		t.Error("not one of the two is kept")
	}
}

func TestParseIssuer(t *testing.T) {
	ref := func(kind, name string) *v1alpha1.IssuerReference {
		return &v1alpha1.IssuerReference{Kind: kind, Name: name}
	}
	byDefault := Defaults{Issuer: ref("ClusterVaultIssuer", "default")}
	all := Defaults{Issuer: byDefault.Issuer, ManageAll: true}
	for _, c := range []struct {
		name        string
		annotations map[string]string
		defaults    Defaults
		want        *v1alpha1.IssuerReference // nil: not opted in
		asked       bool
	}{
		{"nothing", nil, Defaults{}, nil, false},
		{"a default issuer alone", nil, byDefault, nil, false},
		{"blank", map[string]string{v1alpha1.AnnotationIssuer: " "}, Defaults{}, nil, false},
		{"issuer", map[string]string{v1alpha1.AnnotationIssuer: "a"}, Defaults{}, ref("VaultIssuer", "a"), true},
		{"cluster issuer", map[string]string{v1alpha1.AnnotationClusterIssuer: "a"}, Defaults{}, ref("ClusterVaultIssuer", "a"), true},
		{"kind", map[string]string{v1alpha1.AnnotationIssuer: "a", v1alpha1.AnnotationIssuerKind: "ClusterVaultIssuer"}, Defaults{}, ref("ClusterVaultIssuer", "a"), true},
		{"all", nil, all, ref("ClusterVaultIssuer", "default"), false},
		{"all, and its own", map[string]string{v1alpha1.AnnotationIssuer: "a"}, all, ref("VaultIssuer", "a"), true},
		{"all without a default", nil, Defaults{ManageAll: true}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, ok := parse(c.annotations, c.defaults)
			if ok != (c.want != nil) || ok && s.spec.IssuerRef != *c.want || s.explicit != c.asked {
				t.Errorf("ok %v, asked %v, %+v", ok, s.explicit, s.spec.IssuerRef)
			}
		})
	}
}
