// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

func labels18(namespace, secret string) map[string]string {
	return map[string]string{
		ingresscontroller.Label18ManagedBy: ingresscontroller.Name, ingresscontroller.Label18SecretNamespace: namespace, ingresscontroller.Label18SecretName: secret,
	}
}

func labels2(kind, namespace, name string) map[string]string {
	return map[string]string{
		ingresscontroller.Label2ManagedBy: ingresscontroller.Name, ingresscontroller.Label2Kind: kind, ingresscontroller.Label2Namespace: namespace, ingresscontroller.Label2Name: name,
		ingresscontroller.Label2Controller: ingresscontroller.Class2,
	}
}

// TestRemoveTheirs: at the end of a certificate an ssl object of an ingress controller is deleted only where it was derived
// from the certificate's own references. That it holds the same leaf, or has the host, gives no right.
func TestRemoveTheirs(t *testing.T) {
	skipReal(t)
	const host = "pay.example.com"
	ref := Reference{Kind: "ApisixTls", Namespace: "shop", Name: "pay", Hosts: []string{host}, Controller: ingresscontroller.Class2}
	ending := ref
	ending.Terminating = true
	gone := Reference{Kind: "ApisixTls", Namespace: "shop", Name: "pay"} // all that is remembered
	entry := Reference{Kind: "Ingress", Namespace: "shop", Name: "pay", Hosts: []string{host}, Index: 1}
	id18 := ingresscontroller.V18.ID(ref.source("web-tls"))
	for name, test := range map[string]struct {
		labels  map[string]string
		id      string
		hosts   []string // nil: the target's
		another bool     // the object holds another leaf
		change  func(*Target)
		deleted bool
	}{
		"1.8, this Secret":                           {labels: labels18("shop", "web-tls"), deleted: true},
		"1.8, this Secret, an older leaf":            {labels: labels18("shop", "web-tls"), another: true, deleted: true},
		"1.8, a Secret of another namespace":         {labels: labels18("victim", "pay-tls")},
		"1.8, a Secret of that name elsewhere":       {labels: labels18("victim", "web-tls")},
		"1.8, another Secret of the namespace":       {labels: labels18("shop", "other-tls")},
		"1.8, this Secret, a host that is not owned": {labels: labels18("shop", "web-tls"), hosts: []string{host, "victim.example.com"}},
		"1.8, this Secret, in use": {labels: labels18("shop", "web-tls"), id: id18, change: func(t *Target) {
			t.References = []Reference{ref}
		}},
		"1.8, a Secret elsewhere that only the spec names": {labels: labels18("victim", "pay-tls"), change: func(t *Target) {
			t.SecretNamespace, t.SecretName = "victim", "pay-tls"
		}},
		"1.8, a Secret elsewhere that a use of ours named": {labels: labels18("keys", "web-tls"), id: id18, deleted: true, change: func(t *Target) {
			t.SecretNamespace, t.References = "keys", []Reference{ending}
		}},
		"2.x, nothing of ours":             {labels: labels2("ApisixTls", "victim", "pay")},
		"2.x, of that name elsewhere":      {labels: labels2("ApisixTls", "victim", "pay"), change: func(t *Target) { t.FormerReferences = []Reference{gone} }},
		"2.x, of another kind":             {labels: labels2("Ingress", "shop", "pay"), change: func(t *Target) { t.FormerReferences = []Reference{gone} }},
		"2.x, our use, gone":               {labels: labels2("ApisixTls", "shop", "pay"), change: func(t *Target) { t.FormerReferences = []Reference{gone} }, deleted: true},
		"2.x, our use, gone, another leaf": {labels: labels2("ApisixTls", "shop", "pay"), another: true, change: func(t *Target) { t.FormerReferences = []Reference{gone} }},
		"2.x, our use, ending":             {labels: labels2("ApisixTls", "shop", "pay"), change: func(t *Target) { t.References = []Reference{ending} }, deleted: true},
		"2.x, our use, ending, older leaf": {labels: labels2("ApisixTls", "shop", "pay"), another: true, change: func(t *Target) { t.References = []Reference{ending} }, deleted: true},
		"2.x, our use, alive":              {labels: labels2("ApisixTls", "shop", "pay"), change: func(t *Target) { t.References = []Reference{ref} }},
		"2.x, alive, and remembered as gone": {labels: labels2("ApisixTls", "shop", "pay"), change: func(t *Target) {
			t.References, t.FormerReferences = []Reference{ref}, []Reference{gone}
		}},
		"2.x, our use, a host that is not owned": {labels: labels2("ApisixTls", "shop", "pay"), hosts: []string{host, "victim.example.com"}, change: func(t *Target) {
			t.References = []Reference{ending}
		}},
		"2.x, an Ingress that is gone": {labels: labels2("Ingress", "shop", "pay"), deleted: true, change: func(t *Target) {
			t.FormerReferences = []Reference{{Kind: "Ingress", Namespace: "shop", Name: "pay"}}
		}},
		"2.x, an entry of an Ingress that lives": {labels: labels2("Ingress", "shop", "pay"), change: func(t *Target) {
			t.References = []Reference{entry}
		}},
		"nobody's":      {labels: nil},
		"somebody's":    {labels: map[string]string{"managed-by": "admin"}},
		"our own label": {labels: map[string]string{"managed-by": "apisix-certs"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newOwnScene(t)
			s.Mode = ModeAdopt
			target := s.target("u1", host)
			pair := target.Pair
			if test.another {
				pair = s.target("u1", host).Pair
			}
			if test.change != nil {
				test.change(&target)
			}
			object := apisix.SSL{ID: "abc123", SNIs: target.Hosts, Cert: string(pair.Cert), Key: string(pair.Key), Labels: test.labels}
			if test.id != "" {
				object.ID = test.id
			}
			if test.hosts != nil {
				object.SNIs = test.hosts
			}
			s.putRaw(object)
			for _, overdue := range []bool{false, true, true} {
				if _, err := s.Remove(t.Context(), target, overdue); err != nil {
					t.Fatal(err)
				}
				if !overdue && s.object(object.ID) == nil {
					t.Fatal("it was deleted before the ingress controller had had its time")
				}
			}
			if deleted := s.object(object.ID) == nil; deleted != test.deleted {
				t.Errorf("deleted: %t, want %t", deleted, test.deleted)
			}
		})
	}
}

// TestMakeOwnedHosts: what is made in an ingress controller's stead has no host but those of the target.
func TestMakeOwnedHosts(t *testing.T) {
	s := newAdoptScene(t)
	ref := tlsUse
	ref.Name, ref.Hosts = "more", []string{"shop.example.com", "victim.example.com"}
	target := s.target("u2", "shop.example.com")
	target.References = []Reference{ref}
	id := ingresscontroller.V2.ID(ref.source(""))
	s.bring(target)
	s.fake.Step(controllerGrace)
	s.bring(target)
	if made := s.object(id); made == nil || len(made.SNIs) != 1 || made.SNIs[0] != "shop.example.com" {
		t.Fatalf("made: %+v", made)
	}
	s.fake.Step(readBackDelay)
	s.bring(target)
	if _, action, _ := s.step(target); action.Verb != ActionKeep {
		t.Errorf("at rest the plan is %+v", action)
	}
}

// TestMakeServed: nothing is made for a source that no APISIX ingress controller serves, and the state says which class it has.
func TestMakeServed(t *testing.T) {
	for name, test := range map[string]struct {
		class, controller string
		made              bool
	}{
		"a class of APISIX":                {"apisix", ingresscontroller.Class2, true},
		"no class, and a default one":      {"", ingresscontroller.Class2, true},
		"no class, and no default one":     {"", "", false},
		"a class that does not exist":      {"apsix", "", false},
		"a class of another controller":    {"nginx", "k8s.io/ingress-nginx", false},
		"a class of APISIX by other name":  {"mine", "example.com/apisix", true},
		"a default class of another":       {"", "k8s.io/ingress-nginx", false},
		"a class of APISIX, other version": {"apisix", ingresscontroller.Class18, false}, // the gateway's objects are of 2.x
	} {
		t.Run(name, func(t *testing.T) {
			s := newAdoptScene(t)
			known := s.target("u9", "other.example.com")
			labels := labels2("ApisixTls", "default", "other")
			labels[ingresscontroller.Label2Controller] = "example.com/apisix"
			s.putRaw(apisix.SSL{ID: "1234", SNIs: known.Hosts, Cert: string(known.Cert), Key: string(known.Key), Labels: labels})
			ref := tlsUse
			ref.Name, ref.Hosts, ref.Class, ref.Controller = "new", []string{"new.example.com"}, test.class, test.controller
			target := s.target("u2", "new.example.com")
			target.References = []Reference{ref}
			s.bring(target)
			for range 10 {
				s.fake.Step(controllerGrace)
				s.bring(target)
			}
			if made := s.object(ingresscontroller.V2.ID(ref.source(""))) != nil; made != test.made {
				t.Errorf("made: %t, want %t", made, test.made)
			}
			if test.made {
				return
			}
			state, _, _ := s.step(target)
			if missing := state.Adoption.Missing; len(missing) != 1 || missing[0].Reference.Class != test.class || missing[0].Unserved != (test.controller != ingresscontroller.Class18) {
				t.Errorf("the state says %+v", missing)
			}
		})
	}
}

// TestMakeCollision: the ids of 1.8 can be made to collide. An object of another namespace's Secret is not ours by its id.
func TestMakeCollision(t *testing.T) {
	skipReal(t)
	s := newAdoptScene(t)
	ref := tlsUse
	ref.Controller = ingresscontroller.Class18
	target := s.target("u1", tlsUse.Hosts...)
	target.References = []Reference{ref}
	if err := s.Admin.DeleteSSL(t.Context(), s.theirs.ID); err != nil {
		t.Fatal(err)
	}
	theirs := s.theirs
	theirs.ID, theirs.Labels = ingresscontroller.V18.ID(ref.source("")), labels18("victim", "pay-tls")
	s.putRaw(theirs)
	s.bring(target)
	for range 5 {
		s.fake.Step(controllerGrace)
		s.bring(target)
	}
	if got := s.object(theirs.ID); got.Cert != theirs.Cert || got.Labels[ingresscontroller.Label18SecretNamespace] != "victim" {
		t.Error("the object of another namespace was written")
	}
}
