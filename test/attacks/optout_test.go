// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"fmt"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// sourceKinds are the kinds of sources, each with one host, whose certificate is called web-tls.
var sourceKinds = map[string]struct {
	object   func(tn *tenant, annotations map[string]string) client.Object
	setClass func(client.Object)
}{
	"ApisixTls": {
		func(tn *tenant, annotations map[string]string) client.Object {
			return cluster.NewApisixTLS(tn.ns, "web", tn.ns, "web-tls", annotations, "web."+tn.domain)
		},
		func(o client.Object) { o.(*configv2.ApisixTls).Spec.IngressClassName = "nginx" },
	},
	"Ingress": {
		func(tn *tenant, annotations map[string]string) client.Object {
			return cluster.NewIngress(tn.ns, "web", "web-tls", annotations, "web."+tn.domain)
		},
		func(o client.Object) { o.(*networkingv1.Ingress).Spec.IngressClassName = ptr.To("nginx") },
	},
	"ApisixRoute": {
		func(tn *tenant, annotations map[string]string) client.Object {
			return cluster.NewApisixRoute(tn.ns, "web", annotations, "web."+tn.domain)
		},
		func(o client.Object) {
			_ = unstructured.SetNestedField(o.(*unstructured.Unstructured).Object, "nginx", "spec", "ingressClassName")
		},
	},
}

// TestOptingOut: a source that loses its annotation or changes its class keeps its certificate, renewed and served as before.
func TestOptingOut(t *testing.T) {
	t.Parallel()
	for kind, source := range sourceKinds {
		slips := map[string]func(client.Object){
			"an emptied annotation": func(o client.Object) { o.SetAnnotations(optIn(v1alpha1.AnnotationClusterIssuer, "")) },
			"a lost annotation":     func(o client.Object) { o.SetAnnotations(nil) },
			"a misspelled annotation": func(o client.Object) {
				o.SetAnnotations(map[string]string{v1alpha1.AnnotationClusterIssuer + "s": sharedIssuer.Name})
			},
			"another class": source.setClass,
		}
		for name, slip := range slips {
			run(t, newScene, row{kind + " with " + name,
				func(s *scene) {
					s.makes(s.victim, source.object(s.victim, optIn()))
					before := s.possession(s.victim, "web-tls", "web."+s.victim.domain)
					change(s, s.victim, source.object(s.victim, nil), slip)
					s.keptThroughSlip(before, name != "another class")
				},
				func(s *scene) {
					friend := s.newTenant(s.id+"-friend", nil)
					s.makes(friend, source.object(friend, optIn()))
					s.ready(friend, "web-tls", "web."+friend.domain)
					s.must(friend.Delete(s.Context(), source.object(friend, nil)))
					s.gone(named(friend, &v1alpha1.ApisixCertificate{}, "web-tls"))
					s.gone(named(friend, &corev1.Secret{}, "web-tls"))
					s.servesNone(friend, "web."+friend.domain)
				},
			})
		}
	}
}

// keptThroughSlip fails where a slip takes anything away.
func (s *scene) keptThroughSlip(before possession, saysSo bool) {
	s.Helper()
	s.keepsFor(6*time.Second, before)
	if saysSo {
		s.until("the word that the source has opted out", func() string {
			return unless(s.says(before.tn, before.name, v1alpha1.ReasonSourceOptedOut), "neither a condition nor an event has reason "+v1alpha1.ReasonSourceOptedOut)
		})
	}
	s.askRenewal(before.tn, before.name)
	s.within(patience/2, "a renewal after the slip", func() string {
		leaf := leafOf(s.readSecret(before.tn, before.secret.Name))
		if leaf == nil || leaf.Equal(before.leaf) {
			return "the Secret has the old certificate"
		}
		return unless(!saysSo || s.unserved(before.host, leaf) == "", "the new certificate is not served")
	})
}

// keepsFor fails as soon as certificate, Secret or ssl object have gone.
func (s *scene) keepsFor(while time.Duration, before possession) {
	s.Helper()
	for began := time.Now(); time.Since(began) < while; time.Sleep(200 * time.Millisecond) {
		cert := s.readCert(before.tn, before.name)
		if cert.Name == "" || !cert.DeletionTimestamp.IsZero() {
			s.Fatalf("ApisixCertificate %s/%s was deleted", before.tn.ns, before.name)
		}
		s.sameContent(before.secret)
		if obstacle := s.unserved(before.host, before.leaf); obstacle != "" {
			s.Fatal(obstacle)
		}
	}
}

// TestSettingsOptOut: what the controller's settings exclude from one start to the next is left alone.
func TestSettingsOptOut(t *testing.T) {
	t.Parallel()
	all := []string{"--push-mode", "own", "--default-issuer", sharedIssuer.String(), "--manage", "all"}
	for name, flags := range map[string][]string{
		"a restart with --manage annotated":      {"--push-mode", "own", "--default-issuer", sharedIssuer.String(), "--manage", "annotated"},
		"a restart without a default issuer":     {"--push-mode", "own"},
		"a restart with another --ingress-class": append([]string{"--ingress-class", "public"}, all...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutpost(t, all...)
			s := o.scene(t)
			sources := func(s *scene) (have []possession) {
				for i := range 3 {
					name := fmt.Sprintf("web%d", i)
					have = append(have, s.possession(s.victim, name+"-tls", name+"."+s.victim.domain))
				}
				return have
			}
			for i := range 3 {
				name := fmt.Sprintf("web%d", i)
				tls := cluster.NewApisixTLS(s.victim.ns, name, s.victim.ns, name+"-tls", nil, name+"."+s.victim.domain)
				tls.Spec.IngressClassName = "internal"
				s.makes(s.victim, tls)
			}
			s.attack(func(s *scene) {
				have := sources(s)
				o.restart(flags...)
				for _, before := range have {
					s.keepsFor(3*time.Second, before)
				}
			})
			s.honest(func(s *scene) {
				o.restart(all...)
				sources(s)
			})
		})
	}
}
