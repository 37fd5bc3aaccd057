// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// byCA lets the certificate come from an issuer that only cert-manager can ask.
func byCA(s *scene) {
	s.cert.Spec.IssuerRef = v1alpha1.IssuerReference{Group: v1alpha1.GroupCertManager, Name: "ca"}
	s.issuer = &issuer.Foreign{Kind: v1alpha1.KindIssuer, Type: "ca"}
}

// requested puts a request of a minute ago on its way, with conditions TYPE=STATUS/REASON.
func (s *scene) ask(t testing.TB, conditions ...string) {
	t.Helper()
	key, err := certs.GenerateKey(s.spec.Key)
	if err != nil {
		t.Fatal(err)
	}
	s.requested.key = s.keySecret(key)
	s.requested.request = s.certificateRequest([]byte("csr"))
	s.requested.request.SetCreationTimestamp(metav1.NewTime(s.now.Add(-time.Minute)))
	var list []any
	for _, c := range conditions {
		kind, rest, _ := strings.Cut(c, "=")
		status, reason, _ := strings.Cut(rest, "/")
		list = append(list, map[string]any{"type": kind, "status": status, "reason": reason, "message": "because"})
	}
	s.requested.request.Object["status"] = map[string]any{"conditions": list}
}

func TestPlanRequest(t *testing.T) {
	const approved = "Approved=True/x"
	for _, c := range []struct {
		name       string
		conditions []string // nil: nothing is on its way
		edit       func(*scene)
		state      requestState // of a plan to issue
		held       string       // its reason
		pending    string       // part of its message
	}{
		{"nothing yet", nil, nil, requestNone, "", ""},
		{"new", []string{"-=-"}, nil, "", "", "waits to be approved"},
		{"approved", []string{approved}, nil, "", "", "waits for its issuer"},
		{"pending", []string{approved, "Ready=False/Pending"}, nil, "", "", "waits for its issuer"},
		{"answered", []string{approved, "Ready=True/Issued"}, nil, requestReady, "", ""},
		{"answered, not approved", []string{"Ready=True/Issued"}, nil, "", "", "waits to be approved"},
		{"answered, denied", []string{approved, "Denied=True/x", "Ready=True/Issued"}, nil, "", v1alpha1.ReasonDenied, ""},
		{"denied", []string{"Denied=True/x", "Ready=False/Denied"}, nil, "", v1alpha1.ReasonDenied, ""},
		{"invalid", []string{"InvalidRequest=True/x"}, nil, "", v1alpha1.ReasonRefused, ""},
		{"failed", []string{approved, "Ready=False/Failed"}, nil, requestFailed, "", ""},
		{"denied, asked anew", []string{"Denied=True/x"}, func(s *scene) { s.annotate(v1alpha1.AnnotationRenewAt, now.Format(time.RFC3339)) }, requestNone, "", ""},
		{"denied, asked before", []string{"Denied=True/x"}, func(s *scene) {
			s.annotate(v1alpha1.AnnotationRenewAt, now.Format(time.RFC3339))
			s.requested.key.Annotations[v1alpha1.AnnotationRenewAt] = now.Format(time.RFC3339)
		}, "", v1alpha1.ReasonDenied, ""},
		{"denied, other spec", []string{"Denied=True/x"}, func(s *scene) { s.spec.DNSNames = []string{"b.example"} }, requestNone, "", ""},
		{"key without request", []string{"-=-"}, func(s *scene) { s.requested.request = nil }, requestNone, "", ""},
		{"request on its way after a failure", []string{approved}, func(s *scene) { s.failed(time.Second, 1) }, "", "", "waits for its issuer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, byCA)
			if c.conditions != nil {
				s.ask(t, c.conditions...)
			}
			if c.edit != nil {
				c.edit(s)
			}
			p := s.decide()
			if p.issue != (c.state != "") || p.request != c.state || p.drop {
				t.Errorf("issue %v, %q, drop %v", p.issue, p.request, p.drop)
			}
			if (p.held != nil) != (c.held != "") || p.held != nil && p.held.reason != c.held {
				t.Errorf("held %+v", p.held)
			}
			if (p.pending != nil) != (c.pending != "") || p.pending != nil && !strings.Contains(p.pending.message, c.pending) {
				t.Errorf("pending %+v", p.pending)
			}
		})
	}
}

// TestPlanRequestAhead wakes when a new certificate was asked for at a time ahead.
func TestPlanRequestAhead(t *testing.T) {
	s := newScene(t, byCA)
	s.ask(t, "Denied=True/x")
	at := now.Add(time.Second)
	s.annotate(v1alpha1.AnnotationRenewAt, at.Format(time.RFC3339))
	if p := s.decide(); p.held == nil || !p.next.Equal(at) {
		t.Errorf("held %v, next %s", p.held, p.next)
	}
	if d := wake(s.observed, s.decide(), outcome{}, now); d != time.Second {
		t.Errorf("wakes after %s", d)
	}
}

// TestRequestIsDropped once its certificate is in the Secret, or another issuer is asked.
func TestRequestIsDropped(t *testing.T) {
	s := fits(t, byCA)
	s.ask(t, "Approved=True/x")
	if p := s.decide(); !p.drop || p.issue {
		t.Errorf("drop %v, issue %v", p.drop, p.issue)
	}
	s = newScene(t)
	s.ask(t, "Approved=True/x")
	if p := s.decide(); !p.drop || !p.issue {
		t.Errorf("drop %v, issue %v", p.drop, p.issue)
	}
}

// TestRenewalByRequest keeps the certificate good while its successor is on its way.
func TestRenewalByRequest(t *testing.T) {
	s := fits(t, byCA)
	s.now = now.Add(70 * day)
	s.ask(t, "Approved=True/x")
	p := s.decide()
	c := issuedCondition(s.observed, p, outcome{decision: p.decision, pending: p.pending})
	if c.Status != yes || c.Reason != v1alpha1.ReasonIssued || !strings.Contains(c.Message, "waits for its issuer") {
		t.Errorf("%+v", c)
	}
	s.ask(t, "Denied=True/x")
	p = s.decide()
	if c := issuedCondition(s.observed, p, outcome{decision: p.decision}); c.Status != yes || c.Reason != v1alpha1.ReasonRenewalFailing {
		t.Errorf("denied: %+v", c)
	}
}

// TestRequestHoldsNoKey: what is sent to cert-manager names the key's Secret and holds no key.
func TestRequestHoldsNoKey(t *testing.T) {
	s := newScene(t, byCA)
	s.ask(t)
	text, err := s.requested.request.MarshalJSON()
	if err != nil || strings.Contains(string(text), "PRIVATE") || !strings.Contains(string(text), nextName(s.cert)) {
		t.Errorf("%v: %s", err, text)
	}
	if s.requested.key.Type != corev1.SecretTypeOpaque || len(s.requested.key.OwnerReferences) != 1 {
		t.Errorf("%+v", s.requested.key.ObjectMeta)
	}
}
