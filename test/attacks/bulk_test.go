// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// bulk is how many sources change at once: more than the brake lets through in a minute.
const bulk = 24

func nth(i int) string { return fmt.Sprintf("w%02d", i) }

// makesBulk makes Ingresses of a tenant with a certificate each, and waits until all are served.
func (s *scene) makesBulk(tn *tenant) {
	s.Helper()
	for i := range bulk {
		s.makes(tn, cluster.NewIngress(tn.ns, nth(i), nth(i)+"-tls", optIn(), nth(i)+"."+tn.domain))
	}
	for i := range bulk {
		s.ready(tn, nth(i)+"-tls", nth(i)+"."+tn.domain)
	}
}

// left are the certificates of a tenant that nobody has deleted.
func (s *scene) left(tn *tenant) (names []string) {
	s.Helper()
	var list v1alpha1.ApisixCertificateList
	s.must(s.Client.List(s.Context(), &list, client.InNamespace(tn.ns)))
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp.IsZero() {
			names = append(names, list.Items[i].Name)
		}
	}
	return names
}

// told reports whether an event of a tenant's object, of whatever kind, has a reason.
func (s *scene) told(tn *tenant, name, reason string) bool {
	s.Helper()
	var list eventsv1.EventList
	s.must(s.Client.List(s.Context(), &list, client.InNamespace(tn.ns)))
	return slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool { return e.Regarding.Name == name && e.Reason == reason })
}

// TestGivenUp: entries that go from many sources at once take 20 certificates a minute, with an alert, and hold up nobody's
// renewal; what goes with its source is not braked. A name that was given up passes on to a namespace that waits for it after the
// reservation, and not before.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	o := newOutpost(t, "--push-mode", "own", "--name-reservation", reservation.String())
	run(t, o.scene,
		row{"the entries of many sources at once", entriesGo, func(s *scene) { sourcesGo(s, o.name) }},
		row{"a name", waitsForName, takesNameBack},
	)
}

func entriesGo(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	s.makesBulk(s.evil)
	for i := range bulk {
		change(s, s.evil, named(s.evil, &networkingv1.Ingress{}, nth(i)), func(ingress *networkingv1.Ingress) { ingress.Spec.TLS = nil })
	}
	s.until("the brake", func() string {
		left := s.left(s.evil)
		silent := slices.DeleteFunc(slices.Clone(left), func(name string) bool {
			return s.told(s.evil, name, v1alpha1.ReasonDeletionHeld) && s.told(s.evil, name[:3], v1alpha1.ReasonDeletionHeld)
		})
		return unless(len(left) > 0 && len(silent) == 0, fmt.Sprintf("%d certificates are left, and of these %q without a word", len(left), silent))
	})
	if s.metric("apisix_certs_held_deletions_total") == 0 {
		s.Error("the metric of the alert counts nothing")
	}
	for _, name := range s.left(s.evil) {
		if obstacle := s.unserved(name[:3]+"."+s.evil.domain, leafOf(s.readSecret(s.evil, name))); obstacle != "" {
			s.Error(obstacle)
		}
	}
	s.renews(s.victim, "web", theirs.leaf, theirs.host)
}

// sourcesGo runs with the brake on.
func sourcesGo(s *scene, outpost string) {
	friend := s.newTenant(s.id+"-friend", map[string]string{outpostLabel: outpost})
	s.makesBulk(friend)
	s.must(friend.DeleteAllOf(s.Context(), &networkingv1.Ingress{}, client.InNamespace(friend.ns)))
	s.until("the end of all", func() string { return unless(len(s.left(friend)) == 0, fmt.Sprint(s.left(friend))) })
}

// TestNamespaceEnds: a namespace that is deleted, with all that is in it at once, ends by itself, and takes nothing of others.
func TestNamespaceEnds(t *testing.T) {
	t.Parallel()
	run(t, newScene, row{"all of it at once", namespaceEnds, namespaceComesBack})
}

func namespaceEnds(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	lent := s.victim.tlsSecret("lent", bought(s, "lent."+s.evil.domain))
	lent = s.keeps(s.victim, lent)
	s.grants("lent")
	s.awayReady("lent", s.refers("lent", "lent", map[string]string{v1alpha1.AnnotationProvided: "true"}))

	s.makes(s.evil, s.evil.opaque("vault-token", map[string]string{"token": s.token}), s.issuer(s.evil, "own", s.Vault.Address))
	s.makes(s.evil, edited(s.evil.cert("own", "own."+s.evil.domain), byOwnVault))
	s.makes(s.evil, edited(s.evil.cert("revoked", "revoked."+s.evil.domain), revoked(v1alpha1.RevokeOnDelete)))
	s.makes(s.evil, cluster.NewIngress(s.evil.ns, "web", "web-tls", optIn(), "web."+s.evil.domain))
	s.makes(s.evil, cluster.NewApisixRoute(s.evil.ns, "route", optIn(), "route."+s.evil.domain))
	s.ready(s.evil, "own", "own."+s.evil.domain)
	s.ready(s.evil, "web-tls", "web."+s.evil.domain)
	s.ready(s.evil, "route-tls", "route."+s.evil.domain)
	leaf := s.ready(s.evil, "revoked", "revoked."+s.evil.domain)

	s.endsNamespace(s.evil.ns)
	for _, host := range []string{"own.", "revoked.", "web.", "route.", "lent."} {
		s.servesNone(s.evil, host+s.evil.domain)
	}
	if !s.onCRL(leaf) {
		s.Error("what should be revoked at its end is not, as its Secret went first")
	}
	s.unchanged(lent)
	s.undisturbed(theirs)
}

// endsNamespace deletes a namespace and waits until it has gone.
func (s *scene) endsNamespace(name string) {
	s.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	s.must(s.Client.Delete(s.Context(), namespace))
	s.within(3*patience, "the end of namespace "+name, func() string { // whose controller looks again after 15 s, 30 s, ...
		err := s.Client.Get(s.Context(), client.ObjectKeyFromObject(namespace), namespace)
		return unless(apierrors.IsNotFound(err), fmt.Sprintf("it is there: certificates %v, %v", s.left(&tenant{ns: name}), namespace.Status.Conditions))
	})
}

// namespaceComesBack: who makes a namespace of the same name again has its hosts at once.
func namespaceComesBack(s *scene) {
	host := "again." + s.victim.domain
	friend := s.newTenant(s.id+"-friend", nil)
	s.possess(friend, "again", host)
	s.endsNamespace(friend.ns)
	friend = s.newTenant(s.id+"-friend", nil)
	s.possess(friend, "again", host)
}

// reservation is how long a name that was given up waits for its namespace.
const reservation = 10 * time.Second

func waitsForName(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	s.makes(s.evil, s.evil.cert("waits", theirs.host))
	s.settled(s.evil, "waits")
	s.hasNone(s.evil, theirs.host)
	given := time.Now() // or a moment later
	s.ends(s.victim, "web")
	s.until("the name for who waits", func() string {
		leaf := leafOf(s.readSecret(s.evil, "waits-tls"))
		if early := reservation - time.Since(given); early > 0 && leaf != nil {
			s.Fatalf("the name passed on %s before its reservation was over", early)
		}
		return unless(leaf != nil && s.unserved(theirs.host, leaf) == "", s.reason(s.evil, "waits", v1alpha1.ConditionReady))
	})
}

func takesNameBack(s *scene) {
	theirs := s.possess(s.victim, "back", "back."+s.victim.domain)
	s.makes(s.evil, s.evil.cert("back", theirs.host))
	s.settled(s.evil, "back")
	s.ends(s.victim, "back")
	s.possess(s.victim, "again", theirs.host)
	s.checkedAgain(s.evil, "back")
	s.hasNone(s.evil, theirs.host)
}

// ofIngress makes an Ingress of the victim and waits until its certificate is served.
func (s *scene) ofIngress(name string) possession {
	s.Helper()
	host := name + "." + s.victim.domain
	s.makes(s.victim, cluster.NewIngress(s.victim.ns, name, name+"-tls", optIn(), host))
	return s.possession(s.victim, name+"-tls", host)
}

// TestUninstall: what is served stays served when the product goes, and when it comes back it goes on where it was. Where the CRDs
// go too, after the controller, nothing that is served goes with them.
func TestUninstall(t *testing.T) {
	servers.Need(t)
	t.Parallel()
	w, err := newWorld(t.Context()) // no other row can do without its CRDs
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(w.log.Name()) })
	t.Cleanup(w.close)
	s := newSceneIn(t, w, nil)
	web, goes := s.ofIngress("web"), s.ofIngress("goes")
	s.attack(func(s *scene) {
		s.must(w.uninstall())
		s.must(s.victim.Delete(s.Context(), named(s.victim, &networkingv1.Ingress{}, "goes")))
		s.marked(goes)
		s.undisturbed(goes)
		s.undisturbed(web)
	})
	s.honest(func(s *scene) {
		s.must(w.startController(s.Context()))
		s.gone(named(s.victim, &v1alpha1.ApisixCertificate{}, goes.name))
		s.gone(named(s.victim, &corev1.Secret{}, goes.secret.Name))
		s.servesNone(s.victim, goes.host)
		s.undisturbed(web)
		s.renews(s.victim, web.name, web.leaf, web.host)
	})
	web = s.possession(s.victim, web.name, web.host)
	s.attack(func(s *scene) {
		s.must(w.uninstall())
		for _, plural := range []string{"apisixcertificates", "vaultissuers", "clustervaultissuers", "certificatepolicies"} {
			s.must(s.Client.Delete(s.Context(), crd(plural)))
		}
		s.gone(crd("clustervaultissuers"))
		s.marked(web)
		s.undisturbed(web)
	})
	s.honest(func(s *scene) { // docs/operations.md: let go of it for good
		cert := s.readCert(s.victim, web.name)
		s.must(s.Client.Patch(s.Context(), cert, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))))
		s.gone(crd("apisixcertificates"))
		s.undisturbed(web)
	})
}

// uninstall ends the controller.
func (w *world) uninstall() error {
	controller := w.controller
	w.controller = nil
	return controller.Stop()
}

// marked waits until a certificate is marked as deleted. Its finalizer waits for a controller.
func (s *scene) marked(of possession) {
	s.Helper()
	s.until("the deletion of "+of.name, func() string {
		return unless(!s.readCert(of.tn, of.name).DeletionTimestamp.IsZero(), "it is not marked as deleted")
	})
}

// crd is one of ours.
func crd(plural string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"})
	object.SetName(plural + ".apisix-certs.io")
	return object
}
