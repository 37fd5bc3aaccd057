// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"strings"
	"testing"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// brief is what a source wants in short: "SECRET: HOSTS", with " !" where the source has a problem, and the problems.
func brief(w wants) []string {
	var out []string
	for _, cert := range w.certificates() {
		line := strings.TrimPrefix(cert.Spec.SecretNamespace+"/", "/") + cert.Spec.SecretName + ": " + strings.Join(cert.Spec.DNSNames, " ")
		if problem := cert.Annotations[v1alpha1.AnnotationSourceProblem]; problem != "" {
			line += " ! " + problem
		}
		out = append(out, line)
	}
	return append(out, w.problems...)
}

type tlsEdit func(*configv2.ApisixTls)

func newTLS(edits ...tlsEdit) *configv2.ApisixTls {
	tls := &configv2.ApisixTls{Spec: &configv2.ApisixTlsSpec{Hosts: []configv2.HostType{"a.example"}, Secret: configv2.ApisixSecret{Name: "s", Namespace: "ns"}}}
	tls.Namespace, tls.Name, tls.UID, tls.Annotations = "ns", "t", "uid-t", annotated()
	for _, edit := range edits {
		edit(tls)
	}
	return tls
}

func hosts(hosts ...string) tlsEdit {
	return func(tls *configv2.ApisixTls) {
		tls.Spec.Hosts = nil
		for _, host := range hosts {
			tls.Spec.Hosts = append(tls.Spec.Hosts, configv2.HostType(host))
		}
	}
}

func secret(name string) tlsEdit {
	return func(tls *configv2.ApisixTls) { tls.Spec.Secret.Name = name }
}
func with(pairs ...string) tlsEdit {
	return func(tls *configv2.ApisixTls) { tls.Annotations = annotated(pairs...) }
}
func bare(tls *configv2.ApisixTls) { tls.Annotations = nil }

var manageAll = Defaults{ManageAll: true, Issuer: &byVault}

func TestWantedByTLS(t *testing.T) {
	long, longSecret := strings.Repeat("a.", 130)+"example", strings.Repeat("s", 254)
	for _, c := range []struct {
		name     string
		edits    []tlsEdit
		defaults Defaults
		want     []string
	}{
		{"plain", nil, Defaults{}, []string{"s: a.example"}},
		{"not opted in", []tlsEdit{bare}, Defaults{}, nil},
		{"all", []tlsEdit{bare}, manageAll, []string{"s: a.example"}},
		{"repeats and case", []tlsEdit{hosts("A.example", "*.B.example", "a.example")}, Defaults{}, []string{"s: a.example *.b.example"}},
		{"alt-names", []tlsEdit{with("alt-names", "b.example,A.example")}, Defaults{}, []string{"s: a.example b.example"}},
		{"no hosts", []tlsEdit{hosts()}, Defaults{}, []string{"spec.hosts names no host: add the hosts of the certificate in Secret s"}},
		{"no hosts, not asked", []tlsEdit{bare, hosts()}, manageAll, nil},
		{"no spec", []tlsEdit{func(tls *configv2.ApisixTls) { tls.Spec = nil }}, Defaults{}, nil},
		{"made for a route", []tlsEdit{func(tls *configv2.ApisixTls) { tls.Labels = map[string]string{v1alpha1.LabelManaged: "true"} }}, Defaults{}, nil},
		{"another class", []tlsEdit{func(tls *configv2.ApisixTls) { tls.Spec.IngressClassName = "nginx" }}, Defaults{IngressClass: "apisix"}, nil},
		{"no class", nil, Defaults{IngressClass: "apisix"}, []string{"s: a.example"}},
		{"another namespace", []tlsEdit{func(tls *configv2.ApisixTls) { tls.Spec.Secret.Namespace = "other" }}, Defaults{},
			[]string{"other/s: a.example"}},
		{"long host", []tlsEdit{hosts(long, "b.example")}, Defaults{},
			[]string{fmt.Sprintf("s: b.example ! spec.hosts %q is longer than 253 characters: ~", long[:80]+"...")}},
		{"no host that is one", []tlsEdit{hosts("a..b")}, Defaults{}, []string{`s:  ! spec.hosts "a..b" has an empty label: ~`}},
		{"bad alt-name", []tlsEdit{with("alt-names", "a b")}, Defaults{}, []string{`s: a.example ! annotation apisix-certs.io/alt-names: "a b" ~`}},
		{"bad IP", []tlsEdit{with("ip-sans", "1.2.3")}, Defaults{}, []string{`s: a.example ! annotation apisix-certs.io/ip-sans: "1.2.3" is not an IP address: ~`}},
		{"bad usage", []tlsEdit{with("usages", "serve")}, Defaults{}, []string{`s: a.example ! annotation apisix-certs.io/usages: "serve" is not a known usage: ~`}},
		{"long common name", []tlsEdit{with("common-name", strings.Repeat("c", 65))}, Defaults{}, []string{"s: a.example ! annotation apisix-certs.io/common-name: ~"}},
		{"renewal before the start", []tlsEdit{with("duration", "1h", "renew-before", "2h")}, Defaults{}, []string{"s: a.example ! annotation apisix-certs.io/renew-before: ~"}},
		{"bad label", []tlsEdit{with("secret-template", `{"labels":{"a":"b c"}}`)}, Defaults{}, []string{`s: a.example ! annotation apisix-certs.io/secret-template: "b c" is not allowed on a Secret: ~`}},
		{"our annotation", []tlsEdit{with("secret-template", `{"annotations":{"apisix-certs.io/issued-at":"x"}}`)}, Defaults{}, []string{"s: a.example ! annotation apisix-certs.io/secret-template: ~"}},
		{"Secret with a bad name", []tlsEdit{secret("My_Secret")}, Defaults{}, []string{`spec.secret.name "My_Secret" is not a valid Secret name: use at most 253 ~`}},
		{"Secret with a long name", []tlsEdit{secret(longSecret)}, Defaults{}, []string{fmt.Sprintf("spec.secret.name %q is not a valid Secret name: ~", longSecret[:80]+"…")}},
		{"Secret without a name", []tlsEdit{secret("")}, Defaults{}, []string{"spec.secret.name is not a valid Secret name: ~"}},
	} {
		t.Run(c.name, func(t *testing.T) { checkBrief(t, wantedByTLS(newTLS(c.edits...), c.defaults), c.want) })
	}
}

// checkBrief compares lines; of one that ends in "~" only what stands before that.
func checkBrief(t *testing.T, w wants, want []string) {
	t.Helper()
	got := brief(w)
	for i := range min(len(got), len(want)) {
		if start, ok := strings.CutSuffix(want[i], "~"); ok && strings.HasPrefix(got[i], start) {
			got[i] = want[i]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestManyHostsAreAProblemThatCanBeKept(t *testing.T) {
	var many []string
	for i := range 2000 {
		many = append(many, fmt.Sprintf("h%d.example", i))
	}
	w := wantedByTLS(newTLS(hosts(many...)), Defaults{})
	cert := w.certificates()[0]
	if n := len(cert.Spec.DNSNames); n != 1000 {
		t.Errorf("%d hosts are sent, the CRD takes 1000", n)
	}
	if got := cert.Annotations[v1alpha1.AnnotationSourceProblem]; got != "spec.hosts has more than 1000 names: split them over several certificates" {
		t.Error(got)
	}
}

func TestPassedOnAnnotations(t *testing.T) {
	w := wantedByTLS(newTLS(with("adopt-secret", "true", "renew-at", "2030-01-31T12:00:00Z", "usages", "server auth")), Defaults{})
	want := map[string]string{v1alpha1.AnnotationAdoptSecret: "true", v1alpha1.AnnotationRenewAt: "2030-01-31T12:00:00Z"}
	if diff := cmp.Diff(want, w.certificates()[0].Annotations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func newIngress(entries ...networkingv1.IngressTLS) *networkingv1.Ingress {
	ingress := &networkingv1.Ingress{}
	ingress.Namespace, ingress.Name, ingress.UID, ingress.Annotations = "ns", "i", "uid-i", annotated()
	ingress.Spec.TLS = entries
	ingress.Spec.Rules = []networkingv1.IngressRule{{Host: "rule.example"}, {}}
	return ingress
}

func tlsEntry(secretName string, hosts ...string) networkingv1.IngressTLS {
	return networkingv1.IngressTLS{SecretName: secretName, Hosts: hosts}
}

func TestWantedByIngress(t *testing.T) {
	hostless := newIngress(tlsEntry("s"))
	hostless.Spec.Rules = nil
	for _, c := range []struct {
		name    string
		ingress *networkingv1.Ingress
		asked   []string
		all     []string // not annotated, with --manage all
	}{
		{"an entry", newIngress(tlsEntry("s", "a.example")), []string{"s: a.example"}, []string{"s: a.example"}},
		{"hosts of the rules", newIngress(tlsEntry("s")), []string{"s: rule.example"}, []string{"s: rule.example"}},
		{"two Secrets", newIngress(tlsEntry("s", "a.example"), tlsEntry("r", "b.example")), []string{"s: a.example", "r: b.example"}, []string{"s: a.example", "r: b.example"}},
		{"one Secret twice", newIngress(tlsEntry("s", "a.example"), tlsEntry("s", "b.example")), []string{"s: a.example b.example"}, []string{"s: a.example b.example"}},
		{"no entry", newIngress(), []string{"spec.tls is empty: add an entry with the hosts and a secretName"}, nil},
		{"no Secret", newIngress(tlsEntry("", "a.example")), []string{"spec.tls[0].secretName is empty: name the Secret for the certificate"}, nil},
		{"no host", hostless, []string{"spec.tls[].hosts names no host: add the hosts of the certificate in Secret s"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkBrief(t, wantedByIngress(c.ingress, Defaults{}), c.asked)
			c.ingress.Annotations = nil
			checkBrief(t, wantedByIngress(c.ingress, manageAll), c.all)
			checkBrief(t, wantedByIngress(c.ingress, Defaults{}), nil)
		})
	}
}

func TestClassOfIngress(t *testing.T) {
	for _, c := range []struct{ annotation, field, want string }{
		{"", "", ""}, {"", "f", "f"}, {"a", "", "a"}, {"a", "f", "a"},
	} {
		ingress := newIngress(tlsEntry("s", "a.example"))
		ingress.Annotations["kubernetes.io/ingress.class"] = c.annotation
		ingress.Spec.IngressClassName = ptr.To(c.field)
		if got := wantedByIngress(ingress, Defaults{}).certificates()[0].Spec.IngressClassName; got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

func TestEntriesAreNotWrittenInto(t *testing.T) {
	shared := append(make([]string, 0, 4), "a.example")
	ingress := newIngress(tlsEntry("s", shared...))
	ingress.Annotations = annotated("alt-names", "b.example")
	wantedByIngress(ingress, Defaults{})
	if got := shared[:2][1]; got != "" {
		t.Errorf("%q was written into the object of the cache", got)
	}
}
