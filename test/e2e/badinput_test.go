// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// noisy counts writes to the objects of a scene that go on though nothing happens, over a time in which anything that
// loops would show.
func (s *scene) noisy(names ...string) []cluster.Call {
	s.Helper()
	time.Sleep(time.Second) // what is under way
	ours := func(c cluster.Call) bool {
		parts := strings.Split(strings.TrimSuffix(c.Path, "/status"), "/")
		return kubeWrite(c) && strings.Contains(c.Path, "/namespaces/"+s.ns+"/") && slices.Contains(names, parts[len(parts)-1])
	}
	if s.kube.Count(ours) == 0 {
		s.Error("the writes that there were are not counted")
	}
	since := time.Now()
	time.Sleep(6 * time.Second) // longer than the first recheck
	return s.kube.Calls(func(c cluster.Call) bool { return ours(c) && c.Time.After(since) })
}

func (s *scene) quietAfter(names []string) {
	s.Helper()
	if calls := s.noisy(names...); len(calls) > 0 {
		s.Errorf("%d writes though nothing happens, such as %s %s", len(calls), calls[0].Method, calls[0].Path)
	}
}

// TestBadHosts: hosts that no certificate is for, each with its name, its fault and what to do.
func TestBadHosts(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	long := strings.Repeat("a.", 127)[:254-len("moelove.info")] + "moelove.info"
	var held []string
	for _, row := range []struct {
		name  string
		hosts []string
		texts []string
	}{
		{"dot", []string{"dot." + s.domain + "."}, []string{"spec.dnsNames[0]", "ends with a dot", "remove"}},
		{"idn", []string{"bücher." + s.domain}, []string{"spec.dnsNames[0]", "outside ASCII", "punycode"}},
		{"underscore", []string{"a_b." + s.domain}, []string{"spec.dnsNames[0]", "a_b", "underscore", "hyphen"}},
		{"long", []string{long}, []string{"spec.dnsNames[0]", "longer than 253 characters", "shorter name"}},
		{"ip", []string{"192.0.2.1"}, []string{"spec.dnsNames[0]", "IP address", "move it to ipAddresses"}},
		{"star", []string{"*"}, []string{"spec.dnsNames[0]", "wildcard", "*.example.com"}},
		{"stars", []string{"*.*." + s.domain}, []string{"spec.dnsNames[0]", "wildcard", "*.example.com"}},
		{"twice", []string{"Twice." + s.domain, "twice." + s.domain}, []string{"spec.dnsNames[1]", "duplicate", "remove one"}},
	} {
		s.certificate(row.name, row.hosts)
		s.refused(row.name, v1alpha1.ReasonInvalidSpec, row.texts...)
		held = append(held, row.name)
	}
	s.certificate("com", []string{"*.com"})
	s.refused("com", v1alpha1.ReasonRefused, "*.com")

	for name, hosts := range map[string][]string{"upper": {"UPPER." + s.domain}, "punycode": {"xn--bcher-kva." + s.domain}, "thousand": s.numbered(1000)} {
		s.certificate(name, hosts)
		s.ready(name, strings.ToLower(hosts[0]), hosts[len(hosts)-1])
		held = append(held, name)
	}
	s.mustNot("dnsNames", func(c *v1alpha1.ApisixCertificate) {
		c.Spec.DNSNames = []string{"same." + s.domain, "same." + s.domain}
	})
	s.mustNot("dnsNames", func(c *v1alpha1.ApisixCertificate) { c.Spec.DNSNames = s.numbered(1001) })
	s.quietAfter(held)
	for _, name := range held {
		if s.keptSecret(name+"-tls") != nil && s.cert(name).Status.Issued.SerialNumber == "" {
			t.Errorf("%s has a Secret", name)
		}
	}
}

func (s *scene) numbered(n int) []string {
	var hosts []string
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("h%04d.of%d.%s", i, n, s.domain))
	}
	return hosts
}

// mustNot creates a certificate that the API server must refuse, naming the field.
func (s *scene) mustNot(field string, change func(*v1alpha1.ApisixCertificate)) {
	s.Helper()
	cert := &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "refused"}, Spec: v1alpha1.ApisixCertificateSpec{
		SecretName: "refused", IssuerRef: v1alpha1.IssuerReference{Name: "vault"},
	}}
	change(cert)
	if err := s.Client.Create(s.Context(), cert); err == nil || !strings.Contains(err.Error(), "spec."+field) {
		s.Errorf("spec.%s: %v", field, err)
	}
}

// badAnnotations are annotations, values that make no sense, and what the message must say of how to mend them.
var badAnnotations = []struct{ annotation, value, mend string }{
	{"duration", "1 day", "2160h"}, {"duration", "-1h", "2160h"}, {"duration", "0", "2160h"}, {"duration", "99999999999h", "2160h"}, {"duration", "10s", "1m0s or more"},
	{"renew-before", "soon", "2160h"}, {"renew-before", "-5m", "2160h"}, {"renew-before", "99999999999h", "2160h"},
	{"renew-before-percentage", "half", "1 to 99"}, {"renew-before-percentage", "-1", "1 to 99"}, {"renew-before-percentage", "0", "1 to 99"},
	{"renew-before-percentage", "100", "1 to 99"}, {"renew-before-percentage", "99999999999999999999", "1 to 99"},
	{"renewal-policy", "Sometimes", "Automatic, Disabled"},
	{"private-key-size", "-1", "one of 256, 384, 521"}, {"private-key-size", "99999999999999999999", "must be one of"}, {"private-key-algorithm", "DSA", "RSA, ECDSA, Ed25519"},
	{"private-key-encoding", "DER", "PKCS1, PKCS8"}, {"private-key-rotation-policy", "Maybe", "Always, Never"},
	{"usages", "world domination", "cert-manager's names"}, {"common-name", strings.Repeat("x", 65), "use dnsNames"},
	{"alt-names", "a_b.example.com", "hyphen"}, {"ip-sans", "300.1.1.1", "192.0.2.1"}, {"uri-sans", "no-scheme", "scheme"}, {"email-sans", "nobody", "ops@example.com"},
	{"subject-organizations", `"open`, "commas"}, {"secret-template", "{", `{"labels"`}, {"secret-template", `{"labels":{"a b":"c"}}`, "a b"},
	{"issuer-kind", "Pod", "VaultIssuer"}, {"issuer-group", "no_group", "API group"}, {"cluster-issuer", "other", "remove one"}, {"manage", "perhaps", "must be true or false"}, {"provided", "true", "remove one"},
}

// TestBadAnnotations: each on an ApisixTls of its own; nothing is issued, and the ApisixTls says why.
func TestBadAnnotations(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var names []string
	for i, row := range badAnnotations {
		name := fmt.Sprintf("bad%02d", i)
		names = append(names, name+"-tls")
		s.apply(strings.NewReplacer("name: web-tls", "name: "+name+"-tls", "name: web", "name: "+name, "[web.", "["+name+".", "*.wild", "*.wild"+name,
			"issuer: vault}", fmt.Sprintf("issuer: vault, apisix-certs.io/%s: %q}", row.annotation, row.value)).Replace(tlsYAML))
	}
	for i, row := range badAnnotations {
		texts := []string{"annotation apisix-certs.io/" + row.annotation, row.mend}
		s.condition(names[i], v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalidSource, texts...)
		s.event("ApisixTls", strings.TrimSuffix(names[i], "-tls"), v1alpha1.ReasonInvalidSource, texts...)
		if s.keptSecret(names[i]) != nil {
			t.Errorf("%s %q: a certificate was issued", row.annotation, row.value)
		}
	}
	s.quietAfter(names)
}

// TestHugeDurations: lives that no issuer grants are cut by Vault, and told.
func TestHugeDurations(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(strings.Replace(ingressYAML, "issuer: vault", "issuer: vault, apisix-certs.io/duration: 2562047h, apisix-certs.io/renew-before: 2562046h", 1))
	s.ready("shop-tls", "shop."+s.domain)
	if w := s.cert("shop-tls").Status.Warnings; len(w) != 2 || !strings.Contains(w[0], "of the 2562047h0m0s requested") || !strings.Contains(w[1], "is not shorter than the granted lifetime") {
		t.Errorf("warnings %q", w)
	}
	s.quietAfter([]string{"shop-tls"})
}

// TestBadSecrets: Secrets that stand in the way, or that others change.
func TestBadSecrets(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	adopt := func(c *v1alpha1.ApisixCertificate) {
		c.Annotations = map[string]string{v1alpha1.AnnotationAdoptSecret: "true"}
	}
	s.secret("type-tls", corev1.SecretTypeBasicAuth, map[string]string{"username": "a", "password": "b"})
	s.secret("huge-tls", corev1.SecretTypeTLS, map[string]string{"tls.crt": "", "tls.key": "", "other": strings.Repeat("x", 1<<20-100)})
	s.certificate("type", []string{"type." + s.domain}, adopt)
	s.certificate("huge", []string{"huge." + s.domain}, adopt)
	s.refused("type", v1alpha1.ReasonSecretNotManaged, "spec.secretName: Secret type-tls", "kubernetes.io/basic-auth", "delete it")
	s.refused("huge", v1alpha1.ReasonSecretNotManaged, "spec.secretName: Secret huge-tls", "other data", "remove keys")
	s.quietAfter([]string{"type", "type-tls", "huge", "huge-tls"})
	if n := len(s.keptSecret("huge-tls").Data["other"]); n != 1<<20-100 {
		t.Errorf("%d bytes are left", n)
	}

	host := "managed." + s.domain
	s.certificate("managed", []string{host})
	leaf := s.ready("managed", host)
	s.manage("managed-tls", map[string]string{"example.com/team": "blue"}, map[string][]byte{"extra": []byte("x")})
	s.quietAfter([]string{"managed", "managed-tls"})
	s.stillServed(host, leaf)
	s.manage("managed-tls", map[string]string{"example.com/team": "blue"}, map[string][]byte{"extra": []byte("x"), "tls.crt": []byte("mine")})
	s.readyBut("managed", certs.Serial(leaf), host)
	if secret := s.keptSecret("managed-tls"); secret.Annotations["example.com/team"] != "blue" || string(secret.Data["extra"]) != "x" {
		t.Error("what another manager has was taken from it")
	}
	s.quietAfter([]string{"managed", "managed-tls"})
}

// manage applies annotations and data of a Secret as another field manager, by force.
func (s *scene) manage(name string, annotations map[string]string, data map[string][]byte) {
	s.Helper()
	apply := corev1ac.Secret(name, s.ns).WithAnnotations(annotations).WithData(data)
	s.must(s.Client.Apply(s.Context(), apply, client.FieldOwner("somebody-else"), client.ForceOwnership))
}

// TestPolicyForNobody: a policy that selects no namespace allows nothing, and says so.
func TestPolicyForNobody(t *testing.T) {
	t.Parallel()
	s := withPolicies(t, "policy-nobody")
	s.policy("policy-nobody", func(p *v1alpha1.CertificatePolicySpec) {
		p.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"nobody": "has this"}}
	})
	s.certificate("web", []string{"web." + s.domain})
	s.refused("web", v1alpha1.ReasonDenied, "no CertificatePolicy selects this namespace")
	s.policy("policy-nothing", func(p *v1alpha1.CertificatePolicySpec) { p.DNSNames = []string{"nothing.example"} })
	s.refused("web", v1alpha1.ReasonDenied, "host web."+s.domain, "policy-nothing")
	s.quietAfter([]string{"web"})
}

// TestFight: two objects that are changed again and again name one host. It settles on one of them and stays there.
func TestFight(t *testing.T) {
	t.Parallel()
	a := newScene(t)
	b := newNamespace(t, a.ns+"-2")
	host := "fight." + a.domain
	a.certificate("one", []string{host})
	b.certificate("two", []string{host})
	owner := func() *scene {
		var found *scene
		a.until("an owner", func() string {
			for _, s := range []*scene{a, b} {
				name := map[*scene]string{a: "one", b: "two"}[s]
				if c := s.cert(name); slices.Contains(c.Status.OwnedNames, host) && c.Status.Issued.SerialNumber != "" {
					found = s
					return ""
				}
			}
			return "nobody has the host"
		})
		return found
	}
	first := owner()
	winner, loser := map[*scene]string{a: "one", b: "two"}[first], map[*scene]string{a: "two", b: "one"}[first]
	other := map[*scene]*scene{a: b, b: a}[first]
	for i := range 3 { // one certificate is not issued more than five times in a row
		for s, name := range map[*scene]string{a: "one", b: "two"} {
			s.change(name, func(c *v1alpha1.ApisixCertificate) {
				c.Annotations = map[string]string{"example.com/round": fmt.Sprint(i)}
				c.Spec.DNSNames = []string{host, fmt.Sprintf("round%d.%s", i, s.domain)}
			})
		}
	}
	other.refused(loser, v1alpha1.ReasonConflict, host, "belongs to namespace "+first.ns, winner)
	first.ready(winner, host)
	if owner() != first || other.keptSecret(loser+"-tls") != nil || len(first.ssls(host)) != 1 {
		t.Error("the host has another owner, or two")
	}
	first.quietAfter([]string{winner, winner + "-tls"})
	other.quietAfter([]string{loser, loser + "-tls"})
}
