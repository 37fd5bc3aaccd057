// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

// checked is an issuer with a scripted Vault.
type checked struct {
	*testing.T
	vault    *vaulttest.Vault
	sessions *Sessions
	issuer   *v1alpha1.VaultIssuer
	r        *reconciler
	recorder *events.FakeRecorder
	changes  atomic.Int64
}

func newChecked(t *testing.T) *checked {
	c := &checked{T: t, vault: vaulttest.New(t, func() time.Time { return now }), recorder: events.NewFakeRecorder(100)}
	c.issuer = newIssuer(byAppRole, func(s *v1alpha1.VaultIssuerSpec) { s.Server = c.vault.URL })
	c.sessions = newSessions(t, c.issuer, newSecret("ns", "secretId", "S"))
	c.sessions.Changed = func(Key) { c.changes.Add(1) }
	c.r = &reconciler{c.sessions.Client, c.recorder, c.sessions, v1alpha1.KindVaultIssuer, func() object { return &v1alpha1.VaultIssuer{} }}
	return c
}

func (c *checked) step(d time.Duration) { c.sessions.Clock.(*clocktesting.FakeClock).Step(d) }

// reconcile gives the Ready condition after one run.
func (c *checked) reconcile() metav1.Condition {
	c.Helper()
	key := client.ObjectKeyFromObject(c.issuer)
	if _, err := c.r.Reconcile(c.Context(), ctrl.Request{NamespacedName: key}); err != nil {
		c.Fatal(err)
	}
	var issuer v1alpha1.VaultIssuer
	if err := c.sessions.Client.Get(c.Context(), key, &issuer); err != nil {
		c.Fatal(err)
	}
	return *meta.FindStatusCondition(issuer.Status.Conditions, v1alpha1.ConditionReady)
}

func (c *checked) issue(name string) error {
	c.Helper()
	session, err := c.sessions.Get(c.Context(), c.issuer)
	if err != nil {
		return err
	}
	spec := certs.Spec{DNSNames: []string{name}, Duration: time.Hour}
	key, err := certs.GenerateKey(spec.Key)
	if err != nil {
		return err
	}
	_, err = session.Issue(c.Context(), vault.Request{Spec: spec, CSR: func() ([]byte, error) { return certs.CreateRequest(spec, key) }})
	return err
}

// TestPolicyAddedToTheAuthRole is case 1: the issuer is Ready and certificates are issued two minutes after the policy was put
// on the auth role, without a touch, and certificates hear of it.
func TestPolicyAddedToTheAuthRole(t *testing.T) {
	c := newChecked(t)
	c.vault.AllowNewTokens(false)
	for range 10 {
		if ready := c.reconcile(); ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonVaultRefused {
			t.Fatalf("%+v", ready)
		}
		if err := c.issue("www.example.com"); err == nil {
			t.Fatal("issued without a policy")
		}
		c.step(time.Minute)
	}
	if n := c.vault.Tokens(); n > 11 {
		t.Errorf("%d logins in ten minutes", n)
	}
	c.vault.AllowNewTokens(true)
	changes := c.changes.Load()
	if ready := c.reconcile(); ready.Status != metav1.ConditionTrue {
		t.Errorf("%+v", ready)
	}
	if err := c.issue("www.example.com"); err != nil {
		t.Error(err)
	}
	observation := c.sessions.Observation(c.issuer)
	if !observation.Ready || !observation.ReadySince.Equal(now.Add(10*time.Minute)) || c.changes.Load() != changes+1 {
		t.Errorf("certificates do not hear of it: %+v, %d changes", observation, c.changes.Load()-changes)
	}
}

// TestReadyFollowsSignatures is case 1b: the policy goes while the issuer is Ready.
func TestReadyFollowsSignatures(t *testing.T) {
	c := newChecked(t)
	c.vault.Deny("sys/capabilities-self")
	if ready := c.reconcile(); ready.Status != metav1.ConditionTrue {
		t.Fatalf("%+v", ready)
	}
	c.vault.Deny("pki/sign/web")
	if err := c.issue("www.example.com"); err == nil {
		t.Fatal("issued without a policy")
	}
	if ready := c.reconcile(); ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "pki/sign/web") {
		t.Errorf("%+v", ready)
	}
}

// TestRoleGeneratesLeases is case 2: the issuer warns, and neither a touched Secret, nor another secret id, nor its end
// revokes what was issued.
func TestRoleGeneratesLeases(t *testing.T) {
	for _, readable := range []bool{true, false} {
		c := newChecked(t)
		c.vault.SetRole(map[string]any{"generate_lease": true})
		if !readable {
			c.vault.Deny("pki/roles/web")
		}
		for i := range 3 {
			if err := c.issue(fmt.Sprintf("w%d.example.com", i)); err != nil {
				t.Fatal(err)
			}
		}
		ready := c.reconcile()
		if ready.Status != metav1.ConditionTrue || ready.Reason != v1alpha1.ReasonRoleGeneratesLeases || !strings.Contains(ready.Message, "set generate_lease=false") {
			t.Errorf("%+v", ready)
		}
		if event := <-c.recorder.Events; !strings.HasPrefix(event, "Warning "+v1alpha1.ReasonRoleGeneratesLeases) {
			t.Error(event)
		}
		if !c.sessions.Observation(c.issuer).Status.GeneratesLeases {
			t.Error("certificates do not hear of it")
		}
		touched := newSecret("ns", "secretId", "S")
		touched.Labels = map[string]string{"x": "y"}
		for _, secret := range []client.Object{touched, newSecret("ns", "secretId", "another")} {
			if err := c.sessions.Client.Update(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			c.reconcile()
			if err := c.issue("w.example.com"); err != nil {
				t.Fatal(err)
			}
		}
		c.sessions.Forget(KeyOf(c.issuer))
		t.Logf("measure: generate_lease role_readable=%v revocations=%d tokens=%d", readable, c.vault.Revoked(), c.vault.Tokens())
		if n := c.vault.Revoked(); n != 0 {
			t.Errorf("%d certificates were revoked", n)
		}
		if n := c.vault.Tokens(); n != 2 {
			t.Errorf("%d logins: a label is no new secret id", n)
		}
	}
}

// TestChecksAreBounded: a Vault that never answers holds a worker for ten seconds at most, a quarter of them for one
// namespace, and no other issuer.
func TestChecksAreBounded(t *testing.T) {
	c := newChecked(t)
	for range workers / 4 { // of the same namespace, under way
		c.sessions.checks.take("ns")
	}
	began := time.Now()
	result, err := c.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(c.issuer)})
	if err != nil || result.RequeueAfter != crowded || time.Since(began) > time.Second {
		t.Errorf("%+v, %v after %s", result, err, time.Since(began))
	}
}

// TestSlowCloseHoldsNothing: a session that is replaced is closed by itself, for that talks to Vault.
func TestSlowCloseHoldsNothing(t *testing.T) {
	c := newChecked(t)
	if err := c.issue("www.example.com"); err != nil {
		t.Fatal(err)
	}
	c.vault.Hang(true)
	c.issuer.Generation++
	began := time.Now()
	if _, err := c.sessions.Get(t.Context(), c.issuer); err != nil || time.Since(began) > time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

// TestFailedCheckKeepsWhatIsKnown: while Vault is away certificates go by what it said before.
func TestFailedCheckKeepsWhatIsKnown(t *testing.T) {
	c := newChecked(t)
	c.reconcile()
	before := c.sessions.Observation(c.issuer)
	c.vault.Seal(true)
	if ready := c.reconcile(); ready.Reason != v1alpha1.ReasonVaultUnavailable {
		t.Errorf("%+v", ready)
	}
	after := c.sessions.Observation(c.issuer)
	if after.Ready || !after.ReadySince.IsZero() || after.CA() != before.CA() || after.CA() == "" || after.CRL == nil {
		t.Errorf("%+v", after)
	}
	if err := c.issue("www.example.com"); !errors.As(err, new(*vault.Error)) {
		t.Errorf("%v", err)
	}
}
