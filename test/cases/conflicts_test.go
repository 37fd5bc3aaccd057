// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"crypto/x509"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// conflicts are case 25: one host in two namespaces. What the event on a source says is tried in test/e2e.
var conflicts = []kase{
	reported("25", "the older one keeps it, and the younger says who has it", func(t *testing.T) {
		s := bothWant(t, "shop25.example", "shop25.example")
		s.is("c25b/api", v1alpha1.ConditionReady, "False Conflict", "host shop25.example belongs to namespace c25a (ApisixCertificate web)")
		s.shows("shop25.example", s.Leaf("c25a/web-tls"))
		s.signatures(1)
	}),
	neighbour("25", "a host below the other's wildcard", func(t *testing.T) {
		s := bothWant(t, "*.example", "shop25.example")
		s.is("c25b/api", v1alpha1.ConditionReady, "False Conflict", "belongs to namespace c25a (ApisixCertificate web)")
		s.signatures(1)
	}),
	neighbour("25", "the older one goes", func(t *testing.T) {
		s := bothWant(t, "shop25.example", "shop25.example")
		s.Delete("c25a/web")
		s.Run()
		s.Pass(11 * time.Minute) // for which the namespace may have it back
		s.ready("c25b/api")
		s.shows("shop25.example", s.Leaf("c25b/api-tls"))
	}),
}

func bothWant(t *testing.T, a, b string) *scene {
	s := newScene(t)
	s.Create("c25a/web", func(c *cert) { c.Spec.DNSNames = []string{a} })
	s.Run()
	s.ready("c25a/web")
	s.Clock.Step(time.Minute)
	s.Create("c25b/api", func(c *cert) { c.Spec.DNSNames = []string{b} })
	s.Run()
	return s
}

// endedCAs are case 34: once the CA has ended there is no point in asking.
var endedCAs = []kase{
	reported("34", "the CA has ended: it is named, and Vault is not asked", func(t *testing.T) {
		root := certstest.NewCA(t, "Root 34", now.Add(-time.Minute))
		s := underCAs(t, root)
		s.Pass(10 * time.Minute)
		s.signatures(0)
		s.is("web", v1alpha1.ConditionIssued, "False IssuerNotReady", `CA "CN=Root 34" expired`)
	}),
	neighbour("34", "one above it has", func(t *testing.T) {
		root := certstest.NewCA(t, "Root 34", now.Add(-time.Minute))
		s := underCAs(t, root.Intermediate(t, "issuing", now.Add(100*day)), root)
		s.Pass(10 * time.Minute)
		s.signatures(0)
		s.is("web", v1alpha1.ConditionIssued, "False IssuerNotReady", `CA "CN=Root 34" expired`)
	}),
	neighbour("34", "a path is left: it is asked", func(t *testing.T) {
		root, other := certstest.NewCA(t, "Root 34", now.Add(-time.Minute)), certstest.NewCA(t, "other", now.Add(300*day))
		a := root.Intermediate(t, "issuing", now.Add(100*day))
		s := underCAs(t, a, a.CrossSigned(t, other, now.Add(100*day)), root, other)
		s.signatures(1)
		s.ready("web")
	}),
	neighbour("34", "it was renewed: it is asked at once", func(t *testing.T) {
		root := certstest.NewCA(t, "Root 34", now.Add(-time.Minute))
		s := underCAs(t, root)
		s.signatures(0)
		s.Observation = &issuer.Observation{Ready: true, CAs: []*x509.Certificate{s.Vault.CA.Cert}, CASince: s.Clock.Now()}
		s.Annotate("web", "any", "event")
		s.Run()
		s.signatures(1)
		s.ready("web")
	}),
}

// underCAs asks for web of an issuer whose last check showed these CAs.
func underCAs(t *testing.T, cas ...*certstest.CA) *scene {
	s := newScene(t)
	s.Observation = &issuer.Observation{Ready: true, CAs: list(cas...), CASince: now.Add(-time.Hour)}
	s.Create("web")
	s.Run()
	return s
}
