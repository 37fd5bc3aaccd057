// SPDX-License-Identifier: Apache-2.0

package source

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/upstream"
)

type upstreamEdit func(*unstructured.Unstructured)

// newUpstream is an ApisixUpstream "api" with its client certificate in Secret s.
func newUpstream(edits ...upstreamEdit) *unstructured.Unstructured {
	u := upstream.New().(*unstructured.Unstructured)
	u.SetNamespace("ns")
	u.SetName("api")
	u.SetUID("uid-api")
	u.SetAnnotations(annotated())
	u.Object["spec"] = map[string]any{"tlsSecret": map[string]any{"name": "s", "namespace": "ns"}, "scheme": "https"}
	for _, edit := range edits {
		edit(u)
	}
	return u
}

func says(pairs ...string) upstreamEdit {
	return func(u *unstructured.Unstructured) { u.SetAnnotations(annotated(pairs...)) }
}

func spec(fields map[string]any) upstreamEdit {
	return func(u *unstructured.Unstructured) { u.Object["spec"] = fields }
}

func tlsSecret(namespace, name string) map[string]any {
	return map[string]any{"tlsSecret": map[string]any{"name": name, "namespace": namespace}}
}

func TestWantedByUpstream(t *testing.T) {
	for _, c := range []struct {
		name     string
		edits    []upstreamEdit
		defaults Defaults
		want     []string
	}{
		{"plain", nil, Defaults{}, []string{"s: api.ns"}},
		{"not opted in", []upstreamEdit{func(u *unstructured.Unstructured) { u.SetAnnotations(nil) }}, Defaults{}, nil},
		{"manage all is for hosts", []upstreamEdit{func(u *unstructured.Unstructured) { u.SetAnnotations(nil) }}, manageAll, nil},
		{"another class", []upstreamEdit{spec(map[string]any{"ingressClassName": "nginx"})}, Defaults{IngressClass: "apisix"}, nil},
		{"alt-names", []upstreamEdit{says("alt-names", "gw.example,B.example")}, Defaults{}, []string{"s: gw.example b.example"}},
		{"a common name alone", []upstreamEdit{says("common-name", "gateway")}, Defaults{}, []string{"s: "}},
		{"a SPIFFE id alone", []upstreamEdit{says("uri-sans", "spiffe://example.com/gateway")}, Defaults{}, []string{"s: "}},
		{"no tlsSecret", []upstreamEdit{spec(map[string]any{"scheme": "https"})}, Defaults{}, []string{"spec.tlsSecret does not name a Secret: set the name and namespace of the Secret for the client certificate"}},
		{"no spec", []upstreamEdit{func(u *unstructured.Unstructured) { delete(u.Object, "spec") }}, Defaults{}, []string{"spec.tlsSecret does not name a Secret: set the name and namespace of the Secret for the client certificate"}},
		{"another shape", []upstreamEdit{spec(map[string]any{"tlsSecret": "s", "portLevelSettings": "x"})}, Defaults{}, []string{"spec.tlsSecret does not name a Secret: set the name and namespace of the Secret for the client certificate"}},
		{"another namespace", []upstreamEdit{spec(tlsSecret("other", "s"))}, Defaults{}, []string{"other/s: api.ns"}},
		{"no namespace", []upstreamEdit{spec(tlsSecret("", "s"))}, Defaults{}, []string{"s: api.ns"}},
		{"of ports", []upstreamEdit{spec(map[string]any{"portLevelSettings": []any{tlsSecret("ns", "a"), tlsSecret("ns", "b"), tlsSecret("ns", "a"), map[string]any{}}})}, Defaults{}, []string{"a: api.ns", "b: api.ns"}},
		{"pushed", []upstreamEdit{func(u *unstructured.Unstructured) {
			u.SetAnnotations(map[string]string{v1alpha1.AnnotationProvided: "true"})
		}}, Defaults{}, []string{"annotation apisix-certs.io/provided: a client certificate is not pushed to a gateway, so a Secret that is managed elsewhere has no effect: name an issuer instead, or remove the annotation"}},
		{"a key elsewhere", []upstreamEdit{says("key-storage", "Gateway")}, Defaults{}, []string{"s: api.ns ! annotation apisix-certs.io/key-storage: Gateway: the ingress controller reads the key of a client certificate from the Secret: remove the annotation"}},
		{"usages of a server", []upstreamEdit{says("usages", "server auth")}, Defaults{}, []string{"s: api.ns ! annotation apisix-certs.io/usages: lacks client auth, without which no upstream accepts the certificate: add it, or remove the annotation"}},
		{"a bad name", []upstreamEdit{says("alt-names", "a..b")}, Defaults{}, []string{`s:  ! annotation apisix-certs.io/alt-names: "a..b"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := wantedByUpstream(newUpstream(c.edits...), c.defaults)
			got := brief(w)
			if c.name == "a bad name" && len(got) == 1 && strings.HasPrefix(got[0], c.want[0]) {
				got = c.want // what is wrong with a name is certs' to say
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			for _, cert := range w.certificates() {
				if cert.Spec.Gateways != v1alpha1.GatewaysNone {
					t.Error("it would be put at a gateway")
				}
				if cert.Annotations[v1alpha1.AnnotationSourceProblem] == "" && !cmp.Equal(cert.Spec.Usages, []string{"client auth"}) {
					t.Errorf("usages %q", cert.Spec.Usages)
				}
			}
		})
	}
}

// TestUpstreamCertificate: it is made, follows the object, is kept without its annotation, and goes with the entry.
func TestUpstreamCertificate(t *testing.T) {
	s := newScene(t, newUpstream())
	s.expect("create s")
	s.holds("s api.ns *api")
	s.said("Normal CertificateCreated created ApisixCertificate s")
	u := newUpstream()
	update(s, u, says("uri-sans", "spiffe://example.com/gateway"))
	s.expect("patch s")
	update(s, u, func(u *unstructured.Unstructured) { u.SetAnnotations(nil) })
	s.expect("patch s")
	update(s, u, func(u *unstructured.Unstructured) { u.SetAnnotations(annotated()); delete(u.Object, "spec") })
	s.drain()
	s.settle()
	if got := s.drain(); !strings.Contains(got, "InvalidSource spec.tlsSecret does not name a Secret") {
		t.Errorf("events %s", got)
	}
}

// TestUpstreamAndServerShareASecret: the older one has it, the other is told so.
func TestUpstreamAndServerShareASecret(t *testing.T) {
	server, client := tlsNamed("t", 1), at(newUpstream(), "api", 2)
	s := newScene(t, server, client)
	s.expect("create s")
	s.holds("s a.example *t")
	if got := s.drain(); !strings.Contains(got, "InvalidSource spec.tlsSecret.name: Secret s is shared with ApisixTls t, which is older and has a server certificate there: name another Secret here") {
		t.Errorf("events %s", got)
	}
	s = newScene(t, tlsNamed("t", 2), at(newUpstream(), "api", 1))
	s.expect("create s")
	if got := s.drain(); !strings.Contains(got, "InvalidSource spec.secret.name: Secret s is shared with ApisixUpstream api, which is older and has a client certificate, which no gateway serves there") {
		t.Errorf("events %s", got)
	}
}

// TestClientsOf finds the ApisixUpstreams of a Secret.
func TestClientsOf(t *testing.T) {
	s := newScene(t, newUpstream(), tlsNamed("t", 1))
	u := &Uses{Client: s.Client}
	if uses, err := u.ClientsOf(t.Context(), "ns", "s"); err != nil || len(uses) > 0 {
		t.Errorf("of a cluster without the kind: %v %v", uses, err)
	}
	u.Has(kindUpstream)
	uses, err := u.ClientsOf(t.Context(), "ns", "s")
	if err != nil || len(uses) != 1 || uses[0].Kind != kindUpstream || uses[0].Name != "api" {
		t.Errorf("%v %v", uses, err)
	}
	if served, err := u.Of(t.Context(), "ns", "s"); err != nil || len(served) > 0 {
		t.Errorf("it is served: %v %v", served, err)
	}
	plain := &Uses{Client: Unindexed(s.Client)}
	plain.Has(kindUpstream)
	if uses, err := plain.ClientsOf(t.Context(), "ns", "other"); err != nil || len(uses) > 0 {
		t.Errorf("of another Secret, without indexes: %v %v", uses, err)
	}
}
