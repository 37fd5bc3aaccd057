// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
)

func TestReadiness(t *testing.T) {
	is := func(kind vault.Kind) error { return &vault.Error{Op: "health", Kind: kind, Message: "m"} }
	for _, c := range []struct {
		name    string
		err     error
		status  metav1.ConditionStatus
		reason  string
		message string
	}{
		{"good", nil, metav1.ConditionTrue, v1alpha1.ReasonVaultReady, "Vault responds, the login works and the role exists"},
		{"transient", is(vault.Transient), metav1.ConditionFalse, v1alpha1.ReasonVaultUnavailable, "vault health: m"},
		{"setup", is(vault.Setup), metav1.ConditionFalse, v1alpha1.ReasonVaultRefused, "vault health: m"},
		{"user", is(vault.User), metav1.ConditionFalse, v1alpha1.ReasonVaultRefused, "vault health: m"},
		{"credentials", &CredentialsError{"spec.auth", "p", "m"}, metav1.ConditionFalse, v1alpha1.ReasonInvalidCredentials, "spec.auth: p: m"},
		{"spec", certs.FieldError{Field: "server", Problem: "p", Fix: "m"}, metav1.ConditionFalse, v1alpha1.ReasonInvalidSpec, "spec.server p: m"},
		{"unknown", errors.New(hidden), metav1.ConditionFalse, v1alpha1.ReasonInvalidCredentials, "the credentials could not be read: see the controller's log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := metav1.Condition{Type: v1alpha1.ConditionReady, Status: c.status, Reason: c.reason, Message: c.message}
			err := c.err
			if err != nil {
				err = fmt.Errorf("check %s: %w", hidden, err)
			}
			if diff := cmp.Diff(want, readiness(err)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnding(t *testing.T) {
	for _, c := range []struct {
		name    string
		left    time.Duration
		warning time.Duration
		status  metav1.ConditionStatus
	}{
		{"lasts", 31 * 24 * time.Hour, 30 * 24 * time.Hour, metav1.ConditionFalse},
		{"ends soon", 29 * 24 * time.Hour, 30 * 24 * time.Hour, metav1.ConditionTrue},
		{"ends soon, no warning wanted", time.Hour, 0, metav1.ConditionFalse},
		{"has ended", 0, 0, metav1.ConditionTrue},
	} {
		ca := &v1alpha1.IssuerCA{NotAfter: metav1.NewTime(now.Add(c.left))}
		got := expiringCondition(ca, c.warning, now)
		if got.Status != c.status {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
