// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// obstacles, in the order in which they are told.
var obstacles = []struct {
	name   string
	put    func(*scene)
	reason string
	says   string
}{
	{"bad spec", func(s *scene) { s.cert.Spec.DNSNames = []string{"a..example"} }, v1alpha1.ReasonInvalidSpec, `spec.dnsNames[0] "a..example"`},
	{"bad Secret name", func(s *scene) { s.cert.Spec.SecretName = "Not_One" }, v1alpha1.ReasonInvalidSpec, `spec.secretName "Not_One" cannot be the name of a Secret: use`},
	{"bad template", func(s *scene) {
		s.cert.Spec.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]string{"a b": "c"}}
	}, v1alpha1.ReasonInvalidSpec, `spec.secretTemplate.labels "a b"`},
	{"problem of the source", func(s *scene) { s.annotate(v1alpha1.AnnotationSourceProblem, "the problem") }, v1alpha1.ReasonInvalidSource, "the problem"},
	{"bad time of renewal", func(s *scene) { s.annotate(v1alpha1.AnnotationRenewAt, "soon") }, v1alpha1.ReasonInvalidSpec, "write one such as 2030-01-31T12:00:00Z"},
	{"not allowed", func(s *scene) { s.refused = &finding{v1alpha1.ReasonDenied, "no policy allows it"} }, v1alpha1.ReasonDenied, "no policy allows it"},
	{"conflict", func(s *scene) { s.names.Conflict = "host of another" }, v1alpha1.ReasonConflict, "host of another"},
	{"Secret of somebody else", (*scene).foreignSecret, v1alpha1.ReasonSecretNotOurs, `apisix-certs.io/adopt-secret: "true"`},
	{"Secret of another type", func(s *scene) {
		s.foreignSecret()
		s.secret.Type = corev1.SecretTypeOpaque
		s.annotate(v1alpha1.AnnotationAdoptSecret, "true")
	}, v1alpha1.ReasonSecretNotOurs, "is of type Opaque, which cannot be changed without deleting it and what else it holds"},
	{"full Secret", func(s *scene) {
		s.foreignSecret()
		s.secret.Data = map[string][]byte{"other": make([]byte, 1<<20)}
		s.annotate(v1alpha1.AnnotationAdoptSecret, "true")
	}, v1alpha1.ReasonSecretNotOurs, "so much other data that a certificate has no room in it: remove keys"},
	{"no issuer", func(s *scene) { s.issuer = nil }, v1alpha1.ReasonIssuerNotFound, "spec.issuerRef: VaultIssuer/vault does not exist: create it"},
}

func TestObstacles(t *testing.T) {
	for _, o := range obstacles {
		t.Run(o.name, func(t *testing.T) {
			p := newScene(t, o.put).decide()
			if p.issue || p.held == nil || p.held.reason != o.reason || !strings.Contains(p.held.message, o.says) {
				t.Errorf("issue %v, held %+v", p.issue, p.held)
			}
		})
	}
}

// Of two obstacles the earlier one is told: what the user wrote before what there is.
func TestObstaclesOrder(t *testing.T) {
	for i, first := range obstacles {
		for _, second := range obstacles[i+1:] {
			if first.reason == v1alpha1.ReasonSecretNotOurs && second.reason == first.reason {
				continue // they exclude each other
			}
			if p := newScene(t, second.put, first.put).decide(); p.held == nil || !strings.Contains(p.held.message, first.says) {
				t.Errorf("%s and %s: %+v", first.name, second.name, p.held)
			}
		}
	}
}

func TestSourceProblemLeavesWhatWasIssued(t *testing.T) {
	s := fits(t, func(s *scene) { s.annotate(v1alpha1.AnnotationSourceProblem, "the problem") })
	s.cert.Status.Issued.SerialNumber = "01"
	s.now = now.Add(70 * day)
	if p := s.decide(); !p.issue || p.decision.Reason != certs.RenewalDue {
		t.Errorf("%+v", p)
	}
}

// A missing issuer matters when there is something to issue.
func TestMissingIssuerOfAGoodCertificate(t *testing.T) {
	s := fits(t)
	s.issuer = nil
	if p := s.decide(); p.held != nil {
		t.Errorf("%+v", p.held)
	}
}

// withoutMarks leaves a Secret of ours as it is but for its labels and annotations.
func withoutMarks(t testing.TB) func(*scene) {
	return func(s *scene) {
		s.issue(t, now.Add(-day))
		s.cert.Status.Issued.Fingerprint = certs.Fingerprint(s.decide().decision.Bundle.Leaf)
		s.secret.Labels, s.secret.Annotations = nil, nil
	}
}

// What somebody took the marks off gets them back, and a renewal that was asked for before is not made again.
func TestMarksComeBack(t *testing.T) {
	for name, asked := range map[string]time.Duration{"never": 0, "before": -time.Hour, "for later": time.Hour} {
		s := newScene(t)
		withoutMarks(t)(s)
		if asked != 0 {
			s.annotate(v1alpha1.AnnotationRenewAt, now.Add(asked).Format(time.RFC3339))
		}
		if p := s.decide(); !p.relabel || p.issue || p.held != nil {
			t.Errorf("asked %s: relabel %v, issue %v, held %+v", name, p.relabel, p.issue, p.held)
		}
	}
}

func TestWaitingAfterFailures(t *testing.T) {
	for _, c := range []struct {
		name  string
		edit  func(*scene)
		retry time.Duration // from now; 0: at once
	}{
		{"no failure", func(*scene) {}, 0},
		{"fresh", func(s *scene) { s.failed(time.Second, 1) }, 4 * time.Second},
		{"old enough", func(s *scene) { s.failed(5*time.Second, 1) }, 0},
		{"third in a row", func(s *scene) { s.failed(time.Second, 3) }, 19 * time.Second},
		{"many, and nothing there", func(s *scene) { s.failed(time.Second, 30) }, 29 * time.Second},
		{"failed at a time to come", func(s *scene) { s.failed(-time.Hour, 9) }, 0},
		{"changed spec", func(s *scene) { s.failed(time.Second, 9); s.cert.Generation++ }, 0},
		{"issuer recovered", func(s *scene) { s.failed(2*time.Second, 9); s.issuerReady(metav1.ConditionTrue, time.Second) }, 0},
		{"issuer was ready before", func(s *scene) { s.failed(time.Second, 1); s.issuerReady(metav1.ConditionTrue, time.Minute) }, 4 * time.Second},
		{"issuer got worse", func(s *scene) { s.failed(2*time.Second, 1); s.issuerReady(metav1.ConditionFalse, time.Second) }, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newScene(t, c.edit).decide()
			if p.issue != (c.retry == 0) || p.waiting != (c.retry > 0) {
				t.Errorf("issue %v, waiting %v", p.issue, p.waiting)
			}
			if c.retry > 0 && !p.next.Equal(now.Add(c.retry)) {
				t.Errorf("next in %v", p.next.Sub(now))
			}
		})
	}
}

func TestRelabel(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*scene)
		want bool
	}{
		{"fits", func(*scene) {}, false},
		{"label gone", func(s *scene) { delete(s.secret.Labels, v1alpha1.LabelManaged) }, true},
		{"a label more", func(s *scene) { s.secret.Labels["x"] = "y" }, false},
		{"template changed", func(s *scene) {
			s.cert.Spec.SecretTemplate = &v1alpha1.SecretTemplate{Annotations: map[string]string{"a": "b"}}
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fits(t)
			c.edit(s)
			if p := s.decide(); p.relabel != c.want || p.issue {
				t.Errorf("relabel %v, issue %v", p.relabel, p.issue)
			}
		})
	}
}

// TestDecideAfterApplyIsEmpty is the law: a right answer, kept as secretOf keeps it, leaves nothing to do.
func TestDecideAfterApplyIsEmpty(t *testing.T) {
	never := func(s *scene) { s.cert.Spec.PrivateKey = &v1alpha1.PrivateKey{RotationPolicy: v1alpha1.RotationNever} }
	for name, edit := range map[string]func(*scene){
		"plain":      func(*scene) {},
		"upper case": func(s *scene) { s.cert.Spec.DNSNames = []string{"A.Example"} },
		"many names": func(s *scene) {
			s.cert.Spec.DNSNames = []string{"a.example", "*.b.example"}
			s.cert.Spec.IPAddresses = []string{"2001:DB8::1"}
		},
		"common name": func(s *scene) { s.cert.Spec.CommonName = "c.example" },
		"subject": func(s *scene) {
			s.cert.Spec.Subject = &v1alpha1.X509Subject{Organizations: []string{"left out by Vault"}}
		},
		"RSA": func(s *scene) {
			s.cert.Spec.PrivateKey = &v1alpha1.PrivateKey{Algorithm: "RSA", Size: 2048, Encoding: "PKCS1"}
		},
		"size alone": func(s *scene) { s.cert.Spec.PrivateKey = &v1alpha1.PrivateKey{Size: 384} },
		"template": func(s *scene) {
			s.cert.Spec.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]string{"a": "b"}}
		},
		"kept key":      never,
		"cluster":       func(s *scene) { s.cert.Spec.IssuerRef.Kind = v1alpha1.KindClusterVaultIssuer },
		"asked by hand": func(s *scene) { s.annotate(v1alpha1.AnnotationRenewAt, now.Add(-time.Hour).Format(time.RFC3339)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, edit)
			if p := s.decide(); !p.issue {
				t.Fatalf("nothing to issue at first: %+v", p.held)
			}
			s.issue(t, now)
			p := s.decide()
			if p.issue || p.relabel || p.waiting || p.held != nil || !p.usable(now) {
				t.Errorf("after a right answer: %s %s, %+v", p.decision.Reason, p.decision.Message, p)
			}
			if !p.next.Equal(p.decision.Recheck) || !p.next.After(now) {
				t.Errorf("next look at %v", p.next)
			}
			s.now = p.decision.RenewAt
			if p := s.decide(); !p.issue {
				t.Error("not renewed when the time has come")
			}
		})
	}
}

func TestKeptKey(t *testing.T) {
	s := fits(t, func(s *scene) { s.cert.Spec.PrivateKey = &v1alpha1.PrivateKey{RotationPolicy: v1alpha1.RotationNever} })
	before := s.secret.Data[corev1.TLSPrivateKeyKey]
	s.issue(t, now)
	if diff := cmp.Diff(before, s.secret.Data[corev1.TLSPrivateKeyKey]); diff != "" {
		t.Error("the key was not kept")
	}
	s.cert.Spec.PrivateKey.Size = 384
	s.spec = specOf(s.cert)
	s.issue(t, now)
	if cmp.Equal(before, s.secret.Data[corev1.TLSPrivateKeyKey]) {
		t.Error("a key was kept that does not fit")
	}
}

func TestDecideWritesNothing(t *testing.T) {
	s := fits(t)
	cert, secret := s.cert.DeepCopy(), s.secret.DeepCopy()
	s.decide()
	if diff := cmp.Diff(cert, s.cert) + cmp.Diff(secret, s.secret); diff != "" {
		t.Error(diff)
	}
}

func TestUsable(t *testing.T) {
	s := fits(t)
	old := s.decide()
	if !old.usable(now) || old.usable(now.Add(89*day)) {
		t.Error("an expired pair is usable, or a valid one is not")
	}
	key, _ := certs.GenerateKey(certs.KeySpec{})
	s.secret.Data[corev1.TLSPrivateKeyKey] = key.PEM("")
	if p := s.decide(); p.usable(now) {
		t.Error("a key of another certificate is usable")
	}
}
