// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestHostNames: every DNS name that a certificate would carry belongs to the namespace that has it. A wildcard and the
// hosts below it are one.
func TestHostNames(t *testing.T) {
	t.Parallel()
	byCommonName := func(name func(domain string) string) func(*scene, *tenant, string) client.Object {
		return func(_ *scene, tn *tenant, domain string) client.Object {
			return edited(tn.cert("try", "harmless."+tn.domain), func(spec *v1alpha1.ApisixCertificateSpec) { spec.CommonName = name(domain) })
		}
	}
	hand := func(name func(domain string) string) func(*scene, *tenant, string) client.Object {
		return func(_ *scene, tn *tenant, domain string) client.Object { return tn.cert("try", name(domain)) }
	}
	host := func(domain string) string { return "shop." + domain }
	wild := func(domain string) string { return "*." + domain }
	below := func(domain string) string { return "x.wild." + domain }
	rows := []struct {
		name string
		// object names the host of a domain; of the tenant's own domain that is honest.
		object func(s *scene, tn *tenant, domain string) client.Object
	}{
		{"a common name that is the host", byCommonName(host)},
		{"a common name in capitals", byCommonName(func(domain string) string { return strings.ToUpper(host(domain)) })},
		{"a common name that is a wildcard over the host", byCommonName(wild)},
		{"a common name below the wildcard", byCommonName(below)},
		{"a common name by annotation of an Ingress", func(_ *scene, tn *tenant, domain string) client.Object {
			return cluster.NewIngress(tn.ns, "try", "try-tls", optIn(v1alpha1.AnnotationCommonName, host(domain)), "harmless."+tn.domain)
		}},
		{"an alternative name by annotation of an Ingress", func(_ *scene, tn *tenant, domain string) client.Object {
			return cluster.NewIngress(tn.ns, "try", "try-tls", optIn(v1alpha1.AnnotationAltNames, host(domain)), "harmless."+tn.domain)
		}},
		{"the host in dnsNames", hand(host)},
		{"the host in capitals", hand(func(domain string) string { return strings.ToUpper(host(domain)) })},
		{"a wildcard over the host", hand(wild)},
		{"a host below the wildcard", hand(below)},
		{"the host in an ApisixTls", func(_ *scene, tn *tenant, domain string) client.Object {
			return cluster.NewApisixTLS(tn.ns, "try", tn.ns, "try-tls", optIn(), host(domain))
		}},
		{"the host in an ApisixRoute", func(_ *scene, tn *tenant, domain string) client.Object {
			return cluster.NewApisixRoute(tn.ns, "try", optIn(), host(domain))
		}},
	}
	for _, r := range rows {
		run(t, newScene, row{r.name,
			func(s *scene) {
				theirs := s.possess(s.victim, "web", "shop."+s.victim.domain, "*.wild."+s.victim.domain)
				s.makes(s.evil, r.object(s, s.evil, s.victim.domain))
				s.checkedAll(s.evil)
				for _, host := range []string{"shop." + s.victim.domain, "x.wild." + s.victim.domain} {
					s.hasNone(s.evil, host)
				}
				s.undisturbed(theirs)
			},
			func(s *scene) {
				friend := s.newTenant(s.id+"-friend", nil)
				s.makes(friend, r.object(s, friend, friend.domain))
				name := s.onlyCert(friend)
				leaf := s.ready(friend, name)
				if !names(leaf, "shop."+friend.domain) && !names(leaf, "x.wild."+friend.domain) {
					s.Errorf("an own host is not in the certificate: %v", leaf.DNSNames)
				}
			},
		})
	}
	run(t, newScene,
		row{"a provided pair for the host", providesHost, providedIsServed},
		row{"an older certificate that is changed to name the host", olderNamesHost, commonNamesWithoutOwner},
	)
}

// onlyCert waits for the one ApisixCertificate of a tenant, whatever it is called.
func (s *scene) onlyCert(tn *tenant) (name string) {
	s.Helper()
	s.until("an ApisixCertificate in "+tn.ns, func() string {
		var list v1alpha1.ApisixCertificateList
		s.must(s.Client.List(s.Context(), &list, client.InNamespace(tn.ns)))
		if len(list.Items) != 1 {
			return "none, or several"
		}
		name = list.Items[0].Name
		return ""
	})
	return name
}

// checkedAll is checkedAgain for the one certificate of a tenant.
func (s *scene) checkedAll(tn *tenant) {
	s.Helper()
	s.checkedAgain(tn, s.onlyCert(tn))
}

// providesHost: whoever has any pair for a host does not get it to the gateway by that.
func providesHost(s *scene) {
	theirs := s.possess(s.victim, "web", "shop."+s.victim.domain)
	s.makes(s.evil, s.evil.tlsSecret("pair", bought(s, theirs.host)), edited(s.evil.cert("try", theirs.host), provided("pair")))
	s.checkedAgain(s.evil, "try")
	s.servesNone(s.evil, theirs.host)
	s.undisturbed(theirs)
	s.ends(s.evil, "try")
	s.undisturbed(theirs)
}

func olderNamesHost(s *scene) {
	s.possess(s.evil, "try", "old."+s.evil.domain)
	theirs := s.possess(s.victim, "web", "shop."+s.victim.domain)
	change(s, s.evil, named(s.evil, &v1alpha1.ApisixCertificate{}, "try"), func(c *v1alpha1.ApisixCertificate) {
		c.Spec.DNSNames = append(c.Spec.DNSNames, theirs.host)
	})
	s.checkedAgain(s.evil, "try")
	s.hasNone(s.evil, theirs.host)
	s.undisturbed(theirs)
}

// commonNamesWithoutOwner: localhost, and what is no host at all, may be in the certificates of several namespaces.
func commonNamesWithoutOwner(s *scene) {
	for _, tn := range []*tenant{s.victim, s.evil} {
		s.makes(tn, edited(tn.cert("local", "local."+tn.domain), func(spec *v1alpha1.ApisixCertificateSpec) { spec.CommonName = "localhost" }))
	}
	for _, tn := range []*tenant{s.victim, s.evil} {
		s.ready(tn, "local", "local."+tn.domain)
	}
}

// TestSquatting: whoever waits for a host does not get it while its owner moves it from one object to another.
func TestSquatting(t *testing.T) {
	t.Parallel()
	ownTLS := func(s *scene, secretName string) client.Object {
		return cluster.NewApisixTLS(s.victim.ns, "own", s.victim.ns, secretName, optIn(), s.squatted())
	}
	run(t, newScene,
		row{"the owner renames the Secret", squat(func(s *scene) {
			s.makes(s.victim, ownTLS(s, "one-tls"))
			s.ready(s.victim, "one-tls", s.squatted())
		}, func(s *scene) string {
			change(s, s.victim, named(s.victim, &configv2.ApisixTls{}, "own"), func(tls *configv2.ApisixTls) { tls.Spec.Secret.Name = "two-tls" })
			return "two-tls"
		}), movesWithin},
		row{"the owner moves from Ingress to ApisixTls", squat(func(s *scene) {
			s.makes(s.victim, cluster.NewIngress(s.victim.ns, "own", "one-tls", optIn(), s.squatted()))
			s.ready(s.victim, "one-tls", s.squatted())
		}, func(s *scene) string {
			s.must(s.victim.Delete(s.Context(), named(s.victim, &networkingv1.Ingress{}, "own")))
			s.makes(s.victim, ownTLS(s, "two-tls"))
			return "two-tls"
		}), movesWithin},
		row{"the owner replaces the ApisixTls", squat(func(s *scene) {
			s.makes(s.victim, ownTLS(s, "one-tls"))
			s.ready(s.victim, "one-tls", s.squatted())
		}, func(s *scene) string {
			s.must(s.victim.Delete(s.Context(), named(s.victim, &configv2.ApisixTls{}, "own")))
			s.makes(s.victim, ownTLS(s, "one-tls"))
			return "one-tls"
		}), movesWithin},
		row{"the owner makes the ApisixTls again some seconds later", squat(func(s *scene) {
			s.makes(s.victim, ownTLS(s, "one-tls"))
			s.ready(s.victim, "one-tls", s.squatted())
		}, func(s *scene) string {
			s.must(s.victim.Delete(s.Context(), named(s.victim, &configv2.ApisixTls{}, "own")))
			s.gone(named(s.victim, &v1alpha1.ApisixCertificate{}, "one-tls"))
			time.Sleep(3 * time.Second)
			s.makes(s.victim, ownTLS(s, "one-tls"))
			return "one-tls"
		}), movesWithin},
		row{"the owner moves to an ApisixCertificate by hand", squat(func(s *scene) {
			s.makes(s.victim, ownTLS(s, "one-tls"))
			s.ready(s.victim, "one-tls", s.squatted())
		}, func(s *scene) string {
			s.must(s.victim.Delete(s.Context(), named(s.victim, &configv2.ApisixTls{}, "own")))
			s.makes(s.victim, s.victim.cert("hand", s.squatted()))
			return "hand"
		}), movesWithin},
	)
}

// squatted is the host that the evil tenant waits for.
func (s *scene) squatted() string { return "sq." + s.victim.domain }

// squat lets the evil tenant wait for a host that the victim has, and the victim move it.
func squat(begin func(*scene), move func(*scene) (certificate string)) func(*scene) {
	return func(s *scene) {
		begin(s)
		s.makes(s.evil, s.evil.cert("squatter", s.squatted()))
		s.settled(s.evil, "squatter")
		name := move(s)
		s.within(patience/2, "the victim's host with certificate "+name, func() string {
			if leaf := leafOf(s.readSecret(s.evil, "squatter-tls")); leaf != nil {
				s.Fatalf("namespace %s got %s, which namespace %s was moving", s.evil.ns, s.squatted(), s.victim.ns)
			}
			cert := s.readCert(s.victim, name)
			if cert.Name == "" || !cert.DeletionTimestamp.IsZero() {
				return "no such certificate"
			}
			return s.unserved(s.squatted(), leafOf(s.readSecret(s.victim, cert.Spec.SecretName)))
		})
		s.checkedAgain(s.evil, "squatter")
		s.hasNone(s.evil, s.squatted())
	}
}

// movesWithin: a host moves from one certificate to another of the same namespace at once.
func movesWithin(s *scene) {
	host := "moves." + s.victim.domain
	s.makes(s.victim, s.victim.cert("from", host, "stays."+s.victim.domain))
	s.ready(s.victim, "from", host)
	s.makes(s.victim, s.victim.cert("to", host))
	change(s, s.victim, named(s.victim, &v1alpha1.ApisixCertificate{}, "from"), func(c *v1alpha1.ApisixCertificate) {
		c.Spec.DNSNames = []string{"stays." + s.victim.domain}
	})
	s.ready(s.victim, "to", host)
	s.ready(s.victim, "from", "stays."+s.victim.domain)
	if secret := s.readSecret(s.victim, "to-tls"); secret.Type != corev1.SecretTypeTLS {
		s.Errorf("Secret to-tls is of type %s", secret.Type)
	}
}
