// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"errors"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// settled is a scene in which our ApisixTls is served and all is at rest.
func settled(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, testCA(t), standIn(t, apisixtest.Options{}))
	s.makeSource(host)
	s.run()
	s.must(s.sync())
	s.wait(5)
	s.wantServed(host)
	return s
}

// TestBadSecretBlocks2x: a placeholder Secret of anybody's stops the sync of 2.x for all, and our renewals are served
// all the same.
func TestBadSecretBlocks2x(t *testing.T) {
	s := settled(t)
	putSecret(t, s.kube, "other", nil, nil)
	s.must(s.kube.Create(t.Context(), apisixTLS("other", "other", "other.example.com")))
	for range 3 {
		before := s.pair.fingerprint
		s.writeSecret(s.issue())
		if err := s.sync(); !errors.Is(err, ErrBlocked) {
			t.Fatalf("the sync should be blocked, got %v", err)
		}
		if s.served(host) != before {
			t.Fatal("the blocked controller should leave the old certificate in place")
		}
		s.runLate()
		s.wantServed(host)
		s.wait(5)
		s.wantServed(host)
	}
	if s.action.Verb != gateway.ActionKeep {
		t.Errorf("at rest the plan is %+v, want keep", s.action)
	}
}

// TestTakenOver2x: what we put in the stead of a controller that is down is taken over without a write.
func TestTakenOver2x(t *testing.T) {
	s := newScene(t, testCA(t), standIn(t, apisixtest.Options{}))
	s.up = false
	s.makeSource(host, otherHost)
	s.wait(10)
	s.wantServed(host, otherHost)
	s.restart()
	if puts, deletes := s.theirs.Writes(); puts+deletes > 0 {
		t.Errorf("the controller made %d puts and %d deletes of an object that should be as its own", puts, deletes)
	}
}

// TestWaits2x: while the controller may still make its object, nothing is put in its stead.
func TestWaits2x(t *testing.T) {
	s := newScene(t, testCA(t), standIn(t, apisixtest.Options{}))
	s.makeSource(host)
	s.run()
	s.clock.Step(4 * time.Second)
	s.run()
	if s.action.Verb != gateway.ActionWait || len(s.apisx.SSLs()) > 0 {
		t.Errorf("within the controller's time we did %q, and there are %d ssl objects", s.action.Verb, len(s.apisx.SSLs()))
	}
	s.clock.Step(2 * time.Second)
	s.run()
	if s.action.Verb != gateway.ActionMake {
		t.Errorf("after the controller's time we did %q, want make", s.action.Verb)
	}
}

// TestInFlight2x: a sync that read before the renewal and writes after it puts the old certificate back, and the read-back
// heals that, though the controller then dies.
func TestInFlight2x(t *testing.T) {
	s := settled(t)
	s.must(s.kube.Delete(t.Context(), apisixTLS(sourceName, secretName)))
	s.makeSource(host) // made again: the sync below has something to write
	plan, err := s.theirs.Read(t.Context())
	s.must(err)
	old := s.pair.fingerprint
	s.writeSecret(s.issue())
	s.runLate()
	s.wantServed(host)
	s.must(s.theirs.Write(t.Context(), plan))
	s.up = false
	if s.served(host) != old {
		t.Fatal("the sync in flight should have put the old certificate back")
	}
	s.wait(5)
	s.wantServed(host)
}

// TestUndone2x: somebody who puts another certificate back each time is not fought in a tight loop.
func TestUndone2x(t *testing.T) {
	s := settled(t)
	plan, err := s.theirs.Read(t.Context())
	s.must(err)
	s.writeSecret(s.issue())
	patches, yielded := 0, false
	for spent := time.Duration(0); spent < 10*time.Minute; {
		s.run()
		if s.action.Verb == gateway.ActionPatch {
			patches++
			s.must(s.theirs.Write(t.Context(), plan)) // a replica that cannot read Secrets any more
		}
		yielded = yielded || s.action.Verb == gateway.ActionBackOff && s.state.Adoption.Reverted()
		step := max(s.again, time.Second)
		s.clock.Step(step)
		spent += step
	}
	if !yielded || patches < 4 || patches > 8 {
		t.Errorf("in 10 minutes there were %d patches, want 4 to 8, and the plan told of it: %t", patches, yielded)
	}
}

// TestUnservedClass2x: the controller does not serve a source without a class where none is the default, so that it would
// delete at each sync what is made in its stead. Nothing is made, and the plan says why; once it serves the source all is well.
func TestUnservedClass2x(t *testing.T) {
	s := newScene(t, testCA(t), standIn(t, apisixtest.Options{}))
	source := apisixTLS(sourceName, secretName, host)
	source.Spec.IngressClassName = ""
	s.hosts = []string{host}
	s.must(s.kube.Create(t.Context(), source))
	for range 60 {
		s.run()
		s.clock.Step(5 * time.Second)
		s.must(s.sync())
	}
	if ssls := s.apisx.SSLs(); len(ssls) > 0 || s.action.Verb != gateway.ActionWait {
		t.Fatalf("there are %d ssl objects, and the plan is %+v", len(ssls), s.action)
	}
	if missing := s.state.Adoption.Missing; len(missing) != 1 || !missing[0].Unserved || missing[0].Reference.Class != "" {
		t.Errorf("the state says %+v", missing)
	}
	object := ingressClass(class, ControllerName)
	s.must(s.kube.Get(t.Context(), client.ObjectKeyFromObject(object), object))
	object.Annotations = map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"}
	s.must(s.kube.Update(t.Context(), object))
	s.must(s.sync())
	s.wait(5)
	s.wantServed(host)
	s.up = false
	s.apisx.Wipe()
	s.ours.Invalidate()
	s.wait(10)
	s.wantServed(host)
}

// TestDouble2x holds the double to what DESIGN.md tells of the real 2.2.0.
func TestDouble2x(t *testing.T) {
	t.Run("deletes what it does not know", func(t *testing.T) {
		s := settled(t)
		foreign := apisix.SSL{ID: "foreign", SNIs: []string{"foreign.example.com"}, Cert: string(s.pair.cert), Key: string(s.pair.key)}
		_, err := s.admin.PutSSL(t.Context(), foreign)
		s.must(err)
		s.must(s.sync())
		if s.served("foreign.example.com") != "" {
			t.Error("the foreign ssl object is still there")
		}
	})
	t.Run("fails on certs and keys", func(t *testing.T) {
		s := settled(t)
		dual := apisix.SSL{
			ID: "dual", SNIs: []string{"dual.example.com"}, Cert: string(s.pair.cert), Key: string(s.pair.key),
			Certs: []string{string(s.pair.cert)}, Keys: []string{string(s.pair.key)},
		}
		_, err := s.admin.PutSSL(t.Context(), dual)
		s.must(err)
		if err := s.sync(); !errors.Is(err, ErrBlocked) {
			t.Errorf("got %v, want a sync that fails whole", err)
		}
	})
	t.Run("replaces the conditions of an ApisixTls", func(t *testing.T) {
		s := settled(t)
		object := &configv2.ApisixTls{}
		key := client.ObjectKey{Namespace: namespace, Name: sourceName}
		s.must(s.kube.Get(t.Context(), key, object))
		object.Status.Conditions = append(object.Status.Conditions, metav1.Condition{Type: "Ours", Status: metav1.ConditionTrue, Reason: "Ours"})
		s.must(s.kube.Status().Update(t.Context(), object))
		s.must(s.sync())
		s.must(s.kube.Get(t.Context(), key, object))
		if n := len(object.Status.Conditions); n != 1 || object.Status.Conditions[0].Type == "Ours" {
			t.Errorf("there are %d conditions, the first of type %s", n, object.Status.Conditions[0].Type)
		}
	})
	t.Run("holds back a whole Ingress", func(t *testing.T) {
		s := settled(t)
		ingress := &networkingv1.Ingress{Spec: networkingv1.IngressSpec{IngressClassName: ptr.To(class), TLS: []networkingv1.IngressTLS{
			{Hosts: []string{"a.example.com"}, SecretName: secretName}, {Hosts: []string{"b.example.com"}, SecretName: "missing"},
		}}}
		ingress.Name, ingress.Namespace = "held", namespace
		s.must(s.kube.Create(t.Context(), ingress))
		s.must(s.sync())
		if held := s.theirs.Held(); len(held) != 1 || s.served("a.example.com") != "" {
			t.Errorf("held back are %v, and a.example.com is served: %t", held, s.served("a.example.com") != "")
		}
	})
}
