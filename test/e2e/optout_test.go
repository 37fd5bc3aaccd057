// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"testing"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// optedOut waits until a certificate is marked as one of a source that has opted out, with all the texts, and checks that it is served on.
func (s *scene) optedOut(name, host string, leaf *x509.Certificate, texts ...string) {
	s.Helper()
	s.until(name+" is marked", func() string {
		mark := s.cert(name).Annotations[v1alpha1.AnnotationSourceOptedOut]
		if mark == "" || !containsAll(mark, texts) {
			return fmt.Sprintf("%q", mark)
		}
		return ""
	})
	if cert := s.cert(name); !cert.DeletionTimestamp.IsZero() || len(cert.OwnerReferences) != 1 {
		s.Errorf("deleted %v, owners %v", cert.DeletionTimestamp, cert.OwnerReferences)
	}
	s.stillServed(host, leaf)
}

// unmarked waits until the mark has gone.
func (s *scene) unmarked(name string) {
	s.Helper()
	s.until(name+" is not marked", func() string { return s.cert(name).Annotations[v1alpha1.AnnotationSourceOptedOut] })
}

// Whatever a source loses, its certificate stays, is renewed, and follows it when it opts in again.
func TestOptingOutNeverDeletes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(ingressYAML)
	host := "shop." + s.domain
	leaf := s.ready("shop-tls", host)

	s.annotate(&networkingv1.Ingress{}, "shop", v1alpha1.AnnotationIssuer, "")
	s.optedOut("shop-tls", host, leaf, "Ingress shop: no annotation apisix-certs.io/issuer")
	s.event("Ingress", "shop", v1alpha1.ReasonSourceOptedOut, "ApisixCertificate shop-tls is kept and renewed")
	s.renew("shop-tls")
	leaf = s.readyBut("shop-tls", certs.Serial(leaf), host)

	s.patchIngress("shop", func(i *networkingv1.Ingress) { i.Annotations = map[string]string{v1alpha1.AnnotationIssuer: ""} })
	s.optedOut("shop-tls", host, leaf, "annotation apisix-certs.io/issuer is empty")
	s.patchIngress("shop", func(i *networkingv1.Ingress) {
		i.Annotations = map[string]string{v1alpha1.AnnotationIssuer: "vault", v1alpha1.AnnotationManage: "false"}
	})
	s.optedOut("shop-tls", host, leaf, `annotation apisix-certs.io/manage is "false"`)

	s.patchIngress("shop", func(i *networkingv1.Ingress) {
		i.Annotations = map[string]string{v1alpha1.AnnotationIssuer: "vault"}
		i.Spec.TLS[0].Hosts = s.below("shop", "more")
	})
	s.unmarked("shop-tls")
	s.belongs("shop-tls", s.below("shop", "more"), "shop")
	leaf = s.ready("shop-tls", host)

	// Its entry ends it, opted in or not.
	s.annotate(&networkingv1.Ingress{}, "shop", v1alpha1.AnnotationIssuer, "")
	s.optedOut("shop-tls", host, leaf)
	s.patchIngress("shop", func(i *networkingv1.Ingress) { i.Spec.TLS = nil })
	s.gone("shop-tls", host)
}

// Shapes that say no more what is wanted end nothing either.
func TestSlipsInShapeNeverDelete(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(ingressYAML)
	host := "shop." + s.domain
	leaf := s.ready("shop-tls", host)
	rules := func(i *networkingv1.Ingress) {
		i.Spec.Rules, i.Spec.TLS[0].Hosts = nil, nil
		i.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "x", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	}
	for problem, slip := range map[string]func(*networkingv1.Ingress){
		"spec.tls[].hosts names no host":    rules,
		"spec.tls[0].secretName is empty":   func(i *networkingv1.Ingress) { i.Spec.TLS[0].SecretName = "" },
		"annotation apisix-certs.io/usages": func(i *networkingv1.Ingress) { i.Annotations["apisix-certs.io/usages"] = "serve" },
	} {
		before := &networkingv1.Ingress{}
		s.must(s.Client.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "shop"}, before))
		s.patchIngress("shop", slip)
		s.event("Ingress", "shop", v1alpha1.ReasonInvalidSource, problem)
		s.condition("shop-tls", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonInvalidSource, problem)
		s.stillServed(host, leaf)
		s.patchIngress("shop", func(i *networkingv1.Ingress) { i.Spec, i.Annotations = before.Spec, before.Annotations })
		s.condition("shop-tls", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	}
}

// A route that loses all its annotations keeps certificate and ApisixTls.
func TestRouteThatOptsOut(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(routeYAML)
	host := "api." + s.domain
	leaf := s.ready("api-tls", host)
	key := client.ObjectKey{Namespace: s.ns, Name: "api-tls"}
	s.until("ApisixTls of the route", func() string { return errorText(s.Client.Get(t.Context(), key, &configv2.ApisixTls{})) })
	route := newRouteObject()
	s.annotate(route, "api", v1alpha1.AnnotationIssuer, "")
	s.optedOut("api-tls", host, leaf, "ApisixRoute api: no annotation")
	s.must(s.Client.Get(t.Context(), key, &configv2.ApisixTls{}))
}

// Settings of the controller end nothing: --manage annotated after all, and --ingress-class.
func TestSettingsNeverDelete(t *testing.T) {
	s := newScene(t)
	host := "all." + s.domain
	s.must(s.stopController(t.Context()))
	t.Cleanup(func() { s.must(s.startController(context.Background())) })
	run := func(args ...string) *cluster.Controller {
		c, err := s.StartController(t.Context(), s.binary, io.MultiWriter(s.log, s.witness), args...)
		s.must(err)
		t.Cleanup(c.Kill)
		return c
	}
	c := run("--manage", "all", "--default-issuer", "VaultIssuer/vault")
	tls := tlsOf(s.ns, "all", s.ns, "all-tls", host)
	tls.Annotations, tls.Spec.IngressClassName = nil, "apisix"
	s.must(s.Client.Create(t.Context(), tls))
	leaf := s.ready("all-tls", host)
	s.must(c.Stop())

	c = run()
	s.optedOut("all-tls", host, leaf, "ApisixTls all: no annotation")
	s.must(c.Stop())

	before := s.cert("all-tls")
	c = run("--manage", "all", "--default-issuer", "VaultIssuer/vault", "--ingress-class", "public")
	s.settle()
	after := s.cert("all-tls")
	for _, cert := range []*v1alpha1.ApisixCertificate{before, after} { // of the status the certificate controller takes care
		cert.Status, cert.ResourceVersion, cert.ManagedFields = v1alpha1.ApisixCertificateStatus{}, "", nil
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("what the settings exclude was written:\n%s", diff)
	}
	s.stillServed(host, leaf)
	s.must(c.Stop())

	c = run("--manage", "all", "--default-issuer", "VaultIssuer/vault")
	s.unmarked("all-tls")
	s.stillServed(host, leaf)
	s.clear()
	s.must(c.Stop())
}

// Entries that go in bulk end 20 certificates a minute, and say so.
func TestBulkIsBraked(t *testing.T) {
	s := newScene(t)
	again := func() { // with a brake that nobody has used
		s.must(s.stopController(context.Background()))
		s.must(s.startController(context.Background()))
	}
	again()
	t.Cleanup(again)
	const n = 24
	for i := range n {
		s.ingressFor(fmt.Sprintf("i%02d", i), fmt.Sprintf("i%02d-tls", i), fmt.Sprintf("i%02d", i))
	}
	s.allReady(n)
	for i := range n {
		s.patchIngress(fmt.Sprintf("i%02d", i), func(i *networkingv1.Ingress) { i.Spec.TLS = nil })
	}
	kept := func() (names []string) {
		var list v1alpha1.ApisixCertificateList
		s.must(s.Client.List(t.Context(), &list, client.InNamespace(s.ns)))
		for i := range list.Items {
			if list.Items[i].DeletionTimestamp.IsZero() {
				names = append(names, list.Items[i].Name)
			}
		}
		return names
	}
	s.until("20 deletions", func() string {
		if names := kept(); len(names) > n-20 {
			return fmt.Sprintf("%d are left", len(names))
		}
		return ""
	})
	s.settle()
	names := kept()
	if len(names) < n-20 {
		t.Fatalf("%d are left", len(names))
	}
	for _, name := range names {
		s.event("ApisixCertificate", name, v1alpha1.ReasonDeletionHeld, "restore the entry")
		s.event("Ingress", name[:3], v1alpha1.ReasonDeletionHeld, name)
		s.patchIngress(name[:3], func(i *networkingv1.Ingress) {
			i.Spec.TLS = []networkingv1.IngressTLS{{SecretName: name, Hosts: s.below(name[:3])}}
		})
		s.ready(name, s.below(name[:3])...)
	}
}
