// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan/plantest"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

// says fails where a condition is another.
func says(t *testing.T, got metav1.Condition, status metav1.ConditionStatus, reason, message string) {
	t.Helper()
	if got.Status != status || got.Reason != reason || !strings.Contains(got.Message, message) {
		t.Errorf("%s %s: %s\nwant %s %s: %s", got.Status, got.Reason, got.Message, status, reason, message)
	}
}

func TestIssued(t *testing.T) {
	due := func(s *scene) { s.Now = now.Add(70 * day) }
	expired := func(s *scene) { s.Now = now.Add(89 * day) }
	waiting := func(reason, message string) func(*scene) {
		return func(s *scene) { s.Failed(time.Second, 1, reason, message) }
	}
	once := func(s *scene) { s.Cert.Spec.RenewalPolicy = v1alpha1.RenewDisabled }
	asked := func(s *scene) { s.Annotate(v1alpha1.AnnotationRenewAt, s.Now.Format(time.RFC3339)) }
	noIssuer := func(s *scene) { s.Issuer.Request.Issuer = nil }
	conflict := func(s *scene) { s.Review.Names.Conflict = "older" }
	changed := func(s *scene) { s.Cert.Spec.DNSNames = []string{"b.example"} }
	const sealed, absent = "vault sign: Vault is sealed: unseal it", "spec.issuerRef: VaultIssuer/vault does not exist; create it, or correct the reference"
	const byHand = "spec.renewalPolicy is Disabled; renew it manually (apisix-certs renew c), or set Automatic"
	for _, c := range []struct {
		name    string
		start   func(testing.TB, ...func(*scene)) *scene
		edits   []func(*scene)
		err     error
		status  metav1.ConditionStatus
		reason  string
		message string
	}{
		{"good", plantest.Issued, nil, nil, yes, v1alpha1.ReasonIssued, "the Secret contains a valid certificate"},
		{"first fails", plantest.New, nil, errSealed, no, v1alpha1.ReasonIssueFailed, sealed},
		{"first is refused", plantest.New, nil, errRefused, no, v1alpha1.ReasonRefused, "vault sign: the role does not allow it"},
		{"waiting for the next attempt", plantest.New, []func(*scene){waiting(v1alpha1.ReasonRefused, "the role")}, nil, no, v1alpha1.ReasonRefused, "the role"},
		{"due again at once", plantest.New, nil, nil, no, v1alpha1.ReasonIssuing, "the Secret does not exist"},
		{"held", plantest.New, []func(*scene){noIssuer}, nil, no, v1alpha1.ReasonIssuerNotFound, absent},
		{"good but in conflict", plantest.Issued, []func(*scene){conflict}, nil, no, v1alpha1.ReasonConflict, "spec.dnsNames: older"},

		{"renewal fails", plantest.Issued, []func(*scene){due}, errSealed, yes, v1alpha1.ReasonRenewalFailing, sealed},
		{"renewal waits", plantest.Issued, []func(*scene){due, waiting(v1alpha1.ReasonIssueFailed, "sealed")}, nil, yes, v1alpha1.ReasonRenewalFailing, "sealed"},
		{"renewal without issuer", plantest.Issued, []func(*scene){due, noIssuer}, nil, yes, v1alpha1.ReasonRenewalFailing, absent},
		{"other names, fails", plantest.Issued, []func(*scene){changed}, errSealed, no, v1alpha1.ReasonIssueFailed, sealed},
		{"other names, waits", plantest.Issued, []func(*scene){changed, waiting(v1alpha1.ReasonIssueFailed, "sealed")}, nil, no, v1alpha1.ReasonIssueFailed, "sealed"},
		{"labels cannot be written", plantest.Issued, nil, errors.New("x"), yes, v1alpha1.ReasonRenewalFailing, "a step failed; see the controller's log"},

		{"not renewed", plantest.Issued, []func(*scene){once, due}, nil, yes, v1alpha1.ReasonRenewalDisabled, "the certificate is due for renewal, and " + byHand},
		{"not renewed, expired", plantest.Issued, []func(*scene){once, expired}, nil, no, v1alpha1.ReasonExpired, byHand},
		{"not renewed, expired, in conflict", plantest.Issued, []func(*scene){once, expired, conflict}, nil, no, v1alpha1.ReasonExpired, "spec.dnsNames: older"},
		{"not renewed, asked by hand, fails", plantest.Issued, []func(*scene){once, due, asked}, errSealed, yes, v1alpha1.ReasonRenewalFailing, sealed},
		{"not renewed, expired, asked by hand, fails", plantest.Issued, []func(*scene){once, expired, asked}, errSealed, no, v1alpha1.ReasonExpired, sealed},

		{"expired, fails", plantest.Issued, []func(*scene){expired}, errSealed, no, v1alpha1.ReasonExpired, sealed},
		{"expired while waiting", plantest.Issued, []func(*scene){expired, waiting(v1alpha1.ReasonIssueFailed, "sealed")}, nil, no, v1alpha1.ReasonExpired, "sealed"},
		{"expired, held", plantest.Issued, []func(*scene){expired, noIssuer}, nil, no, v1alpha1.ReasonExpired, absent},
		{"on its way", plantest.New, nil, &finding.Finding{Reason: v1alpha1.ReasonIssuing, Message: "waits"}, no, v1alpha1.ReasonIssuing, "waits"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.start(t)
			for _, edit := range c.edits {
				edit(s)
			}
			says(t, conditionAfter(t, s, v1alpha1.ConditionIssued, plan.Results{Err: c.err, Issuing: plan.Issuing{Attempted: c.err != nil}}), c.status, c.reason, c.message)
		})
	}
}

func TestPushed(t *testing.T) {
	gateways := func(s *scene) { s.Gateways.At = []plan.GatewayState{{Gateway: &gateway.Gateway{Name: "g"}}} }
	verb := func(verb gateway.Verb) func(*gateway.Result) { return func(g *gateway.Result) { g.Verb = verb } }
	fails := func(err error) func(*gateway.Result) { return func(g *gateway.Result) { g.Err = err } }
	secret := func(g *gateway.Result) { g.State.Mode = gateway.ModeSecret }
	conflict := func(g *gateway.Result) {
		g.Verb, g.State.Conflict = gateway.ActionRefuse, &gateway.Conflict{Host: "a.example", ID: "42"}
	}
	headStart := func(g *gateway.Result) { g.State.Adoption.HeadStart = time.Second }
	before := func(s *scene) {
		s.Cert.Status.Conditions = []metav1.Condition{Condition(v1alpha1.ConditionPushed, yes, v1alpha1.ReasonPushed, "as before")}
	}
	for _, c := range []struct {
		name   string
		edits  []func(*scene)
		at     []gateway.Result
		status metav1.ConditionStatus
		reason string
		says   string
	}{
		{"no gateway", nil, nil, yes, v1alpha1.ReasonNoGateway, "no gateway configured"},
		{"no DNS name", []func(*scene){gateways, func(s *scene) {
			s.Cert.Spec.DNSNames, s.Cert.Spec.IPAddresses = nil, []string{"10.0.0.1"}
		}}, nil, yes, v1alpha1.ReasonNotApplicable, "certificate has no DNS names, so it is not pushed"},
		{"no certificate", []func(*scene){gateways, func(s *scene) { s.Now = now.Add(100 * day) }}, nil, no, v1alpha1.ReasonNotApplicable, "no valid certificate to push"},
		{"hosts of others", []func(*scene){gateways, func(s *scene) { s.Review.Hosts = nil }}, nil, no, v1alpha1.ReasonNotApplicable, "the hosts belong to other ApisixCertificates"},
		{"pushed", []func(*scene){gateways}, []gateway.Result{at("g"), at("h")}, yes, v1alpha1.ReasonPushed, "certificate is pushed to all gateways"},
		{"carried", []func(*scene){gateways}, []gateway.Result{at("g"), at("h", secret)}, yes, v1alpha1.ReasonSyncedByIngressController, "the ingress controller syncs the Secret"},
		{"waiting", []func(*scene){gateways}, []gateway.Result{at("g", verb(gateway.ActionWait))}, no, v1alpha1.ReasonWaitingForIngressController, "gateway g: "},
		{"the controller has its head start", []func(*scene){gateways, before}, []gateway.Result{at("g", verb(gateway.ActionWait), headStart)}, yes, v1alpha1.ReasonPushed, "as before"},
		{"its head start, at first", []func(*scene){gateways}, []gateway.Result{at("g", verb(gateway.ActionWait), headStart)}, no, v1alpha1.ReasonWaitingForIngressController, "gateway g: "},
		{"no turn at the gateway", []func(*scene){gateways, before}, []gateway.Result{at("g", fails(&gateway.BusyError{}))}, yes, v1alpha1.ReasonPushed, "as before"},
		{"another's object", []func(*scene){gateways}, []gateway.Result{at("g", conflict)}, no, v1alpha1.ReasonSNIConflict, "gateway g: host a.example is served by ssl object 42, which this controller does not manage; delete that object"},
		{"the key is lost", []func(*scene){gateways}, []gateway.Result{at("g", verb(gateway.ActionRenew))}, no, v1alpha1.ReasonKeyLost, "a new certificate is being issued"},
		{"one of two fails", []func(*scene){gateways}, []gateway.Result{at("g"), at("h", fails(&apisix.NetworkError{Endpoint: "h:1", Err: errors.New("x")}))}, no, v1alpha1.ReasonGatewayUnreachable, "gateway h: "},
		{"bad admin key", []func(*scene){gateways}, []gateway.Result{at("g", fails(&apisix.APIError{Status: 401}))}, no, v1alpha1.ReasonGatewayRefused, "correct the admin key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plantest.Issued(t)
			for _, edit := range c.edits {
				edit(s)
			}
			says(t, conditionAfter(t, s, v1alpha1.ConditionPushed, plan.Results{Gateways: c.at}), c.status, c.reason, c.says)
		})
	}
}

// TestAdopted: what Pushed says of a gateway that an ingress controller keeps.
func TestAdopted(t *testing.T) {
	missing := func(m gateway.Missing) gateway.Adoption {
		m.Reference = gateway.Reference{Kind: "ApisixTls", Namespace: "default", Name: "shop", Class: m.Reference.Class}
		return gateway.Adoption{Missing: []gateway.Missing{m}}
	}
	for _, c := range []struct {
		name         string
		verb         gateway.Verb
		adoption     gateway.Adoption
		reason, says string
	}{
		{"missing", gateway.ActionWait, missing(gateway.Missing{}), v1alpha1.ReasonWaitingForIngressController, "for ApisixTls default/shop"},
		{"taken", gateway.ActionWait, missing(gateway.Missing{IDTaken: true, ID: "1234"}), v1alpha1.ReasonWaitingForIngressController, "ssl object 1234"},
		{"mutual", gateway.ActionWait, missing(gateway.Missing{Version: ingresscontroller.V18}), v1alpha1.ReasonWaitingForIngressController, "for ApisixTls default/shop"},
		{"no class", gateway.ActionWait, missing(gateway.Missing{Unserved: true}), v1alpha1.ReasonWaitingForIngressController, "ApisixTls default/shop has no class, and no APISIX IngressClass is the default"},
		{"a class of others", gateway.ActionWait, missing(gateway.Missing{Unserved: true, Reference: gateway.Reference{Class: "nginx"}}), v1alpha1.ReasonWaitingForIngressController, "ApisixTls default/shop has class nginx"},
		{"no use", gateway.ActionIdle, gateway.Adoption{}, v1alpha1.ReasonNotReferenced, "no ApisixTls, Ingress or Gateway of an APISIX ingress controller refers to Secret s, so it is not pushed"},
		{"used elsewhere", gateway.ActionIdle, missing(gateway.Missing{OtherController: true}), v1alpha1.ReasonNotReferenced, "ApisixTls default/shop, which refers to Secret s, belongs to a class of another controller"},
		{"undone once", gateway.ActionBackOff, gateway.Adoption{Patches: 1}, v1alpha1.ReasonWaitingForIngressController, "it will be replaced shortly"},
		{"undone", gateway.ActionBackOff, gateway.Adoption{Patches: 3}, v1alpha1.ReasonPushReverted, "check for a second ingress controller"},
		{"patched", gateway.ActionPatch, gateway.Adoption{}, v1alpha1.ReasonPushed, ""},
		{"made", gateway.ActionMake, missing(gateway.Missing{}), v1alpha1.ReasonPushed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plantest.Issued(t)
			s.Gateways.At = []plan.GatewayState{{Gateway: &gateway.Gateway{Name: "default"}}}
			got := conditionAfter(t, s, v1alpha1.ConditionPushed, plan.Results{Gateways: []gateway.Result{
				{Name: "default", State: gateway.State{Mode: gateway.ModeAdopt, Adoption: c.adoption}, Verb: c.verb},
			}})
			says(t, got, got.Status, c.reason, c.says)
		})
	}
}

func TestServed(t *testing.T) {
	proof := func(p gateway.Proof) func(*gateway.Result) { return func(g *gateway.Result) { g.Proof = p } }
	served, not := gateway.Proof{Attempted: true, Served: true}, gateway.Proof{Attempted: true, Problem: "host a.example shows another"}
	carried := func(age time.Duration, p gateway.Proof) gateway.Result {
		return at("g", proof(p), func(g *gateway.Result) { g.State.Mode, g.State.Age = gateway.ModeSecret, age })
	}
	for _, c := range []struct {
		name    string
		hosts   []string // of an ApisixTls with the Secret
		owned   bool     // the ApisixTls owns the certificate
		at      []gateway.Result
		status  metav1.ConditionStatus
		reason  string
		message string
	}{
		{"nothing asked", nil, false, []gateway.Result{at("g")}, unknown, v1alpha1.ReasonNotProven, "not verified: nothing is pushed"},
		{"served", []string{"a.example"}, false, []gateway.Result{at("g", proof(served)), at("h")}, yes, v1alpha1.ReasonServed, "TLS handshakes for all hosts returned the certificate"},
		{"not served", nil, false, []gateway.Result{at("g", proof(served)), at("h", proof(not))}, no, v1alpha1.ReasonNotServed, "gateway h: host a.example shows another"},
		{"a host too many", []string{"a.example", "b.example"}, false, []gateway.Result{at("g", proof(served))}, no, v1alpha1.ReasonHostNotCovered,
			"ApisixTls ns/t serves host b.example with Secret s, whose certificate does not cover it; add b.example to spec.dnsNames of this ApisixCertificate"},
		{"a host too many of its owner", []string{"a.example", "b.example"}, true, []gateway.Result{at("g", proof(served))}, yes, v1alpha1.ReasonServed, ""},
		{"just written, to be carried", nil, false, []gateway.Result{carried(0, not)}, no, v1alpha1.ReasonWaitingForIngressController, "waiting for the ingress controller to sync the Secret to the gateway"},
		{"29 s to be carried", nil, false, []gateway.Result{carried(29*time.Second, not)}, no, v1alpha1.ReasonWaitingForIngressController, "waiting for the ingress controller to sync the Secret to the gateway"},
		{"not carried for 30 s", nil, false, []gateway.Result{carried(30*time.Second, not)}, no, v1alpha1.ReasonNotServed, "the ingress controller did not sync the Secret to this gateway within 30s"},
		{"carried", nil, false, []gateway.Result{carried(time.Hour, served)}, yes, v1alpha1.ReasonServed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plantest.Issued(t)
			s.References.Uses = []gateway.Reference{{Kind: "ApisixTls", Namespace: "ns", Name: "t", Hosts: c.hosts}}
			if c.owned {
				s.Cert.OwnerReferences = []metav1.OwnerReference{{Kind: "ApisixTls", Name: "t"}}
			}
			says(t, conditionAfter(t, s, v1alpha1.ConditionServed, plan.Results{Gateways: c.at}), c.status, c.reason, c.message)
		})
	}
}

func TestReady(t *testing.T) {
	c := func(status metav1.ConditionStatus, reason string) metav1.Condition {
		return Condition("T", status, reason, "about "+reason)
	}
	const good = "certificate is valid and pushed to all gateways"
	for _, row := range []struct {
		name    string
		from    []metav1.Condition
		status  metav1.ConditionStatus
		reason  string
		message string
	}{
		{"all true", []metav1.Condition{c(yes, "A"), c(yes, "B"), c(yes, "C")}, yes, v1alpha1.ReasonReady, good},
		{"not proven", []metav1.Condition{c(yes, "A"), c(yes, "B"), c(unknown, "C")}, yes, v1alpha1.ReasonReady, good},
		{"the first that is false", []metav1.Condition{c(yes, "A"), c(no, "B"), c(no, "C")}, no, "B", "about B"},
		{"renewal fails", []metav1.Condition{c(yes, v1alpha1.ReasonRenewalFailing), c(yes, "B")}, yes, v1alpha1.ReasonRenewalFailing, "about RenewalFailing"},
		{"renewal fails, not served", []metav1.Condition{c(yes, v1alpha1.ReasonRenewalFailing), c(no, "C")}, no, "C", "about C"},
		{"expired", []metav1.Condition{c(no, v1alpha1.ReasonExpired)}, no, v1alpha1.ReasonExpired, "about Expired"},
	} {
		t.Run(row.name, func(t *testing.T) { says(t, readyCondition(row.from), row.status, row.reason, row.message) })
	}
}

// TestExpiring: each mark makes one condition, of what nobody here renews.
func TestExpiring(t *testing.T) {
	s := plantest.Issued(t)
	end := metav1.NewTime(now.Add(90 * day))
	begin := metav1.NewTime(now)
	status := &v1alpha1.ApisixCertificateStatus{Issued: v1alpha1.IssuedCertificate{NotBefore: &begin, NotAfter: &end}}
	for left, want := range map[time.Duration]string{
		31 * day: "", 30 * day: v1alpha1.ReasonExpires30Days, 8 * day: v1alpha1.ReasonExpires30Days, 7 * day: v1alpha1.ReasonExpires7Days, time.Hour: v1alpha1.ReasonExpires1Day,
	} {
		s.Cert.Spec.Provided = true
		if got := expiringReason(s.Cert, status, end.Add(-left)); got != want {
			t.Errorf("%s left: %q", left, got)
		}
		s.Cert.Spec.Provided = false
		if got := expiringReason(s.Cert, status, end.Add(-left)); got != "" {
			t.Errorf("a certificate that is renewed here warns: %q", got)
		}
	}
}
