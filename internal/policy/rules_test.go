// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

type (
	policyEdit = func(*v1alpha1.CertificatePolicySpec)
	specEdit   = func(*v1alpha1.ApisixCertificateSpec)
)

func bounding(edits ...policyEdit) policyEdit {
	return func(p *v1alpha1.CertificatePolicySpec) {
		for _, edit := range edits {
			edit(p)
		}
	}
}

func usages(list ...string) policyEdit {
	return func(p *v1alpha1.CertificatePolicySpec) { p.Usages = list }
}

func used(list ...string) specEdit {
	return func(s *v1alpha1.ApisixCertificateSpec) { s.Usages = list }
}

func classes(list ...string) policyEdit {
	return func(p *v1alpha1.CertificatePolicySpec) { p.IngressClassNames = list }
}

func withClass(name string) specEdit {
	return func(s *v1alpha1.ApisixCertificateSpec) { s.IngressClassName = name }
}

func ofGateway(s *v1alpha1.ApisixCertificateSpec) {
	s.GatewayRef = &v1alpha1.GatewayReference{Name: "gw", Namespace: "shop"}
}

func storages(list ...v1alpha1.KeyStorage) policyEdit {
	return func(p *v1alpha1.CertificatePolicySpec) { p.KeyStorages = list }
}

func locations(list ...v1alpha1.PolicyVaultKV) policyEdit {
	return func(p *v1alpha1.CertificatePolicySpec) {
		p.KeyStorages, p.VaultKV = []v1alpha1.KeyStorage{v1alpha1.KeyInVaultKV}, list
	}
}

func stored(storage v1alpha1.KeyStorage) specEdit {
	return func(s *v1alpha1.ApisixCertificateSpec) { s.KeyStorage = storage }
}

func inVault(mount, path string) specEdit {
	return func(s *v1alpha1.ApisixCertificateSpec) {
		s.KeyStorage, s.VaultKV = v1alpha1.KeyInVaultKV, &v1alpha1.VaultKV{Mount: mount, Path: path}
	}
}

func provided(s *v1alpha1.ApisixCertificateSpec) {
	s.Provided, s.IssuerRef = true, v1alpha1.IssuerReference{}
}

func subjects(bounds v1alpha1.PolicySubject) policyEdit {
	return func(p *v1alpha1.CertificatePolicySpec) { p.Subject = &bounds }
}

func subject(s v1alpha1.X509Subject) specEdit {
	return func(spec *v1alpha1.ApisixCertificateSpec) { spec.Subject = &s }
}

// Each row is one bound, within and beyond, and what it means where it is not set.
func TestBounds(t *testing.T) {
	others := func(p *v1alpha1.CertificatePolicySpec) { p.AllowOtherNames = true }
	acme := v1alpha1.X509Subject{Organizations: []string{"Acme"}}
	for _, c := range []struct {
		name   string
		policy policyEdit
		spec   specEdit
		denied string // what the message says; empty: allowed
	}{
		{"usages unset: the default", bounding(), used("server auth", "digital signature"), ""},
		{"usages unset: another name of the default", bounding(), used("signing", "server auth"), ""},
		{"usages unset: CA", bounding(), used("cert sign"), `spec.usages: "cert sign" is not in the policy's usages`},
		{"usages unset: CRL", bounding(), used("server auth", "crl sign"), `spec.usages: "crl sign"`},
		{"usages unset: code", bounding(), used("code signing"), `spec.usages: "code signing"`},
		{"usages unset: client", bounding(), used("client auth"), `spec.usages: "client auth"`},
		{"usages unset: any", bounding(), used("any"), `spec.usages: "any"`},
		{"usages", usages("server auth", "client auth"), used("client auth"), ""},
		{"usages, the certificate's default", usages("client auth"), used(), `spec.usages: "digital signature"`},
		{"usages, another name", usages("email protection"), used("s/mime"), ""},
		{"usages any is one usage", usages("any"), used("code signing"), `spec.usages: "code signing"`},
		{"usages of all kinds", usages("*"), used("cert sign", "code signing"), ""},

		{"class unset", bounding(), withClass("other"), ""},
		{"class", classes("apisix"), withClass("apisix"), ""},
		{"class of another gateway", classes("apisix"), withClass("other"), `spec.ingressClassName: "other" is not in the policy's ingressClassNames`},
		{"no class", classes("apisix"), withClass(""), `spec.ingressClassName: "" is not in`},
		{"no class, allowed", classes("apisix", ""), withClass(""), ""},
		{"no class, of a Gateway", classes("apisix", ""), ofGateway, `spec.gatewayRef: "Gateway/shop/gw" is not in the policy's ingressClassNames`},
		{"a Gateway, allowed", classes("Gateway/shop/gw"), ofGateway, ""},
		{"for no gateway", classes("apisix"), func(s *v1alpha1.ApisixCertificateSpec) { s.Gateways = v1alpha1.GatewaysNone }, ""},
		{"class of all", classes("*"), withClass("other"), ""},
		{"class, Secret of others", classes("apisix"), func(s *v1alpha1.ApisixCertificateSpec) { provided(s); s.IngressClassName = "other" }, "spec.ingressClassName"},

		{"storage unset", bounding(), stored(""), ""},
		{"storage unset: Secret", bounding(), stored(v1alpha1.KeyInSecret), ""},
		{"storage unset: gateway", bounding(), stored(v1alpha1.KeyAtGateway), "spec.keyStorage: Gateway is not in the policy's keyStorages"},
		{"storage unset: Vault", bounding(), inVault("", ""), "spec.keyStorage: VaultKV is not in the policy's keyStorages"},
		{"storage", storages(v1alpha1.KeyAtGateway), stored(v1alpha1.KeyAtGateway), ""},
		{"storage, not in Kubernetes", storages(v1alpha1.KeyAtGateway), stored(""), "spec.keyStorage: Secret"},
		{"location unset", locations(), inVault("", ""), ""},
		{"location unset: another mount", locations(), inVault("secret", ""), "spec.vaultKV: location secret/apisix-certs is not in the policy's vaultKV"},
		{"location unset: another path", locations(), inVault("", "apisix-certs-of-others"), "spec.vaultKV: location kv/apisix-certs-of-others"},
		{"location", locations(v1alpha1.PolicyVaultKV{Mount: "kv", Path: "shop"}), inVault("kv", "shop"), ""},
		{"location below", locations(v1alpha1.PolicyVaultKV{Mount: "kv", Path: "shop"}), inVault("kv", "shop/web"), ""},
		{"location with the same beginning", locations(v1alpha1.PolicyVaultKV{Mount: "kv", Path: "shop"}), inVault("kv", "shopping"), "spec.vaultKV: location kv/shopping"},
		{"location above", locations(v1alpha1.PolicyVaultKV{Mount: "kv", Path: "shop/web"}), inVault("kv", "shop"), "spec.vaultKV"},
		{"location in a whole mount", locations(v1alpha1.PolicyVaultKV{Mount: "kv"}), inVault("kv", "any"), ""},
		{"location in a mount with the same beginning", locations(v1alpha1.PolicyVaultKV{Mount: "kv"}), inVault("kv2", "any"), "spec.vaultKV"},
		{"location, part of the path as mount", locations(v1alpha1.PolicyVaultKV{Mount: "kv", Path: "shop"}), inVault("kv/shop", "web"), ""},
		{"location, part of another's path as mount", locations(v1alpha1.PolicyVaultKV{Mount: "kv", Path: "shop"}), inVault("kv/blog", "shop"), "spec.vaultKV"},

		{"subject unset", bounding(), subject(acme), "spec.subject: the policy allows no subject"},
		{"subject unset, other names", others, subject(acme), ""},
		{"subject", subjects(v1alpha1.PolicySubject{Organizations: []string{"Acme", "Shop"}}), subject(acme), ""},
		{"subject of all", subjects(v1alpha1.PolicySubject{Organizations: []string{"*"}}), subject(acme), ""},
		{"subject bounded beside other names", bounding(others, subjects(v1alpha1.PolicySubject{Organizations: []string{"Shop"}})), subject(acme), `spec.subject.organizations: "Acme" is not in the policy's subject.organizations`},
		{"subject, another attribute", subjects(v1alpha1.PolicySubject{Organizations: []string{"*"}}), subject(v1alpha1.X509Subject{OrganizationalUnits: []string{"IT"}}), `spec.subject.organizationalUnits: "IT"`},
		{"subject, its serial number", subjects(v1alpha1.PolicySubject{}), subject(v1alpha1.X509Subject{SerialNumber: "7"}), `spec.subject.serialNumber: "7" is not in the policy's subject.serialNumbers`},
		{"subject, every attribute", subjects(v1alpha1.PolicySubject{}), subject(v1alpha1.X509Subject{StreetAddresses: []string{"x"}}), "spec.subject.streetAddresses"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := evaluate([]v1alpha1.CertificatePolicy{allowing("p", c.policy)}, teamA, asking(c.spec))
			if (got.Denied == "") != (c.denied == "") || !strings.Contains(got.Denied, c.denied) {
				t.Errorf("got %q, want %q", got.Denied, c.denied)
			}
			if got.Denied != "" && (!strings.Contains(got.Denied, "the closest is p: spec.") || !strings.Contains(got.Denied, ", or have ")) {
				t.Errorf("%q names no field, or no fix", got.Denied)
			}
		})
	}
}

// The oldest are allowed; a Secret of others counts and is counted.
func TestNumberOfCertificates(t *testing.T) {
	bounded := func(most int32) policyEdit {
		return func(p *v1alpha1.CertificatePolicySpec) { p.MaxCertificates = &most }
	}
	for _, c := range []struct {
		name    string
		policy  policyEdit
		spec    specEdit
		older   int
		allowed bool
	}{
		{"first of one", bounded(1), used(), 0, true},
		{"second of one", bounded(1), used(), 1, false},
		{"tenth of ten", bounded(10), used(), 9, true},
		{"none", bounded(0), used(), 0, false},
		{"no bound", bounding(), used(), 1000, true},
		{"Secret of others", bounded(1), provided, 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := NewSet([]v1alpha1.CertificatePolicy{allowing("p", c.policy)}, false)
			got := set.Evaluate(Request{Namespace: "shop", Labels: teamA, Spec: asking(c.spec), Older: func() int { return c.older }})
			if (got.Denied == "") != c.allowed {
				t.Errorf("got %q", got.Denied)
			}
			if !c.allowed && !strings.Contains(got.Denied, "is used up by older ApisixCertificates in namespace shop; delete some, or have it raised") {
				t.Errorf("got %q", got.Denied)
			}
		})
	}
	// Where nobody counts, a bound is not met; where there is no bound, nobody counts.
	if got := NewSet([]v1alpha1.CertificatePolicy{allowing("p", bounded(1))}, false).Evaluate(Request{Labels: teamA, Spec: asking()}); got.Denied == "" {
		t.Error("allowed without a count")
	}
	NewSet([]v1alpha1.CertificatePolicy{allowing("p"), allowing("q", bounded(1), func(p *v1alpha1.CertificatePolicySpec) {
		p.NamespaceSelector.MatchLabels = map[string]string{"team": "b"}
	})}, false).
		Evaluate(Request{Labels: teamA, Spec: asking(), Older: func() int { t.Error("counted without a bound"); return 0 }})
}

// The nearest policy is the one whose objection is furthest down the list of rules: what is not in the names comes first.
func TestOrderOfRules(t *testing.T) {
	everything := func(p *v1alpha1.CertificatePolicySpec) {
		p.DNSNames, p.AllowOtherNames, p.IngressClassNames = []string{"*"}, true, []string{"*"}
		p.Issuers = []v1alpha1.PolicyIssuer{{Kind: v1alpha1.KindVaultIssuer, Name: "*"}}
		p.MaxDuration, p.PrivateKeys = hours(2000), []v1alpha1.PolicyKey{{Algorithm: "RSA"}}
		p.Usages, p.MaxCertificates = []string{"*"}, ptr.To(int32(9))
		p.KeyStorages, p.VaultKV = []v1alpha1.KeyStorage{v1alpha1.KeyInVaultKV}, []v1alpha1.PolicyVaultKV{{Mount: "kv"}}
	}
	greedy := asking(
		named("b.example"), func(s *v1alpha1.ApisixCertificateSpec) { s.CommonName, s.URIs = "c.example", []string{"spiffe://x"} },
		subject(v1alpha1.X509Subject{Organizations: []string{"Acme"}}), withClass("other"), issuedBy("", "x"), living(1000), keyed("RSA", 0),
		used("code signing"), inVault("kv", "x"),
	)
	// Each step gives what the step before lacked, so that the next rule objects.
	var policies []v1alpha1.CertificatePolicy
	for i, c := range []struct {
		forbid policyEdit
		field  string
	}{
		{names("a.example"), "spec.dnsNames"},
		{names("b.example"), "spec.commonName"},
		{func(p *v1alpha1.CertificatePolicySpec) { p.AllowOtherNames = false }, "spec.uris"},
		{subjects(v1alpha1.PolicySubject{}), "spec.subject.organizations"},
		{classes("apisix"), "spec.ingressClassName"},
		{func(p *v1alpha1.CertificatePolicySpec) { p.Issuers = nil }, "spec.issuerRef"},
		{func(p *v1alpha1.CertificatePolicySpec) { p.MaxDuration = hours(1) }, "spec.duration"},
		{func(p *v1alpha1.CertificatePolicySpec) { p.PrivateKeys[0].Algorithm = "ECDSA" }, "spec.privateKey"},
		{usages("server auth"), "spec.usages"},
		{storages(v1alpha1.KeyAtGateway), "spec.keyStorage"},
		{locations(v1alpha1.PolicyVaultKV{Mount: "other"}), "spec.vaultKV"},
		{func(p *v1alpha1.CertificatePolicySpec) { p.MaxCertificates = ptr.To(int32(0)) }, "maxCertificates"},
	} {
		policies = append([]v1alpha1.CertificatePolicy{allowing(string(rune('a'+i)), everything, c.forbid)}, policies...)
		if got := evaluate(policies, teamA, greedy); !strings.Contains(got.Denied, "closest is "+policies[0].Name+": ") || !strings.Contains(got.Denied, c.field) {
			t.Errorf("%s: got %q", c.field, got.Denied)
		}
	}
	if got := evaluate(append(policies, allowing("all", everything)), teamA, greedy); got.Denied != "" {
		t.Errorf("got %q", got.Denied)
	}
}

// The CRD lists the usages that there are.
func TestUsagesOfTheCRD(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "manifests", "crds", "apisix-certs.io_certificatepolicies.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(data, &crd.Object); err != nil {
		t.Fatal(err)
	}
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	enum, _, _ := unstructured.NestedStringSlice(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "properties", "usages", "items", "enum")
	want := []string{"*"}
	for _, usage := range certs.Usages() {
		want = append(want, string(usage))
	}
	slices.Sort(enum)
	slices.Sort(want)
	if !slices.Equal(enum, want) {
		t.Errorf("got %q\nwant %q", enum, want)
	}
}
