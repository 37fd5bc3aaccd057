// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// spent is a scene in which all that may be signed in a row was.
func spent(t *testing.T, reason certs.Reason) *scene {
	t.Helper()
	s := newScene(t, ofVault(t))
	s.decision.Reason = reason
	for range signatureBurst {
		if v := s.plan(t); v != (Verdict{}) {
			t.Fatalf("limited too soon: %+v", v)
		}
		s.issued(t)
		if err := s.issuers.Stored(t.Context(), s.order); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestFloor(t *testing.T) {
	s := spent(t, certs.SecretMissing)
	v := s.plan(t)
	if v.Blocked == nil || v.Blocked.Reason != v1alpha1.ReasonIssuanceLimited || !strings.Contains(v.Blocked.Message, "(last: the Secret does not exist)") {
		t.Fatalf("%+v", v)
	}
	if !v.Until.Equal(now.Add(signaturePause)) {
		t.Errorf("until %s", v.Until)
	}
	s.clock.SetTime(v.Until)
	if v := s.plan(t); v != (Verdict{}) {
		t.Errorf("a pause later: %+v", v)
	}
}

// What nobody can bring about is not limited, and does not count.
func TestFloorIsNotForRenewals(t *testing.T) {
	s := spent(t, certs.RenewalDue)
	s.decision.Reason = certs.SecretMissing
	if v := s.plan(t); v != (Verdict{}) {
		t.Errorf("renewals count: %+v", v)
	}
	s = spent(t, certs.SecretMissing)
	s.decision.Reason = certs.Expired
	if v := s.plan(t); v != (Verdict{}) {
		t.Errorf("renewals are limited: %+v", v)
	}
}

// Who wrote over the Secret is named, unless what is in it is what was issued.
func TestFloorNamesTheWriter(t *testing.T) {
	s := spent(t, certs.CertificateMissing)
	s.has(t, 0, "argocd-controller")
	s.order.Certificate.Status.Issued.Fingerprint = "another"
	if v := s.plan(t); v.Blocked == nil || v.Blocked.Reason != v1alpha1.ReasonSecretReverted || !strings.Contains(v.Blocked.Message, "Secret s was changed by argocd-controller each time") {
		t.Errorf("%+v", v)
	}
	s.order.Certificate.Status.Issued.Fingerprint = certs.Fingerprint(s.decision.Bundle.Leaf)
	if v := s.plan(t); v.Blocked == nil || v.Blocked.Reason != v1alpha1.ReasonIssuanceLimited {
		t.Errorf("%+v", v)
	}
	s.decision.Reason = certs.KeyMismatch // the certificate was left, and its key replaced
	if v := s.plan(t); v.Blocked == nil || v.Blocked.Reason != v1alpha1.ReasonSecretReverted {
		t.Errorf("%+v", v)
	}
}
