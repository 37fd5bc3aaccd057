// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestSecretsInUse: while a live object refers to a Secret it is not deleted; our marks come off.
func TestSecretsInUse(t *testing.T) {
	t.Parallel()
	ingress := func(s *scene) client.Object {
		return cluster.NewIngress(s.victim.ns, "other", "wild-tls", nil, "b.wild."+s.victim.domain)
	}
	run(t, newScene,
		row{"an Ingress is deleted whose Secret another Ingress uses", endsInUse(byIngress, ingress), ingressEnds},
		row{"an Ingress is deleted whose Secret an ApisixTls uses", endsInUse(byIngress, func(s *scene) client.Object {
			return cluster.NewApisixTLS(s.victim.ns, "other", s.victim.ns, "wild-tls", nil, "b.wild."+s.victim.domain)
		}), ingressEnds},
		row{"a certificate by hand is deleted whose Secret an Ingress uses", endsInUse(byHand, ingress), deletedWithItsOwn},
		row{"an Ingress is deleted whose Secret a granted ApisixTls elsewhere uses", endsInUse(byIngress, func(s *scene) client.Object {
			s.grants("wild-tls")
			return cluster.NewApisixTLS(s.evil.ns, "other", s.victim.ns, "wild-tls", nil, "b.wild."+s.victim.domain)
		}), ingressEnds},
		row{"an Ingress hands its Secret to another that has more hosts", handsOver(true), shares},
		row{"an Ingress is deleted before another takes its Secret", handsOver(false), shares},
		row{"the host of a second Ingress is added to the first, which then goes", addsAndGoes, shares},
		row{"a restore brings the certificate just before its Ingress", restores(100 * time.Millisecond), restoresSourceFirst},
		row{"a restore brings the certificate two seconds before its Ingress", restores(2 * time.Second), restoresSourceFirst},
	)
}

// byIngress and byHand are what makes a certificate in Secret wild-tls, and its name.
func byIngress(s *scene) (client.Object, string) {
	return cluster.NewIngress(s.victim.ns, "wild", "wild-tls", optIn(), "*.wild."+s.victim.domain), "wild-tls"
}

func byHand(s *scene) (client.Object, string) {
	return s.victim.cert("wild", "*.wild."+s.victim.domain), "wild"
}

func endsInUse(maker func(*scene) (client.Object, string), user func(*scene) client.Object) func(*scene) {
	return func(s *scene) {
		made, name := maker(s)
		s.makes(s.victim, made)
		s.ready(s.victim, name, "a.wild."+s.victim.domain)
		before := s.readSecret(s.victim, "wild-tls")
		use := user(s)
		if use.GetNamespace() == s.evil.ns {
			s.makes(s.evil, use)
		} else {
			s.makes(s.victim, use)
		}
		s.must(s.victim.Delete(s.Context(), made))
		s.gone(named(s.victim, &v1alpha1.ApisixCertificate{}, name))
		time.Sleep(time.Second) // a deletion that follows the certificate's end
		s.sameContent(before)
		if marks := s.readSecret(s.victim, "wild-tls").Labels; marks[v1alpha1.LabelManaged] != "" {
			s.Errorf("the Secret is still marked as managed: %v", marks)
		}
	}
}

// handsOver renames an Ingress, as GitOps does: the new one has a host more and the same Secret.
func handsOver(newFirst bool) func(*scene) {
	return func(s *scene) {
		shop, www := "shop."+s.victim.domain, "www."+s.victim.domain
		v1 := cluster.NewIngress(s.victim.ns, "web", "shop-tls", optIn(), shop)
		v2 := cluster.NewIngress(s.victim.ns, "web-v2", "shop-tls", optIn(), shop, www)
		s.makes(s.victim, v1)
		s.ready(s.victim, "shop-tls", shop)
		if newFirst {
			s.makes(s.victim, v2)
			time.Sleep(3 * time.Second)
		}
		s.must(s.victim.Delete(s.Context(), v1))
		if !newFirst {
			s.makes(s.victim, v2)
		}
		s.within(patience/2, "a certificate for both hosts", func() string {
			leaf := leafOf(s.readSecret(s.victim, "shop-tls"))
			if leaf == nil || !slices.Contains(leaf.DNSNames, www) {
				return "Secret shop-tls has none"
			}
			for _, host := range []string{shop, www} {
				if obstacle := s.unserved(host, leaf); obstacle != "" {
					return obstacle
				}
			}
			return ""
		})
	}
}

func addsAndGoes(s *scene) {
	a, b := "a7."+s.victim.domain, "b7."+s.victim.domain
	s.makes(s.victim, cluster.NewIngress(s.victim.ns, "web", "shop-tls", optIn(), a))
	s.ready(s.victim, "shop-tls", a)
	s.makes(s.victim, cluster.NewIngress(s.victim.ns, "web-b", "shop-tls", optIn(), b))
	time.Sleep(time.Second)
	web := named(s.victim, &networkingv1.Ingress{}, "web")
	change(s, s.victim, web, func(i *networkingv1.Ingress) { i.Spec.TLS[0].Hosts = []string{a, b} })
	s.until("both hosts", func() string { return s.unserved(b, leafOf(s.readSecret(s.victim, "shop-tls"))) })
	s.must(s.victim.Delete(s.Context(), web))
	for began := time.Now(); time.Since(began) < 8*time.Second; time.Sleep(200 * time.Millisecond) {
		// A certificate for its host alone follows, which is in the Secret a moment before it is served.
		leaf, err := s.Served(s.Context(), b)
		if err != nil || !slices.Contains(leaf.DNSNames, b) {
			s.Fatalf("its Ingress is there, but it is not served: %v", err)
		}
	}
}

// shares: two Ingresses with the same hosts share a Secret, which stays until the second has gone.
func shares(s *scene) {
	host := "both." + s.victim.domain
	for _, name := range []string{"one", "two"} {
		s.makes(s.victim, cluster.NewIngress(s.victim.ns, name, "both-tls", optIn(), host))
	}
	s.ready(s.victim, "both-tls", host)
	s.must(s.victim.Delete(s.Context(), named(s.victim, &networkingv1.Ingress{}, "one")))
	s.ready(s.victim, "both-tls", host)
	s.must(s.victim.Delete(s.Context(), named(s.victim, &networkingv1.Ingress{}, "two")))
	s.gone(named(s.victim, &v1alpha1.ApisixCertificate{}, "both-tls"))
	s.gone(named(s.victim, &corev1.Secret{}, "both-tls"))
}

// backup is what was there before a namespace was lost.
type backup struct {
	secret  *corev1.Secret
	cert    *v1alpha1.ApisixCertificate
	ingress *networkingv1.Ingress
	signed  int
}

// loses makes a certificate for an Ingress, takes a backup of all and deletes all.
func (s *scene) loses() backup {
	s.Helper()
	issuer := s.ownIssuer()
	host := "shop." + s.victim.domain
	annotations := map[string]string{v1alpha1.AnnotationClusterIssuer: issuer.Name}
	b := backup{ingress: cluster.NewIngress(s.victim.ns, "shop", "shop-tls", annotations, host)}
	s.makes(s.victim, b.ingress.DeepCopy())
	s.ready(s.victim, "shop-tls", host)
	b.secret, b.cert = s.readSecret(s.victim, "shop-tls"), s.readCert(s.victim, "shop-tls")
	s.must(s.victim.Delete(s.Context(), b.ingress.DeepCopy()))
	s.gone(named(s.victim, &v1alpha1.ApisixCertificate{}, "shop-tls"))
	s.must(client.IgnoreNotFound(s.victim.Delete(s.Context(), named(s.victim, &corev1.Secret{}, "shop-tls"))))
	b.cert.Status = v1alpha1.ApisixCertificateStatus{}
	for _, object := range []client.Object{b.secret, b.cert} { // owners and finalizers stay, as Velero keeps them
		object.SetUID(types.UID(""))
		object.SetResourceVersion("")
		object.SetGeneration(0)
		object.SetManagedFields(nil)
	}
	b.signed = s.signatures(s.id)
	return b
}

// restored fails where the certificate of the backup is not served again without a signature.
func (s *scene) restored(b backup) {
	s.Helper()
	want := leafOf(b.secret)
	time.Sleep(8 * time.Second) // garbage collection, and what follows
	s.within(patience/2, "the backup's certificate", func() string {
		leaf := leafOf(s.readSecret(s.victim, "shop-tls"))
		if leaf == nil || !leaf.Equal(want) {
			return "the Secret does not hold it"
		}
		return s.unserved("shop."+s.victim.domain, want)
	})
	s.ready(s.victim, "shop-tls", "shop."+s.victim.domain)
	if signed := s.signatures(s.id) - b.signed; signed > 0 {
		s.Errorf("%d signatures for a restore", signed)
	}
}

// restores is Velero's order: by the names of kinds.
func restores(pause time.Duration) func(*scene) {
	return func(s *scene) {
		b := s.loses()
		s.makes(s.victim, b.secret.DeepCopy(), b.cert)
		time.Sleep(pause)
		s.makes(s.victim, b.ingress)
		s.restored(b)
	}
}

func restoresSourceFirst(s *scene) {
	friend := *s
	friend.victim = s.newTenant(s.id+"-friend", nil)
	friend.id = s.id + "-friend"
	b := friend.loses()
	s.makes(friend.victim, b.secret.DeepCopy(), b.ingress)
	friend.restored(b)
}
