// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func TestReconcileSaysOnce(t *testing.T) {
	s := newScene(t, tlsNamed("t", 1, with("duration", "90d")))
	s.expect("create s")
	s.said("Warning InvalidSource "+badDuration, "Normal CertificateCreated created ApisixCertificate s")
	s.expect()
	s.said()
	tls := tlsNamed("t", 1)
	update(s, tls, func(tls *configv2.ApisixTls) { tls.Annotations = annotated() })
	s.expect("patch s")
	s.said("Normal CertificateUpdated updated ApisixCertificate s")
	s.must(s.Delete(t.Context(), tls))
	s.collectAll()
	s.settle()
	s.must(s.Create(t.Context(), tlsNamed("t", 1, hosts())))
	s.expect()
	s.said("Warning InvalidSource spec.hosts names no host: add the hosts of the certificate in Secret s")
}

// A source with several Secrets has each fault said once.
func TestReconcileSaysAFaultOfSeveralEntriesOnce(t *testing.T) {
	ingress := ingressNamed("web", 1, tlsEntry("s", "a.example"), tlsEntry("r", "b.example"))
	ingress.Annotations = annotated("duration", "90d")
	s := newScene(t, ingress)
	s.expect("create r", "create s")
	s.said("Warning InvalidSource "+badDuration, "Normal CertificateCreated created ApisixCertificate r", "Normal CertificateCreated created ApisixCertificate s")
}

func TestReconcileSaysCoveredHostsOnce(t *testing.T) {
	route := at(newRouteOf(t, `{"http":[{"match":{"hosts":["a.example"]}}]}`), "r", 1)
	other := newCert(named("o"))
	s := newScene(t, route, &other)
	s.expect()
	s.said("Normal HostsCovered host a.example is covered by ApisixCertificate o")
	s.expect()
	s.said()
}

func TestReconcileRefusedByTheAPIServer(t *testing.T) {
	s := newScene(t, tlsNamed("t", 1))
	s.calls.Create = func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("ApisixCertificate").GroupKind(), "s", nil)
	}
	s.expect()
	s.said(`Warning InvalidSource ApisixCertificate.apisix-certs.io "s" is invalid`)
}

// What somebody else has written at the same time is looked at again, and is no failure.
func TestReconcileOfAConflict(t *testing.T) {
	for _, err := range []error{apierrors.NewConflict(schema.GroupResource{}, "s", nil), apierrors.NewAlreadyExists(schema.GroupResource{}, "s")} {
		s := newScene(t, tlsNamed("t", 1))
		s.calls.Create = func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error { return err }
		if got, err := s.Reconcile(t.Context(), groupS.request()); err != nil || got.RequeueAfter != writeAgain {
			t.Errorf("%v %v", got, err)
		}
	}
}

// Case 7 of the field, both forms: an Ingress that is renamed, and one that takes over the hosts of another, which is then deleted.
func TestRenamedSource(t *testing.T) {
	web := ingressNamed("web", 1, tlsEntry("s", "shop.example"))
	s := newScene(t, web)
	s.expect("create s")
	s.must(s.Create(t.Context(), ingressNamed("web-v2", 2, tlsEntry("s", "shop.example", "www.example"))))
	s.expect("patch s")
	s.holds("s shop.example www.example *web +web-v2")
	s.must(s.Delete(t.Context(), web))
	s.collectAll()
	s.expect("patch s")
	s.holds("s shop.example www.example *web-v2")
	s.said("Normal CertificateCreated ~", "Normal CertificateUpdated ~", "Normal CertificateUpdated ~")
}

func TestSharedByKinds(t *testing.T) {
	web, api := ingressNamed("web", 1, tlsEntry("s", "a.example")), tlsNamed("api", 2, hosts("b.example"))
	route := at(newRouteOf(t, `{"http":[{"match":{"hosts":["c.example"]}}]}`, "secret-name", "s"), "route", 3)
	s := newScene(t, route, web, api)
	s.expect("create s")
	s.holds("s a.example b.example c.example *web +api +route")
	s.must(s.Delete(t.Context(), api))
	s.expect("patch s")
	s.holds("s a.example c.example *web +route")
	s.must(s.Delete(t.Context(), web))
	s.expect("patch s")
	s.holds("s c.example *route")
	s.must(s.Delete(t.Context(), route))
	s.collectAll()
	s.expect()
}

// The ApisixTls of a route goes before the certificate does that the route does without.
func TestRouteThatGivesUpItsCertificate(t *testing.T) {
	for name, giveUp := range map[string]func(*scene, *unstructured.Unstructured) string{
		"another Secret": func(s *scene, route *unstructured.Unstructured) string {
			update(s, route, func(u *unstructured.Unstructured) { u.SetAnnotations(annotated("secret-name", "new")) })
			return "create new"
		},
		"covered": func(s *scene, _ *unstructured.Unstructured) string {
			wild := newCert(named("wild"), forHosts("*.example"), issued)
			s.must(s.Client.Create(s.Context(), &wild))
			return "create wild"
		},
	} {
		t.Run(name, func(t *testing.T) {
			route := at(newRouteOf(t, `{"http":[{"match":{"hosts":["a.example"]}}]}`, "secret-name", "s"), "r", 1)
			cert, hand := newCert(ofRoute, issued), tlsNamed("hand", 1, bare)
			hand.Spec.Secret.Name = "other"
			s := newScene(t, route, &cert, hand)
			s.expect("create s") // the ApisixTls
			s.writes = nil
			made := giveUp(s, route)
			s.round()
			s.round()
			if diff := cmp.Diff([]string{made, "delete s", "delete s"}, s.writes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err := s.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "s"}, &configv2.ApisixTls{}); !apierrors.IsNotFound(err) {
				t.Errorf("its ApisixTls: %v", err)
			}
			s.must(s.Get(t.Context(), client.ObjectKeyFromObject(hand), hand))
		})
	}
}

// A certificate written by hand stays that, and its sources are looked at when it goes.
func TestWrittenByHand(t *testing.T) {
	cert := newCert()
	s := newScene(t, &cert, tlsNamed("t", 1, hosts("a.example", "b.example")))
	s.expect()
	s.said("Warning InvalidSource Secret s has ApisixCertificate s, written by hand, which lacks host b.example: ~")
	update(s, &v1alpha1.ApisixCertificate{ObjectMeta: cert.ObjectMeta}, func(c *v1alpha1.ApisixCertificate) { c.Spec.DNSNames = []string{"*.example"} })
	s.expect()
	s.said()
	s.end("s")
	s.expect("create s")
	s.holds("s a.example b.example *t")
}

// An object of another namespace is never taken for one of ours, whatever owner it names.
func TestForgedOwnerOfAnotherNamespace(t *testing.T) {
	forged := newCert(controlled("t"), func(c *v1alpha1.ApisixCertificate) { c.Namespace = "evil" })
	held := forged.DeepCopy()
	held.Name, held.Finalizers = "held", []string{"example.com/x"}
	s := newScene(t, &forged, held, tlsNamed("t", 1))
	s.must(s.Delete(t.Context(), held))
	s.expect("create s")
	s.holds("s a.example *t")
	update(s, tlsNamed("t", 1), func(tls *configv2.ApisixTls) { tls.Spec.Hosts = []configv2.HostType{"b.example"} })
	s.expect("patch s")
	s.holds("s b.example *t")
	evil := &v1alpha1.ApisixCertificate{}
	s.must(s.Get(t.Context(), client.ObjectKeyFromObject(&forged), evil))
	if diff := cmp.Diff(forged.Spec, evil.Spec); diff != "" {
		t.Error(diff)
	}
}

// A source of another namespace that names the same Secret has a certificate of its own, to which the grant of the Secret applies.
func TestSameSecretFromAnotherNamespace(t *testing.T) {
	away := tlsNamed("away", 1, hosts("evil.example"))
	away.Namespace = "evil"
	s := newScene(t, away, tlsNamed("t", 2))
	s.expect("create ns.s", "create s")
	s.holds("s a.example *t")
}

// A name that an object on its way out holds: it is said, and the new one made when it has gone.
func TestNameOfOneThatIsHeld(t *testing.T) {
	cert := newCert(func(c *v1alpha1.ApisixCertificate) { c.Finalizers = []string{"example.com/x"} })
	s := newScene(t, &cert, tlsNamed("t", 1))
	s.must(s.Delete(t.Context(), &cert))
	s.expect()
	s.said("Warning InvalidSource ApisixCertificate s is being deleted and blocked by finalizer example.com/x: remove the finalizer, and a new one is created for Secret s")
	update(s, &cert, func(c *v1alpha1.ApisixCertificate) { c.Finalizers = nil })
	s.expect("create s")
}

// "other.s" is Secret s of namespace other, and a Secret of that name.
func TestNamesOfTwoSecrets(t *testing.T) {
	away := tlsNamed("t", 1, hosts("a.example"), func(tls *configv2.ApisixTls) { tls.Spec.Secret.Namespace = "other" })
	s := newScene(t, away, ingressNamed("web", 2, tlsEntry("other.s", "b.example")))
	s.settle()
	var list v1alpha1.ApisixCertificateList
	s.must(s.List(t.Context(), &list))
	found := map[types.NamespacedName]string{}
	for _, cert := range list.Items {
		found[groupOfCertificate(&cert).secret] = strings.Join(cert.Spec.DNSNames, " ")
	}
	want := map[types.NamespacedName]string{{Namespace: "other", Name: "s"}: "a.example", {Namespace: "ns", Name: "other.s"}: "b.example"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The new certificate is there before the old one goes, whichever Secret is looked at first.
func TestRenamedSecret(t *testing.T) {
	for _, name := range []string{"a", "z"} { // requests run in the order of their names
		s := newScene(t, tlsNamed("t", 1))
		s.expect("create s")
		update(s, tlsNamed("t", 1), func(tls *configv2.ApisixTls) { tls.Spec.Secret.Name = name })
		s.writes = nil
		for range 2 {
			s.round()
		}
		if diff := cmp.Diff([]string{"create " + name, "delete s"}, s.writes); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// Where the new one cannot be made, the old one stays.
func TestRenamedSecretThatCannotBe(t *testing.T) {
	held := newCert(named("new"), func(c *v1alpha1.ApisixCertificate) { c.Finalizers = []string{"example.com/x"} })
	s := newScene(t, tlsNamed("t", 1), &held)
	s.expect("create s")
	s.must(s.Delete(t.Context(), &held))
	update(s, tlsNamed("t", 1), func(tls *configv2.ApisixTls) { tls.Spec.Secret.Name = "new" })
	s.expect()
	if got, err := s.Reconcile(t.Context(), groupS.request()); err != nil || got.RequeueAfter != lookAgain {
		t.Errorf("%v %v", got, err)
	}
	update(s, &held, func(c *v1alpha1.ApisixCertificate) { c.Finalizers = nil })
	s.expect("create new", "delete s")
}

// An opted out source is marked once. Who takes the mark off is not answered, until the source changes.
func TestOptedOutIsMarkedOnce(t *testing.T) {
	s := newScene(t, tlsNamed("t", 1))
	s.expect("create s")
	optOut := func() { update(s, tlsNamed("t", 1), func(tls *configv2.ApisixTls) { tls.Annotations = nil }) }
	optOut()
	s.said("Normal CertificateCreated ~")
	s.expect("patch s")
	s.holds("s a.example *t ?")
	s.said("Normal CertificateUpdated ~", "Warning SourceOptedOut no annotation apisix-certs.io/issuer ~")
	update(s, &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "s"}}, func(c *v1alpha1.ApisixCertificate) { c.Annotations = nil })
	s.expect()
	s.holds("s a.example *t")
	update(s, tlsNamed("t", 1), func(tls *configv2.ApisixTls) { tls.Annotations = annotated("duration", "1h") })
	s.expect("patch s")
	s.holds("s a.example *t")
	optOut()
	s.expect("patch s")
	s.holds("s a.example *t ?")
	s.end("s")
	s.expect() // who is opted out gets no new one
}

// Another controller, for which the source is opted in, may undo the mark for ever.
func TestTwoControllersComeToRest(t *testing.T) {
	s := newScene(t, tlsNamed("t", 1, bare))
	all := &reconciler{Client: s.Client, recorder: s.recorder, clock: s.clock, kinds: s.kinds, defaults: manageAll}
	for range 4 {
		if _, err := all.Reconcile(t.Context(), groupS.request()); err != nil {
			t.Fatal(err)
		}
		s.writes = nil
		s.round()
	}
	if len(s.writes) > 0 {
		t.Errorf("still written: %q", s.writes)
	}
}

// Settings of the controller end nothing.
func TestSettingsThatExclude(t *testing.T) {
	s := newScene(t, tlsNamed("t", 1, bare, class("apisix")))
	s.defaults = manageAll
	s.expect("create s")
	s.defaults = Defaults{}
	s.expect("patch s")
	s.holds("s a.example *t ?")
	s.defaults = manageAll
	s.expect("patch s")
	s.holds("s a.example *t")
	s.defaults = Defaults{IngressClass: "public"}
	s.expect()
	s.holds("s a.example *t")
}

// Entries that go in bulk: 20 certificates a minute, and the rest is held, said and counted.
func TestBrake(t *testing.T) {
	s := newScene(t)
	for i := range 45 {
		s.must(s.Create(t.Context(), numberedIngress(i)))
	}
	s.round()
	s.drain()
	for i := range 45 {
		update(s, numberedIngress(i), func(ingress *networkingv1.Ingress) { ingress.Spec.TLS = nil; ingress.Annotations = nil })
	}
	left := func() int {
		s.writes = nil
		s.round()
		for _, write := range s.writes {
			if !strings.HasPrefix(write, "delete ") {
				t.Errorf("%s", write)
			}
		}
		var list v1alpha1.ApisixCertificateList
		s.must(s.List(t.Context(), &list))
		n := 0
		for _, cert := range list.Items {
			if cert.DeletionTimestamp.IsZero() {
				n++
			}
		}
		return n
	}
	for _, c := range []struct {
		pass time.Duration
		left int
	}{{0, 25}, {30 * time.Second, 25}, {29 * time.Second, 25}, {time.Second, 5}, {59 * time.Second, 5}, {time.Second, 0}} {
		s.clock.SetTime(s.clock.Now().Add(c.pass))
		if got := left(); got != c.left {
			t.Fatalf("%d are left after %s more, want %d", got, c.pass, c.left)
		}
	}
	events := s.drain()
	if got := strings.Count(events, "Warning DeletionHeld deletion of ApisixCertificate "); got != 2*25 {
		t.Errorf("%d events, want one for each certificate and source that had to wait", got)
	}
}

// An entry that is put back while its certificate is held ends the matter.
func TestBrakeLetsGo(t *testing.T) {
	s := newScene(t)
	for i := range 21 {
		s.must(s.Create(t.Context(), numberedIngress(i)))
	}
	s.settle()
	for i := range 21 {
		update(s, numberedIngress(i), func(ingress *networkingv1.Ingress) { ingress.Spec.TLS = nil })
	}
	s.round()
	for i := range 21 {
		update(s, numberedIngress(i), func(ingress *networkingv1.Ingress) { ingress.Spec.TLS = numberedIngress(i).Spec.TLS })
	}
	s.clock.SetTime(s.clock.Now().Add(time.Hour))
	s.writes = nil
	s.round()
	for _, write := range s.writes {
		if strings.HasPrefix(write, "delete") {
			t.Error(write)
		}
	}
}

func TestBrakeWaitsNoLongerThanItsWindow(t *testing.T) {
	b, now := &brake{}, time.Unix(1000, 0)
	for i := range mostDeletions {
		if wait := b.take(now.Add(time.Duration(i) * time.Second)); wait != 0 {
			t.Fatal(wait)
		}
	}
	for _, c := range []struct{ after, wait time.Duration }{{20 * time.Second, 40 * time.Second}, {-time.Hour, time.Minute}, {60 * time.Second, 0}, {60 * time.Second, time.Second}} {
		if wait := b.take(now.Add(c.after)); wait != c.wait {
			t.Errorf("after %s: %s, want %s", c.after, wait, c.wait)
		}
	}
}
