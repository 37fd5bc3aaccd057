// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// ingressFor makes an Ingress of issuer vault with one entry, for hosts NAME.DOMAIN.
func (s *scene) ingressFor(name, secretName string, hosts ...string) *networkingv1.Ingress {
	s.Helper()
	ingress := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name, Annotations: map[string]string{v1alpha1.AnnotationIssuer: "vault"}}}
	ingress.Spec.TLS = []networkingv1.IngressTLS{{SecretName: secretName, Hosts: s.below(hosts...)}}
	ingress.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	s.must(s.Client.Create(s.Context(), ingress))
	return ingress
}

// below are hosts of the scene's domain.
func (s *scene) below(names ...string) []string {
	var hosts []string
	for _, name := range names {
		hosts = append(hosts, name+"."+s.domain)
	}
	return hosts
}

// patchIngress changes an Ingress.
func (s *scene) patchIngress(name string, change func(*networkingv1.Ingress)) {
	s.Helper()
	ingress := &networkingv1.Ingress{}
	s.must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, ingress))
	before := ingress.DeepCopy()
	change(ingress)
	s.must(s.Client.Patch(s.Context(), ingress, client.MergeFrom(before)))
}

// belongs waits until a certificate has these hosts, belongs to these sources, and is served.
func (s *scene) belongs(name string, hosts []string, owners ...string) {
	s.Helper()
	s.until("certificate "+name, func() string {
		cert := s.cert(name)
		var have []string
		for _, ref := range cert.OwnerReferences {
			have = append(have, ref.Name)
		}
		slices.Sort(have)
		got := slices.Sorted(slices.Values(cert.Spec.DNSNames))
		if !slices.Equal(have, owners) || !slices.Equal(got, slices.Sorted(slices.Values(hosts))) {
			return fmt.Sprintf("hosts %q, owners %q", cert.Spec.DNSNames, have)
		}
		return ""
	})
	s.until("certificate for "+strings.Join(hosts, ", "), func() string {
		bundle, problem := s.pair(s.cert(name).Spec.SecretName)
		if problem != "" {
			return problem
		}
		if names := slices.Sorted(slices.Values(bundle.Leaf.DNSNames)); !slices.Equal(names, slices.Sorted(slices.Values(hosts))) {
			return fmt.Sprintf("it names %q", names)
		}
		return ""
	})
	s.ready(name, hosts...)
}

// An Ingress that is renamed: the new one is there before the old one goes, and needs no touch.
func TestRenamedIngress(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	web := s.ingressFor("web", "shop-tls", "shop")
	s.belongs("shop-tls", s.below("shop"), "web")
	secret := s.keptSecret("shop-tls").UID
	wrong := s.watchServed("shop." + s.domain)
	s.ingressFor("web-v2", "shop-tls", "shop", "www")
	s.belongs("shop-tls", s.below("shop", "www"), "web", "web-v2")
	s.must(s.Client.Delete(t.Context(), web))
	s.belongs("shop-tls", s.below("shop", "www"), "web-v2")
	if problem := wrong(); problem != "" {
		t.Errorf("the host was not served for a moment: %s", problem)
	}
	if s.keptSecret("shop-tls").UID != secret {
		t.Error("the Secret was gone for a moment")
	}
	s.must(s.Client.Delete(t.Context(), &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "web-v2"}}))
	s.gone("shop-tls", "shop."+s.domain)
}

// Two sources of one Secret, of different kinds: both hosts, both owners; the union shrinks, and ends with the last.
func TestSharedSecret(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	web := s.ingressFor("web", "shop-tls", "a")
	s.belongs("shop-tls", s.below("a"), "web")
	time.Sleep(time.Second) // ages are in seconds, and the older one decides
	tls := tlsOf(s.ns, "web-b", s.ns, "shop-tls", "b."+s.domain)
	tls.Annotations = map[string]string{v1alpha1.AnnotationIssuer: "vault", v1alpha1.AnnotationDuration: "1h"}
	s.must(s.Client.Create(t.Context(), tls))
	s.belongs("shop-tls", s.below("a", "b"), "web", "web-b")
	s.event("ApisixTls", "web-b", v1alpha1.ReasonSecretShared, "Secret shop-tls is shared with Ingress web", v1alpha1.AnnotationDuration)
	if d := s.cert("shop-tls").Spec.Duration; d != nil {
		t.Errorf("duration %s, and the older source sets none", d.Duration)
	}
	wrong := s.watchServed("b." + s.domain)
	s.must(s.Client.Delete(t.Context(), web))
	s.belongs("shop-tls", s.below("b"), "web-b")
	if problem := wrong(); problem != "" {
		t.Errorf("the other source's host was not served for a moment: %s", problem)
	}
	if d := s.cert("shop-tls").Spec.Duration; d == nil {
		t.Error("the source that is left decides now")
	}
	s.must(s.Client.Delete(t.Context(), tls))
	s.gone("shop-tls", "b."+s.domain)
}

// A certificate written by hand stays that, and the source gets its own when it goes.
func TestSharedWithHandWritten(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.certificate("hand", s.below("a"))
	s.ready("hand", "a."+s.domain)
	s.ingressFor("web", "hand-tls", "a", "b")
	s.event("Ingress", "web", v1alpha1.ReasonInvalidSource, "ApisixCertificate hand, written by hand, which lacks host b."+s.domain)
	if cert := s.cert("hand"); len(cert.OwnerReferences) > 0 {
		t.Errorf("owners %v", cert.OwnerReferences)
	}
	if s.cert("hand-tls").Name != "" {
		t.Error("there is a second certificate of the Secret")
	}
	s.change("hand", func(c *v1alpha1.ApisixCertificate) { c.Spec.SecretName = "elsewhere-tls" })
	s.ready("hand")
	s.change("hand", func(c *v1alpha1.ApisixCertificate) { c.Spec.DNSNames = s.below("c") })
	s.until("a certificate of the source", func() string {
		if s.cert("hand-tls").Name == "" {
			return "there is none"
		}
		return ""
	})
}

// An object in another namespace that names a source as its owner is nothing to the source.
func TestForgedOwner(t *testing.T) {
	t.Parallel()
	victim, evil := newNamespace(t, "forged-victim"), newNamespace(t, "forged-evil")
	ingress := &networkingv1.Ingress{}
	victim.apply(strings.Replace(ingressYAML, "annotations: {apisix-certs.io/issuer: vault}", "", 1))
	victim.must(victim.Client.Get(t.Context(), client.ObjectKey{Namespace: victim.ns, Name: "shop"}, ingress))
	evil.certificate("shop-tls", evil.below("evil"), func(c *v1alpha1.ApisixCertificate) {
		c.Spec.SecretName = "shop-tls"
		c.Finalizers = []string{"example.com/held"}
		c.OwnerReferences = []metav1.OwnerReference{{APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "shop", UID: ingress.UID}}
	})
	defer evil.until("the finalizer is off", func() string { // the controller takes off its own meanwhile
		cert := &v1alpha1.ApisixCertificate{}
		if err := evil.Client.Get(t.Context(), client.ObjectKey{Namespace: evil.ns, Name: "shop-tls"}, cert); err != nil {
			return errorText(client.IgnoreNotFound(err))
		}
		cert.Finalizers = slices.DeleteFunc(cert.Finalizers, func(name string) bool { return name == "example.com/held" })
		return errorText(client.IgnoreNotFound(evil.Client.Update(t.Context(), cert)))
	})
	victim.annotate(&networkingv1.Ingress{}, "shop", v1alpha1.AnnotationIssuer, "vault")
	victim.ready("shop-tls", "shop."+victim.domain)
	if hosts := evil.cert("shop-tls").Spec.DNSNames; !slices.Equal(hosts, evil.below("evil")) {
		t.Errorf("the forged object was changed: %q", hosts)
	}
}

// Another Secret is named: the certificate of the new one, and then the old one goes.
func TestRenamedSecretOfSource(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.must(s.Client.Create(t.Context(), tlsOf(s.ns, "web", s.ns, "old-tls", "web."+s.domain)))
	s.ready("old-tls", "web."+s.domain)
	tls := &configv2.ApisixTls{}
	s.must(s.Client.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "web"}, tls))
	before := tls.DeepCopy()
	tls.Spec.Secret.Name = "new-tls"
	s.must(s.Client.Patch(t.Context(), tls, client.MergeFrom(before)))
	s.ready("new-tls", "web."+s.domain)
	s.until("end of old-tls", func() string {
		if s.keptSecret("old-tls") != nil || s.cert("old-tls").Name != "" {
			return "it is there"
		}
		return ""
	})
}

// An older renew-at of the source does not undo a newer one on the certificate.
func TestOlderRenewAtOfSource(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(ingressYAML)
	old := s.ready("shop-tls", "shop."+s.domain)
	at := s.renew("shop-tls")
	s.readyBut("shop-tls", certs.Serial(old), "shop."+s.domain)
	want := s.cert("shop-tls").Annotations[v1alpha1.AnnotationRenewAt]
	s.annotate(&networkingv1.Ingress{}, "shop", v1alpha1.AnnotationRenewAt, at.AddDate(-1, 0, 0).UTC().Format("2006-01-02T15:04:05Z"))
	s.patchIngress("shop", func(i *networkingv1.Ingress) { i.Spec.TLS[0].Hosts = s.below("shop", "more") })
	s.belongs("shop-tls", s.below("shop", "more"), "shop")
	if got := s.cert("shop-tls").Annotations[v1alpha1.AnnotationRenewAt]; got != want {
		t.Errorf("renew-at %s, want %s", got, want)
	}
}

// A certificate that is deleted under its source, and a source that is replaced at once: there is a new certificate, of the Secret
// that stayed in use meanwhile.
func TestReplaced(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(*scene, *networkingv1.Ingress){
		"certificate": func(s *scene, _ *networkingv1.Ingress) {
			s.must(s.Client.Delete(s.Context(), s.cert("shop-tls")))
		},
		"source": func(s *scene, ingress *networkingv1.Ingress) {
			s.must(s.Client.Delete(s.Context(), ingress))
			s.ingressFor("web", "shop-tls", "shop")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			ingress := s.ingressFor("web", "shop-tls", "shop")
			s.belongs("shop-tls", s.below("shop"), "web")
			before := s.cert("shop-tls")
			replace(s, ingress)
			s.until("another certificate, or another owner", func() string {
				cert := s.cert("shop-tls")
				if cert.UID == "" || !cert.DeletionTimestamp.IsZero() {
					return "there is none"
				}
				if cert.UID == before.UID && cert.OwnerReferences[0].UID == before.OwnerReferences[0].UID {
					return "it is the old one"
				}
				return ""
			})
			s.belongs("shop-tls", s.below("shop"), "web")
		})
	}
}
