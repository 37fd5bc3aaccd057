// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan/plantest"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

type scene = plantest.Scene

const (
	day = plantest.Day

	yes     = metav1.ConditionTrue
	no      = metav1.ConditionFalse
	unknown = metav1.ConditionUnknown
)

var (
	now = plantest.Now

	errSealed  = &vault.Error{Op: "sign", Kind: vault.Transient, Message: "Vault is sealed: unseal it"}
	errRefused = &vault.Error{Op: "sign", Kind: vault.User, Message: "the role does not allow it"}
)

// at is what came of a gateway of that name.
func at(name string, edits ...func(*gateway.Result)) gateway.Result {
	g := gateway.Result{Name: name, State: gateway.State{Mode: gateway.ModeOwn}, Verb: gateway.ActionKeep}
	for _, edit := range edits {
		edit(&g)
	}
	return g
}

// conditionAfter is a condition of the status after a run with these results.
func conditionAfter(t testing.TB, s *scene, kind string, done plan.Results) metav1.Condition {
	t.Helper()
	p := s.Plan()
	after := Of(&s.Cert.Status, &s.Snapshot, &p, &done, s.Now)
	c := meta.FindStatusCondition(after.Conditions, kind)
	if c == nil {
		t.Fatalf("there is no condition %s", kind)
	}
	return *c
}
