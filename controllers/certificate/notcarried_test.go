// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

// TestNotCarried: an ingress controller that alone can write a gateway is given half a minute, then it is named.
func TestNotCarried(t *testing.T) {
	for _, test := range []struct {
		age    time.Duration
		served bool
		reason string
		text   string
	}{
		{0, true, v1alpha1.ReasonServed, ""},
		{0, false, v1alpha1.ReasonWaitingForController, "has not carried the Secret to the gateway yet"},
		{29 * time.Second, false, v1alpha1.ReasonWaitingForController, "has not carried the Secret to the gateway yet"},
		{30 * time.Second, false, v1alpha1.ReasonNotServed, "the ingress controller has had 30s to carry the Secret"},
		{time.Hour, true, v1alpha1.ReasonServed, ""},
	} {
		s := fits(t)
		done := outcome{decision: s.decide().decision, usable: true, gateways: []pushed{{
			name: "default", state: gateway.State{Mode: gateway.Secret, Age: test.age}, verb: gateway.Keep,
			proof: gateway.Proof{Asked: true, Served: test.served, Problem: "shop: another one"},
		}}}
		got := servedCondition(s.observed, done)
		if got.Reason != test.reason || !strings.Contains(got.Message, test.text) || (got.Status == metav1.ConditionTrue) != test.served {
			t.Errorf("%s, served %t: got %s %s: %s", test.age, test.served, got.Status, got.Reason, got.Message)
		}
	}
}

// TestAdoptConditions: what Pushed says of a gateway that an ingress controller keeps.
func TestAdoptConditions(t *testing.T) {
	use := gateway.Use{Kind: "ApisixTls", Namespace: "default", Name: "shop"}
	missing := func(m gateway.Missing) gateway.Adoption {
		m.Use = gateway.Use{Kind: use.Kind, Namespace: use.Namespace, Name: use.Name, Class: m.Use.Class}
		return gateway.Adoption{Missing: []gateway.Missing{m}}
	}
	mutual := gateway.Missing{Version: ingresscontroller.V18}
	for _, test := range []struct {
		name     string
		verb     gateway.Verb
		adoption gateway.Adoption
		reason   string
		text     string
	}{
		{"missing", gateway.Wait, missing(gateway.Missing{}), v1alpha1.ReasonWaitingForController, "of ApisixTls default/shop yet"},
		{"taken", gateway.Wait, missing(gateway.Missing{Taken: true, ID: "1234"}), v1alpha1.ReasonWaitingForController, "ssl object 1234"},
		{"mutual", gateway.Wait, missing(mutual), v1alpha1.ReasonWaitingForController, "of ApisixTls default/shop yet"},
		{"no class", gateway.Wait, missing(gateway.Missing{Unserved: true}), v1alpha1.ReasonWaitingForController, "ApisixTls default/shop names no class, and no IngressClass of APISIX is the default"},
		{"a class of others", gateway.Wait, missing(gateway.Missing{Unserved: true, Use: gateway.Use{Class: "nginx"}}), v1alpha1.ReasonWaitingForController, "ApisixTls default/shop names class nginx"},
		{"no use", gateway.Wait, gateway.Adoption{}, v1alpha1.ReasonWaitingForController, "no ApisixTls or Ingress uses Secret"},
		{"undone once", gateway.Yield, gateway.Adoption{Patches: 1}, v1alpha1.ReasonWaitingForController, "written again in a moment"},
		{"undone", gateway.Yield, gateway.Adoption{Patches: 3}, v1alpha1.ReasonUndone, "look for a second ingress controller"},
		{"patched", gateway.Patch, gateway.Adoption{}, v1alpha1.ReasonPushed, ""},
		{"made", gateway.Make, missing(gateway.Missing{}), v1alpha1.ReasonPushed, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := fits(t)
			done := outcome{decision: s.decide().decision, usable: true, gateways: []pushed{{
				name: "default", state: gateway.State{Mode: gateway.Adopt, Adoption: test.adoption}, verb: test.verb,
			}}}
			s.gateways = []*gateway.Gateway{{Name: "default"}}
			got := pushedCondition(s.observed, done)
			if got.Reason != test.reason || !strings.Contains(got.Message, test.text) {
				t.Errorf("got %s: %s", got.Reason, got.Message)
			}
		})
	}
}
