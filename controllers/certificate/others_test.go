// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/certificate/controllertest"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

func hosts(names ...string) func(*cert) { return func(c *cert) { c.Spec.DNSNames = names } }

// TestConflict: a name is its first owner's, then goes to whoever waits for it in the namespace, and to others ten minutes later.
// In its namespace another certificate may have it, and is not pushed.
func TestConflict(t *testing.T) {
	for _, row := range []struct {
		name, ready string
		signed      int
		wait        time.Duration // until it has the name that was given up
	}{{"second", "False NotApplicable", 2, 0}, {"other/second", "False Conflict", 1, 10 * time.Minute}} {
		t.Run(row.name, func(t *testing.T) {
			s := issued(t)
			s.Advance(time.Minute)
			s.Create(row.name, hosts("web.example"))
			s.Run()
			if got := s.Ready(row.name); got != row.ready || s.Signed() != row.signed {
				t.Fatalf("Ready %s, %d signatures", got, s.Signed())
			}
			if plan := s.Plan(row.name); plan != "" {
				t.Errorf("planned %q", plan)
			}
			s.Delete("web")
			s.Run()
			if row.wait > 0 {
				s.Pass(row.wait - time.Minute)
				if got := s.Ready(row.name); got != "False Conflict" {
					t.Errorf("before its time Ready is %s", got)
				}
				s.Pass(2 * time.Minute)
			}
			inOrder(t, s, row.name)
		})
	}
}

// TestRoleObjects: what the issuer's role would refuse is told while the certificate is good, and stays told over a restart.
func TestRoleObjects(t *testing.T) {
	role := func(r vault.Role) *issuer.Observation {
		return &issuer.Observation{Ready: true, Status: vault.Status{Role: &r}}
	}
	s := issued(t)
	look := func(observed *issuer.Observation) {
		s.Observation = observed
		s.Annotate("web", "look", time.Now().String())
		s.Run()
	}
	look(role(vault.Role{KeyType: "any", AllowedDomains: []string{"other.example"}, AllowBareDomains: true}))
	if got := s.Ready("web"); got != "True RoleWouldReject" || !strings.Contains(s.Message("web", v1alpha1.ConditionReady), `"web.example" is not allowed`) {
		t.Errorf("Ready %s: %s", got, s.Message("web", v1alpha1.ConditionReady))
	}
	s.Restart()
	look(nil)
	if got := s.Ready("web"); got != "True RoleWouldReject" {
		t.Errorf("after a restart Ready is %s", got)
	}
	look(role(vault.Role{KeyType: "any", AllowAnyName: true}))
	inOrder(t, s, "web")
	if s.Signed() != 1 {
		t.Errorf("%d signatures", s.Signed())
	}
}

// TestKeyLostAtGateway: a gateway that has lost the key that it alone had gets a new certificate.
func TestKeyLostAtGateway(t *testing.T) {
	s := issued(t, func(c *cert) { c.Spec.KeyStorage = v1alpha1.KeyAtGateway })
	if secret := s.Secret("web-tls"); secret.Type != corev1.SecretTypeOpaque || len(secret.Data[corev1.TLSPrivateKeyKey]) > 0 {
		t.Errorf("type %s", secret.Type)
	}
	before := s.Leaf("web-tls")
	s.WipeGateway()
	s.Steps()
	s.Advance(2 * time.Hour)
	steps(t, s, renewal)
	inOrder(t, s, "web")
	if s.Leaf("web-tls").Equal(before) {
		t.Error("the certificate is the one whose key is lost")
	}
}

// provided is a certificate that somebody else keeps, in Secret web-tls.
func provided(c *cert) {
	c.Spec.Provided, c.Spec.IssuerRef, c.Spec.Duration = true, v1alpha1.IssuerReference{}, nil
}

// TestProvided: a Secret of somebody else is pushed and never written. What has become worse is not pushed.
func TestProvided(t *testing.T) {
	s := controllertest.New(t)
	put := func(edit func(*corev1.Secret)) {
		s.WriteSecret("web-tls", "somebody", edit)
		s.Run()
	}
	pair := func(life time.Duration) func(*corev1.Secret) {
		crt, key := s.Pair(life, "web.example")
		return func(secret *corev1.Secret) { secret.Data = map[string][]byte{"tls.crt": crt, "tls.key": key} }
	}
	s.Create("web", provided)
	s.Run()
	if got := s.Ready("web"); got != "False SecretMissing" {
		t.Errorf("without a Secret Ready is %s", got)
	}
	put(pair(90 * day))
	inOrder(t, s, "web")
	good := s.Served("web.example")
	put(func(secret *corev1.Secret) { secret.Data["tls.key"] = []byte("x") })
	if got := s.Ready("web"); got != "True UpdateRefused" || !s.Served("web.example").Equal(good) || s.Plan("web") != "" {
		t.Errorf("with a broken key Ready is %s, planned %q", got, s.Plan("web"))
	}
	put(pair(90 * day))
	inOrder(t, s, "web")
	if s.Served("web.example").Equal(good) {
		t.Error("the new pair is not served")
	}
	for _, passed := range []time.Duration{59 * day, 2 * day, 22 * day, 5*day + 12*time.Hour} {
		s.Advance(passed)
	}
	var marks []string
	for _, event := range s.Events() {
		if reason := strings.Fields(event)[1]; strings.HasPrefix(reason, "Expires") {
			marks = append(marks, reason)
		}
	}
	if want := []string{"ExpiresWithin30Days:", "ExpiresWithin7Days:"}; !slices.Equal(marks, want) {
		t.Errorf("warned of %v", marks)
	}
	s.Advance(2 * day)
	if got := s.Ready("web"); got != "False Expired" {
		t.Errorf("after the end Ready is %s", got)
	}
	if s.Signed() > 0 || s.Count("create Secret")+s.Count("update Secret")+s.Count("try Secret") > 0 {
		t.Error("something was signed or written")
	}
	s.Delete("web")
	s.Run()
	if s.Secret("web-tls") == nil || s.Served("web.example") != nil {
		t.Error("the Secret is gone, or still served")
	}
}

// TestUnknownIssuer: the condition names the field and the fix, nothing is signed, and once the issuer is there nobody has to help.
func TestUnknownIssuer(t *testing.T) {
	s := controllertest.New(t)
	s.Create("web", func(c *cert) { c.Spec.IssuerRef.Name = "later" })
	s.Run()
	says := s.Message("web", v1alpha1.ConditionReady)
	if s.Ready("web") != "False IssuerNotFound" || !strings.Contains(says, "spec.issuerRef") || !strings.Contains(says, "VaultIssuer/later") || !strings.Contains(says, "create it") {
		t.Errorf("Ready %s: %s", s.Ready("web"), says)
	}
	s.Edit("web", func(c *cert) { c.Spec.IssuerRef.Name = "vault" })
	s.Run()
	inOrder(t, s, "web")
	if s.Signed() != 1 {
		t.Errorf("%d signatures", s.Signed())
	}
}

// TestChangedWhileItWaits: a certificate that waits for its turn is not observed again for a moment, but where it changes it is at
// once, and it is signed once, as it is by then.
func TestChangedWhileItWaits(t *testing.T) {
	s := controllertest.New(t, func(s *controllertest.Scene) { s.Limits = &v1alpha1.VaultLimits{PerSecond: 1} })
	s.Create("first")
	s.Run()
	s.Create("web")
	s.Create("other")
	s.Pass(100 * time.Millisecond)
	if s.Signed() != 1 || s.Ready("other") != "" {
		t.Fatalf("%d signatures, Ready %q", s.Signed(), s.Ready("other"))
	}
	s.Edit("other", func(c *cert) { c.Spec.IssuerRef.Name = "later" })
	s.Pass(100 * time.Millisecond)
	if s.Ready("other") != "False IssuerNotFound" {
		t.Errorf("Ready %q", s.Ready("other"))
	}
	s.Edit("web", func(c *cert) { c.Spec.DNSNames = append(c.Spec.DNSNames, "www.example") })
	s.Pass(5 * time.Second)
	inOrder(t, s, "web")
	if leaf := s.Leaf("web-tls"); s.Signed() != 2 || len(leaf.DNSNames) != 2 {
		t.Errorf("%d signatures, names %v", s.Signed(), leaf.DNSNames)
	}
}

// TestPreviewKeepsForcedVerification: a comparison between a forced verification and its run must not cancel it.
func TestPreviewKeepsForcedVerification(t *testing.T) {
	s := issued(t)
	s.WipeGateway()
	s.ForceVerify("web")
	s.Plan("web")
	s.Enqueue(client.ObjectKeyFromObject(s.Cert("web")))
	s.Run()
	inOrder(t, s, "web")
}
