// SPDX-License-Identifier: Apache-2.0

package page

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func decode[T any](t *testing.T, text []byte) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return value
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newCertificate() *v1alpha1.ApisixCertificate {
	return &v1alpha1.ApisixCertificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", OwnerReferences: []metav1.OwnerReference{
			{Kind: "ConfigMap", Name: "other"}, {Kind: "ApisixTls", Name: "web", Controller: ptr.To(true)},
		}},
		Spec: v1alpha1.ApisixCertificateSpec{
			SecretName: "web-tls", DNSNames: []string{"a.example.com"}, IPAddresses: []string{"10.0.0.1"}, CommonName: "cn.example.com",
			IssuerRef: v1alpha1.IssuerReference{Name: "vault"},
		},
		Status: v1alpha1.ApisixCertificateStatus{
			Issued:     v1alpha1.IssuedCertificate{SerialNumber: "01", NotAfter: &metav1.Time{Time: noon.In(time.FixedZone("", 3600))}},
			Conditions: []metav1.Condition{{Type: "Ready", Status: "False", Reason: "Refused", Message: "no", LastTransitionTime: metav1.NewTime(noon)}},
			Gateways:   []v1alpha1.GatewayStatus{{Name: "edge", ServedSerial: "01"}},
		},
	}
}

func TestCertificateOf(t *testing.T) {
	want := Certificate{
		Key: "certificate/shop/web", Namespace: "shop", Name: "web", Hosts: []string{"a.example.com", "10.0.0.1"}, Issuer: "issuer/VaultIssuer/shop/vault",
		Source: "ApisixTls web", Secret: "web-tls", Serial: "01", NotAfter: &noon,
		Conditions: []Condition{{Type: "Ready", Status: "False", Reason: "Refused", Message: "no", Since: noon}},
		Gateways:   []v1alpha1.GatewayStatus{{Name: "edge", ServedSerial: "01"}},
	}
	if diff := cmp.Diff(want, CertificateOf(newCertificate())); diff != "" {
		t.Error(diff)
	}
}

func TestIssuerKeys(t *testing.T) {
	for _, c := range []struct {
		ref  v1alpha1.IssuerReference
		want string
	}{
		{v1alpha1.IssuerReference{}, ""},
		{v1alpha1.IssuerReference{Kind: "ClusterVaultIssuer", Name: "vault"}, "issuer/ClusterVaultIssuer//vault"},
		{v1alpha1.IssuerReference{Group: "cert-manager.io", Name: "ca"}, "issuer/Issuer/shop/ca"},
		{v1alpha1.IssuerReference{Group: "cert-manager.io", Kind: "ClusterIssuer", Name: "ca"}, "issuer/ClusterIssuer//ca"},
	} {
		cert := newCertificate()
		cert.Spec.IssuerRef = c.ref
		if have := CertificateOf(cert).Issuer; have != c.want {
			t.Errorf("%+v: %q, want %q", c.ref, have, c.want)
		}
	}
	issuer := &v1alpha1.ClusterVaultIssuer{ObjectMeta: metav1.ObjectMeta{Name: "vault"}}
	if have := IssuerOf(issuer).Key; have != "issuer/ClusterVaultIssuer//vault" {
		t.Errorf("key %s", have)
	}
}

func TestHosts(t *testing.T) {
	cert := newCertificate()
	cert.Spec.DNSNames, cert.Spec.IPAddresses = nil, nil
	if have := CertificateOf(cert).Hosts; !cmp.Equal(have, []string{"cn.example.com"}) {
		t.Errorf("%q", have)
	}
}

// Nothing of an issuer's spec, where its credentials are named or given, is shown.
func TestIssuersWithoutSpec(t *testing.T) {
	issuer := &v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "vault", Annotations: map[string]string{"note": "hush"}}}
	issuer.Spec.Server, issuer.Spec.Path = "https://user:hush@vault.example.com", "hush"
	issuer.Status.CA = &v1alpha1.IssuerCA{CommonName: "CA"}
	text, err := json.Marshal(IssuerOf(issuer))
	if err != nil || strings.Contains(string(text), "hush") {
		t.Errorf("%s %v", text, err)
	}
}
