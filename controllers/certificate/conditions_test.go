// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

var (
	yes     = metav1.ConditionTrue
	no      = metav1.ConditionFalse
	unknown = metav1.ConditionUnknown

	errSealed  = &vault.Error{Op: "sign", Kind: vault.Transient, Message: "Vault is sealed: unseal it"}
	errRefused = &vault.Error{Op: "sign", Kind: vault.User, Message: "the role does not allow it"}
)

// after is what came of a plan when issuing failed with err, or nothing was issued.
func after(p plan, err error) outcome {
	return outcome{decision: p.decision, usable: p.usable(now), err: err}
}

func TestIssuedCondition(t *testing.T) {
	due := func(s *scene) { s.now = now.Add(70 * day) }
	expired := func(s *scene) { s.now = now.Add(89 * day) }
	waiting := func(reason, message string) func(*scene) {
		return func(s *scene) { s.failed(time.Second, 1); s.hadIssued(no, reason, message) }
	}
	once := func(s *scene) { s.cert.Spec.RenewalPolicy = v1alpha1.RenewDisabled }
	asked := func(s *scene) { s.annotate(v1alpha1.AnnotationRenewAt, s.now.Format(time.RFC3339)) }
	noIssuer := func(s *scene) { s.issuer = nil }
	changed := func(s *scene) { s.cert.Spec.DNSNames = []string{"b.example"}; s.spec = specOf(s.cert) }
	for _, c := range []struct {
		name    string
		start   func(testing.TB, ...func(*scene)) *scene
		edits   []func(*scene)
		err     error
		status  metav1.ConditionStatus
		reason  string
		message string
	}{
		{"good", fits, nil, nil, yes, v1alpha1.ReasonIssued, "the Secret holds a valid certificate"},
		{"first fails", newScene, nil, errSealed, no, v1alpha1.ReasonIssueFailed, "vault sign: Vault is sealed: unseal it"},
		{"first is refused", newScene, nil, errRefused, no, v1alpha1.ReasonRefused, "vault sign: the role does not allow it"},
		{"waiting for the next attempt", newScene, []func(*scene){waiting(v1alpha1.ReasonRefused, "the role")}, nil, no, v1alpha1.ReasonRefused, "the role"},
		{"due again at once", newScene, nil, nil, no, v1alpha1.ReasonIssuing, "the Secret does not exist"},
		{"held", newScene, []func(*scene){noIssuer}, nil, no, v1alpha1.ReasonIssuerNotFound, "spec.issuerRef: VaultIssuer/vault does not exist: create it, or correct the reference"},
		{"good but in conflict", fits, []func(*scene){func(s *scene) { s.names.Conflict = "older" }}, nil, no, v1alpha1.ReasonConflict, "spec.dnsNames: older"},

		{"renewal fails", fits, []func(*scene){due}, errSealed, yes, v1alpha1.ReasonRenewalFailing, "vault sign: Vault is sealed: unseal it"},
		{"renewal waits", fits, []func(*scene){due, waiting(v1alpha1.ReasonRenewalFailing, "sealed")}, nil, yes, v1alpha1.ReasonRenewalFailing, "sealed"},
		{"renewal without issuer", fits, []func(*scene){due, noIssuer}, nil, yes, v1alpha1.ReasonRenewalFailing, "spec.issuerRef: VaultIssuer/vault does not exist: create it, or correct the reference"},
		{"other names, fails", fits, []func(*scene){changed}, errSealed, no, v1alpha1.ReasonIssueFailed, "vault sign: Vault is sealed: unseal it"},
		{"other names, waits after a renewal failed", fits, []func(*scene){changed, waiting(v1alpha1.ReasonRenewalFailing, "sealed")}, nil, no, v1alpha1.ReasonIssueFailed, "sealed"},
		{"labels cannot be written", fits, nil, errors.New("x"), yes, v1alpha1.ReasonRenewalFailing, "a step failed: see the controller's log"},

		{"not renewed", fits, []func(*scene){once, due}, nil, yes, v1alpha1.ReasonRenewalDisabled, "the renewal time has come, and spec.renewalPolicy is Disabled: renew it by hand (apisix-certs renew c), or set Automatic"},
		{"not renewed, expired", fits, []func(*scene){once, expired}, nil, no, v1alpha1.ReasonExpired, "spec.renewalPolicy is Disabled: renew it by hand (apisix-certs renew c), or set Automatic"},
		{"not renewed, expired, in conflict", fits, []func(*scene){once, expired, func(s *scene) { s.names.Conflict = "older" }}, nil, no, v1alpha1.ReasonExpired, "spec.dnsNames: older"},
		{"not renewed, asked by hand, fails", fits, []func(*scene){once, due, asked}, errSealed, yes, v1alpha1.ReasonRenewalFailing, "vault sign: Vault is sealed: unseal it"},
		{"not renewed, expired, asked by hand, fails", fits, []func(*scene){once, expired, asked}, errSealed, no, v1alpha1.ReasonExpired, "vault sign: Vault is sealed: unseal it"},

		{"expired, fails", fits, []func(*scene){expired}, errSealed, no, v1alpha1.ReasonExpired, "vault sign: Vault is sealed: unseal it"},
		{"expired while waiting", fits, []func(*scene){expired, waiting(v1alpha1.ReasonRenewalFailing, "sealed")}, nil, no, v1alpha1.ReasonExpired, "sealed"},
		{"expired, waits", fits, []func(*scene){expired, waiting(v1alpha1.ReasonExpired, "sealed")}, nil, no, v1alpha1.ReasonExpired, "sealed"},
		{"expired, held", fits, []func(*scene){expired, noIssuer}, nil, no, v1alpha1.ReasonExpired, "spec.issuerRef: VaultIssuer/vault does not exist: create it, or correct the reference"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.start(t)
			for _, edit := range c.edits {
				edit(s)
			}
			p := s.decide()
			want := condition(v1alpha1.ConditionIssued, c.status, c.reason, c.message)
			for range 2 { // the same input gives the same condition
				if diff := cmp.Diff(want, issuedCondition(s.observed, p, after(p, c.err))); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestPushedCondition(t *testing.T) {
	gateways := func(s *scene) { s.gateways = []*gateway.Gateway{{Name: "g"}} }
	verb := func(verb gateway.Verb) func(*pushed) { return func(g *pushed) { g.verb = verb } }
	fails := func(err error) func(*pushed) { return func(g *pushed) { g.err = err } }
	conflict := func(g *pushed) {
		g.verb, g.state.Conflict = gateway.Refuse, &gateway.Conflict{Host: "a.example", ID: "42"}
	}
	headStart := func(g *pushed) { g.state.Adoption.HeadStart = time.Second }
	pushedBefore := func(s *scene) {
		meta.SetStatusCondition(&s.cert.Status.Conditions, condition(v1alpha1.ConditionPushed, yes, v1alpha1.ReasonPushed, "as before"))
	}
	for _, c := range []struct {
		name   string
		edits  []func(*scene)
		unfit  bool
		at     []pushed
		status metav1.ConditionStatus
		reason string
		says   string
	}{
		{"no gateway", nil, false, nil, yes, v1alpha1.ReasonNoGateway, "no gateway is configured"},
		{"no DNS name", []func(*scene){gateways, func(s *scene) { s.spec.DNSNames = nil }}, false, nil, yes, v1alpha1.ReasonNothingToPush, "none of the certificate's names is a DNS name"},
		{"no certificate", []func(*scene){gateways}, true, nil, no, v1alpha1.ReasonNothingToPush, "there is no valid certificate to push"},
		{"hosts of others", []func(*scene){gateways}, false, nil, no, v1alpha1.ReasonNothingToPush, "the hosts belong to other ApisixCertificates"},
		{"pushed", []func(*scene){gateways}, false, []pushed{at("g"), at("h")}, yes, v1alpha1.ReasonPushed, "every gateway holds the certificate"},
		{"carried", []func(*scene){gateways}, false, []pushed{at("g"), at("h", func(g *pushed) { g.state.Mode = gateway.Secret })}, yes, v1alpha1.ReasonCarriedByController, "the ingress controller carries"},
		{"waiting", []func(*scene){gateways}, false, []pushed{at("g", verb(gateway.Wait))}, no, v1alpha1.ReasonWaitingForController, "gateway g: "},
		{"the controller has its head start", []func(*scene){gateways, pushedBefore}, false, []pushed{at("g", verb(gateway.Wait), headStart)}, yes, v1alpha1.ReasonPushed, "as before"},
		{"its head start, at first", []func(*scene){gateways}, false, []pushed{at("g", verb(gateway.Wait), headStart)}, no, v1alpha1.ReasonWaitingForController, "gateway g: "},
		{"another's object", []func(*scene){gateways}, false, []pushed{at("g", conflict)}, no, v1alpha1.ReasonSNIConflict, "gateway g: host a.example is served by ssl object 42, which is not ours: delete that object"},
		{"one of two fails", []func(*scene){gateways}, false, []pushed{at("g"), at("h", fails(&apisix.NetworkError{Endpoint: "h:1", Err: errors.New("x")}))}, no, v1alpha1.ReasonGatewayUnreachable, "gateway h: "},
		{"bad admin key", []func(*scene){gateways}, false, []pushed{at("g", fails(&apisix.APIError{Status: 401}))}, no, v1alpha1.ReasonGatewayRefused, "correct the admin key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fits(t, c.edits...)
			for _, edit := range c.edits {
				edit(s)
			}
			got := pushedCondition(s.observed, outcome{usable: !c.unfit, gateways: c.at})
			if got.Status != c.status || got.Reason != c.reason || !strings.Contains(got.Message, c.says) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestServedCondition(t *testing.T) {
	proof := func(p gateway.Proof) func(*pushed) { return func(g *pushed) { g.proof = p } }
	served, not := gateway.Proof{Asked: true, Served: true}, gateway.Proof{Asked: true, Problem: "host a.example shows another"}
	use := func(hosts ...string) func(*scene) {
		return func(s *scene) { s.uses = []gateway.Use{{Kind: "ApisixTls", Namespace: "ns", Name: "t", Hosts: hosts}} }
	}
	for _, c := range []struct {
		name    string
		use     func(*scene)
		at      []pushed
		status  metav1.ConditionStatus
		reason  string
		message string
	}{
		{"nothing asked", use(), []pushed{at("g")}, unknown, v1alpha1.ReasonNotProven, "no handshake was made: there is nothing pushed, or no TLS address of a gateway is known (--apisix-tls-addr)"},
		{"served", use("a.example"), []pushed{at("g", proof(served)), at("h")}, yes, v1alpha1.ReasonServed, "handshakes for all hosts showed the certificate"},
		{"not served", use(), []pushed{at("g", proof(served)), at("h", proof(not))}, no, v1alpha1.ReasonNotServed, "gateway h: host a.example shows another"},
		{"a host too many", use("a.example", "b.example"), []pushed{at("g", proof(served))}, no, v1alpha1.ReasonHostNotCovered,
			"ApisixTls ns/t serves host b.example with Secret s, whose certificate does not name it: add b.example to spec.dnsNames of this ApisixCertificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fits(t)
			c.use(s)
			want := condition(v1alpha1.ConditionServed, c.status, c.reason, c.message)
			if diff := cmp.Diff(want, servedCondition(s.observed, outcome{decision: s.decide().decision, gateways: c.at})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadyCondition(t *testing.T) {
	c := func(status metav1.ConditionStatus, reason string) metav1.Condition {
		return condition("T", status, reason, "about "+reason)
	}
	const good = "the certificate is valid, pushed and not known to be served otherwise"
	for _, tt := range []struct {
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
		{"expired", []metav1.Condition{c(no, v1alpha1.ReasonExpired)}, no, v1alpha1.ReasonExpired, "the certificate has expired: about Expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := condition(v1alpha1.ConditionReady, tt.status, tt.reason, tt.message)
			if diff := cmp.Diff(want, readyCondition(tt.from)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestTarget(t *testing.T) {
	s := fits(t, func(s *scene) { s.cert.Spec.DNSNames = []string{"a.example", "*.b.example"} })
	s.hosts = []string{"a.example", "x.b.example", "new.example"} // one is not in the certificate yet
	got := s.target(s.decide().decision)
	if diff := cmp.Diff([]string{"a.example", "x.b.example"}, got.Hosts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.UID != "uid-c" || got.SecretName != "s" || len(got.Cert) == 0 || len(got.Key) == 0 || len(got.Fingerprint) != 64 || got.Serial == "" {
		t.Errorf("%q %q %q %q", got.UID, got.SecretName, got.Fingerprint, got.Serial)
	}
	if none := newScene(t).target(certs.Decision{}); len(none.Hosts) > 0 || none.Fingerprint != "" || len(none.Cert) > 0 {
		t.Errorf("a target without a certificate: %v", none.Hosts)
	}
}

func TestProvenFalse(t *testing.T) {
	s := fits(t)
	target := s.target(s.decide().decision)
	s.cert.Status.Conditions = []metav1.Condition{condition(v1alpha1.ConditionServed, no, v1alpha1.ReasonNotServed, "")}
	s.cert.Status.Issued.Fingerprint = target.Fingerprint
	if !s.provenFalse(target) {
		t.Error("the second write would follow at each run")
	}
	s.cert.Status.Issued.Fingerprint = "other"
	if s.provenFalse(target) {
		t.Error("a new certificate counts as written twice")
	}
}

func TestSecretOf(t *testing.T) {
	s := newScene(t, func(s *scene) {
		s.cert.Spec.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"}}
	})
	got := s.secretWith(material{cert: []byte("C"), key: []byte("K"), issuedAt: now, digest: "D"})
	want := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "s", UID: "uid-s",
			Labels: map[string]string{"a": "b", v1alpha1.LabelManaged: "true"},
			Annotations: map[string]string{"c": "d", v1alpha1.AnnotationCertificate: "ns/c", v1alpha1.AnnotationKeys: `{"data":["tls.crt","tls.key"],"labels":["a"],"annotations":["c"]}`, v1alpha1.AnnotationIssuedBy: "VaultIssuer/vault",
				v1alpha1.AnnotationIssuedAt: "2026-01-02T03:04:05Z", v1alpha1.AnnotationSpecDigest: "D"}},
		Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{"tls.crt": []byte("C"), "tls.key": []byte("K")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if with := s.secretWith(material{ca: []byte("A")}); string(with.Data["ca.crt"]) != "A" {
		t.Errorf("%q", with.Data["ca.crt"])
	}
}
