// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// TestByRequest goes the whole way.
func TestByRequest(t *testing.T) {
	s := newScene(t, byCA)
	s.ask(t, "Approved=True/x")
	began := StartedAt(s.observe(t), now.Add(time.Hour))
	if !began.Equal(now) {
		t.Errorf("began at %s", began)
	}
	if len(s.tried) != 1 || s.tried[0] != string(csrOf(t, s.request(t))) {
		t.Errorf("tried %q", s.tried)
	}
	if _, pending, err := s.issue(t); err != nil || pending == nil || len(s.tried) != 1 {
		t.Fatalf("pending %v, error %v, tried %d times", pending, err, len(s.tried))
	}
	s.sign(t, 90*day)
	s.setStatus(t, s.request(t), "conditions", []any{
		map[string]any{"type": "Approved", "status": "True"}, map[string]any{"type": "Ready", "status": "True"},
	})
	response := s.issued(t)
	if key := s.keySecrets(t)[0].Data[corev1.TLSPrivateKeyKey]; string(response.Key.PEM("")) != string(key) {
		t.Error("not the key that was asked with")
	}
	if len(response.CertPEM) == 0 || len(response.CAPEM) == 0 {
		t.Errorf("%s %s", response.CertPEM, response.CAPEM)
	}
	// After a restart it is there still.
	s.issuers = &Issuers{Client: s.issuers.Client, Live: s.issuers.Live, Clock: s.clock, Signers: s.issuers.Signers}
	if again := s.issued(t); !again.Bundle.Leaf.Equal(response.Bundle.Leaf) {
		t.Error("another answer after a restart")
	}
	if err := s.issuers.Stored(t.Context(), s.order); err != nil {
		t.Fatal(err)
	}
	if s.request(t) != nil || len(s.keySecrets(t)) != 0 {
		t.Error("something is left")
	}
}

func TestRequestFails(t *testing.T) {
	s := newScene(t, byCA)
	s.ask(t, "Approved=True/x", "Ready=False/Failed")
	_, _, err := s.issue(t)
	if f := (*finding.Finding)(nil); !errors.As(err, &f) || f.Reason != v1alpha1.ReasonIssueFailed || f.Message != "the CertificateRequest failed: because" {
		t.Errorf("%v", err)
	}
	if s.request(t) != nil || len(s.keySecrets(t)) != 0 {
		t.Error("the failed request or its key is left")
	}
}

// An answer that is not taken goes with its request, so that another one is asked for.
func TestRequestIsAnsweredBadly(t *testing.T) {
	for name, response := range map[string]func(*scene){
		"nothing": func(*scene) {},
		"expired": func(s *scene) { s.sign(t, -time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, byCA)
			s.ask(t, "Approved=True/x", "Ready=True/Issued")
			response(s)
			_, _, err := s.issue(t)
			if rejected := (*certs.ResponseError)(nil); !errors.As(err, &rejected) {
				t.Errorf("%v", err)
			}
			if s.request(t) != nil || s.plan(t) != (Verdict{}) {
				t.Errorf("%+v", s.plan(t))
			}
		})
	}
}

// A request whose key was damaged is made again, whatever it was answered.
func TestKeyOfARequestIsDamaged(t *testing.T) {
	s := newScene(t, byCA)
	s.ask(t, "Approved=True/x", "Ready=True/Issued")
	s.sign(t, 90*day)
	secret := s.keySecrets(t)[0]
	secret.Data = nil
	if err := s.issuers.Client.Update(t.Context(), &secret); err != nil {
		t.Fatal(err)
	}
	before := s.request(t).GetUID()
	if v := s.plan(t); v != (Verdict{}) {
		t.Errorf("%+v", v)
	}
	if s.ask(t); s.request(t).GetUID() == before {
		t.Error("it is the same")
	}
}

// Nothing is made of what could not be stored.
func TestRequestCouldNotBeStored(t *testing.T) {
	s := newScene(t, byCA)
	s.full = errors.New("quota")
	if _, _, err := s.issue(t); !errors.Is(err, s.full) || s.request(t) != nil || len(s.keySecrets(t)) != 0 {
		t.Errorf("%v", err)
	}
}

// A crash between key and request costs no key, and a damaged or obsolete one is made again.
func TestKeyWithoutRequest(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*corev1.Secret)
		kept bool
	}{
		"whole":    {func(*corev1.Secret) {}, true},
		"damaged":  {func(s *corev1.Secret) { s.Data = nil }, false},
		"obsolete": {func(s *corev1.Secret) { s.Annotations[v1alpha1.AnnotationSpecDigest] = "other" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, byCA)
			key, _ := certs.GenerateKey(certs.KeySpec{})
			secret := keySecret(s.order, key)
			c.edit(secret)
			if err := s.issuers.Client.Create(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			s.ask(t)
			if kept := s.keySecrets(t)[0].UID == secret.UID; kept != c.kept {
				t.Errorf("kept %v", kept)
			}
		})
	}
}

func TestKeySecretOfSomebodyElse(t *testing.T) {
	s := newScene(t, byCA)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: keyName(s.order.Certificate)}}
	if err := s.issuers.Client.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if v := s.plan(t); v.Blocked == nil || v.Blocked.Reason != v1alpha1.ReasonSecretNotManaged {
		t.Errorf("%+v", v)
	}
	if s.observe(t).Drop(s.order, false) {
		t.Error("it would be dropped")
	}
}

func TestWithoutCertManager(t *testing.T) {
	s := newScene(t, byCA)
	s.absent = true
	_, _, err := s.issue(t)
	if f := (*finding.Finding)(nil); !errors.As(err, &f) || f.Reason != v1alpha1.ReasonIssueFailed || !strings.Contains(f.Message, "install cert-manager") {
		t.Errorf("%v", err)
	}
	if err := s.issuers.Drop(t.Context(), s.order); err != nil || len(s.keySecrets(t)) != 0 {
		t.Errorf("%v", err)
	}
}

// TestRequestSaysTheSpec and no more: as cert-manager itself asks.
func TestRequestSaysTheSpec(t *testing.T) {
	parsed := func(s *scene) *x509.CertificateRequest {
		block, _ := pem.Decode(csrOf(t, s.request(t)))
		csr, err := x509.ParseCertificateRequest(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return csr
	}
	s := newScene(t, byCA)
	s.ask(t)
	if csr := parsed(s); csr.Subject.String() != "" || !cmp.Equal(csr.DNSNames, []string{"a.example"}) {
		t.Errorf("subject %q, names %q", csr.Subject, csr.DNSNames)
	}
	s = newScene(t, byCA, func(s *scene) { s.order.Certificate.Spec.CommonName = "c.example" })
	s.ask(t)
	if csr := parsed(s); csr.Subject.String() != "CN=c.example" {
		t.Errorf("subject %q", csr.Subject)
	}
}

// TestRequestAnnotations are those that issuers read, but for the one that is ours to set.
func TestRequestAnnotations(t *testing.T) {
	s := newScene(t, byCA)
	for _, name := range []string{"venafi.cert-manager.io/custom-fields", annotationPrivateKey, v1alpha1.AnnotationRenewAt} {
		s.annotate(name, "theirs")
	}
	s.ask(t)
	want := map[string]string{"venafi.cert-manager.io/custom-fields": "theirs", annotationPrivateKey: keyName(s.order.Certificate)}
	if diff := cmp.Diff(want, s.request(t).GetAnnotations()); diff != "" {
		t.Error(diff)
	}
}

// What is sent to cert-manager names the key's Secret and holds no key.
func TestRequestHoldsNoKey(t *testing.T) {
	s := newScene(t, byCA)
	s.ask(t)
	text, err := s.request(t).MarshalJSON()
	if err != nil || strings.Contains(string(text), "PRIVATE") || !strings.Contains(string(text), keyName(s.order.Certificate)) {
		t.Errorf("%v: %s", err, text)
	}
	if secret := s.keySecrets(t)[0]; secret.Type != corev1.SecretTypeOpaque || len(secret.OwnerReferences) != 1 {
		t.Errorf("%+v", secret.ObjectMeta)
	}
}

// A spec that changes all the time is limited here too.
func TestRequestsAreLimited(t *testing.T) {
	s := newScene(t, byCA)
	for range signatureBurst {
		if v := s.plan(t); v != (Verdict{}) {
			t.Fatalf("%+v", v)
		}
		s.order.Spec.DNSNames = []string{s.order.Spec.DNSNames[0] + "x"}
		s.ask(t)
		s.order.Spec.DNSNames = []string{s.order.Spec.DNSNames[0] + "y"}
	}
	if v := s.plan(t); v.Blocked == nil || v.Blocked.Reason != v1alpha1.ReasonIssuanceLimited || !v.Until.Equal(now.Add(signaturePause)) {
		t.Errorf("%+v", v)
	}
}
