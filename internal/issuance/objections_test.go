// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// ofRole is what is known of an issuer's role, which allows a.example unless changed.
func ofRole(edits ...func(*vault.Role)) func(*scene) {
	role := &vault.Role{KeyType: "any", AllowedDomains: []string{"a.example"}, AllowBareDomains: true}
	for _, edit := range edits {
		edit(role)
	}
	return func(s *scene) { s.order.Observation.Status.Role = role }
}

func allowsNothing(r *vault.Role) { r.AllowBareDomains = false }

func TestObjection(t *testing.T) {
	s := newScene(t)
	s.order.Spec.Duration = 1000 * day
	if found, known := Objection(s.order); found != nil || known {
		t.Errorf("before the issuer was looked at: %v, %v", found, known)
	}
	ofRole(allowsNothing, grants(day))(s)
	found, known := Objection(s.order)
	if found == nil || !known || found.Reason != v1alpha1.ReasonRoleWouldReject || !strings.Contains(found.Message, `spec.dnsNames[0] "a.example" is not allowed`) || strings.Contains(found.Message, "duration") {
		t.Errorf("%v, %v", found, known)
	}
	ofRole()(s)
	if found, known := Objection(s.order); found != nil || !known {
		t.Errorf("of a role that allows it: %v, %v", found, known)
	}
	s = newScene(t, byCA)
	if found, known := Objection(s.order); found != nil || !known {
		t.Errorf("of an issuer without a role: %v, %v", found, known)
	}
}

func TestObjectionsForAdmins(t *testing.T) {
	s := newScene(t, ofRole(allowsNothing))
	if all := Objections(s.order.Certificate, s.order.Observation.Status); len(all) != 1 || all[0].Field != "dnsNames[0]" {
		t.Errorf("%v", all)
	}
}

// An adopted pair keeps its kind of key, unless the role is known to refuse it.
func TestKeyOfAnAdoptedPair(t *testing.T) {
	s := newScene(t)
	s.order.Spec.Key = certs.KeySpec{Algorithm: certs.RSA, Size: 2048}
	s.has(t, 0, "")
	s.order.Spec.Key = certs.KeySpec{}
	for role, want := range map[string]certs.Algorithm{"": certs.RSA, "any": certs.RSA, "rsa": certs.RSA, "ec": certs.ECDSA} {
		if role != "" {
			ofRole(func(r *vault.Role) { r.KeyType = role })(s)
		}
		if is := s.order.nextKeySpec(s.decision.Bundle).WithDefaults().Algorithm; is != want {
			t.Errorf("role %q: %v", role, is)
		}
		if found, _ := Objection(s.order); found != nil {
			t.Errorf("role %q: %v", role, found)
		}
		s.order.Observation = issuer.Observation{}
	}
	ofRole(func(r *vault.Role) { r.KeyType = "rsa" })(s)
	s.order.Secret = nil
	if found, _ := Objection(s.order); found == nil || !strings.Contains(found.Message, "privateKey.algorithm") {
		t.Errorf("without a pair: %v", found)
	}
}

// A key is kept where the spec says so and it fits.
func TestKeptKey(t *testing.T) {
	s := newScene(t, func(s *scene) {
		s.order.Certificate.Spec.PrivateKey = &v1alpha1.PrivateKey{RotationPolicy: v1alpha1.RotationNever}
	})
	s.has(t, 0, "")
	kept := func() bool {
		key, err := nextKey(s.order, s.decision.Bundle)
		if err != nil {
			t.Fatal(err)
		}
		return string(key.PEM("")) == string(s.order.Secret.Data[corev1.TLSPrivateKeyKey])
	}
	if !kept() {
		t.Error("not kept")
	}
	s.order.Spec.Key = certs.KeySpec{Algorithm: certs.ECDSA, Size: 384}
	if kept() {
		t.Error("kept though it does not fit")
	}
	s.order.Spec.Key, s.order.Certificate.Spec.PrivateKey = certs.KeySpec{}, nil
	if kept() {
		t.Error("kept though nobody wants that")
	}
}
