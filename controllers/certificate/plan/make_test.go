// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan/plantest"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/issuance"
)

type scene = plantest.Scene

const day = plantest.Day

var errHangs = errors.New("the gateway hangs")

// obstacles, in the order in which they are told.
var obstacles = []struct {
	name   string
	put    func(*scene)
	reason string
	says   string
}{
	{"bad spec", func(s *scene) { s.Cert.Spec.DNSNames = []string{"a..example"} }, v1alpha1.ReasonInvalidSpec, `spec.dnsNames[0] "a..example"`},
	{"bad Secret name", func(s *scene) { s.Cert.Spec.SecretName = "Not_One" }, v1alpha1.ReasonInvalidSpec, `spec.secretName "Not_One" is not a valid Secret name: use`},
	{"bad template", func(s *scene) {
		s.Cert.Spec.SecretTemplate = &v1alpha1.SecretTemplate{Labels: map[string]string{"a b": "c"}}
	}, v1alpha1.ReasonInvalidSpec, `spec.secretTemplate.labels "a b"`},
	{"problem of the source", func(s *scene) { s.Annotate(v1alpha1.AnnotationSourceProblem, "the problem") }, v1alpha1.ReasonInvalidSource, "the problem"},
	{"bad time of renewal", func(s *scene) { s.Annotate(v1alpha1.AnnotationRenewAt, "soon") }, v1alpha1.ReasonInvalidSpec, "use for example 2030-01-31T12:00:00Z"},
	{"not allowed", func(s *scene) { s.Review.Refused = finding.New(v1alpha1.ReasonDenied, "no policy allows it") }, v1alpha1.ReasonDenied, "no policy allows it"},
	{"conflict", func(s *scene) { s.Review.Names.Conflict = "host of another" }, v1alpha1.ReasonConflict, "spec.dnsNames: host of another"},
	{"Secret of somebody else", (*scene).UnmanagedSecret, v1alpha1.ReasonSecretNotManaged, `apisix-certs.io/adopt-secret: "true"`},
	{"Secret of another type", func(s *scene) {
		s.UnmanagedSecret()
		s.Secret.Object.Type = corev1.SecretTypeOpaque
		s.Secret.Object.Data = map[string][]byte{"other": []byte("x")}
		s.Annotate(v1alpha1.AnnotationAdoptSecret, "true")
	}, v1alpha1.ReasonSecretNotManaged, "has type Opaque, which cannot be changed without deleting the Secret and its other data"},
	{"full Secret", func(s *scene) {
		s.UnmanagedSecret()
		s.Secret.Object.Data = map[string][]byte{"other": make([]byte, 1<<20)}
		s.Annotate(v1alpha1.AnnotationAdoptSecret, "true")
	}, v1alpha1.ReasonSecretNotManaged, "too much other data to add a certificate; remove keys"},
	{"no place for the key", func(s *scene) { s.Keys.Unsupported = finding.New(v1alpha1.ReasonKeyStorageUnsupported, "no gateway") }, v1alpha1.ReasonKeyStorageUnsupported, "no gateway"},
	{"bad issuer", func(s *scene) { s.Issuer.Bad = finding.New(v1alpha1.ReasonIssuerNotReady, "a bad field") }, v1alpha1.ReasonIssuerNotReady, "a bad field"},
	{"no issuer", func(s *scene) { s.Issuer.Request.Issuer = nil }, v1alpha1.ReasonIssuerNotFound, "spec.issuerRef: VaultIssuer/vault does not exist; create it"},
}

func TestObstacles(t *testing.T) {
	for _, o := range obstacles {
		t.Run(o.name, func(t *testing.T) {
			p := plantest.New(t, o.put).Plan()
			if p.Secret != plan.Keep || p.Blocked == nil || p.Blocked.Reason != o.reason || !strings.Contains(p.Blocked.Message, o.says) {
				t.Errorf("%s the Secret, held %+v", p.Secret, p.Blocked)
			}
		})
	}
}

// TestObstaclesOrder: of two the earlier is told: what the user wrote before what there is.
func TestObstaclesOrder(t *testing.T) {
	for i, first := range obstacles {
		for _, second := range obstacles[i+1:] {
			if first.reason == v1alpha1.ReasonSecretNotManaged && second.reason == first.reason {
				continue // they exclude each other
			}
			if p := plantest.New(t, second.put, first.put).Plan(); p.Blocked == nil || !strings.Contains(p.Blocked.Message, first.says) {
				t.Errorf("%s and %s: %+v", first.name, second.name, p.Blocked)
			}
		}
	}
}

// TestObstaclesOfAGoodCertificate: what matters to issuing alone holds nothing that is not due.
func TestObstaclesOfAGoodCertificate(t *testing.T) {
	for name, put := range map[string]func(*scene){
		"no issuer":             func(s *scene) { s.Issuer.Request.Issuer = nil },
		"bad issuer":            func(s *scene) { s.Issuer.Bad = &finding.Finding{} },
		"gateway does not tell": func(s *scene) { s.Keys.Unknown = errHangs },
		"problem of the source": func(s *scene) { s.Annotate(v1alpha1.AnnotationSourceProblem, "the problem") },
	} {
		s := plantest.Issued(t)
		put(s)
		if p := s.Plan(); p.Blocked != nil || !p.Empty() {
			t.Errorf("%s: held %+v, plan %s", name, p.Blocked, p)
		}
	}
}

// TestDecisions: what is done to the Secret, and why.
func TestDecisions(t *testing.T) {
	for _, row := range []struct {
		name   string
		edit   func(*scene)
		want   plan.SecretAction
		reason certs.Reason
	}{
		{"as it should be", func(*scene) {}, plan.Keep, ""},
		{"due", func(s *scene) { s.Now = s.Now.Add(70 * day) }, plan.Issue, certs.RenewalDue},
		{"due, with a problem of the source", func(s *scene) { s.Now = s.Now.Add(70 * day); s.Annotate(v1alpha1.AnnotationSourceProblem, "x") }, plan.Issue, certs.RenewalDue},
		{"label gone", func(s *scene) { delete(s.Secret.Object.Labels, v1alpha1.LabelManaged) }, plan.Rewrite, ""},
		{"a label more", func(s *scene) { s.Secret.Object.Labels["x"] = "y" }, plan.Keep, ""},
		{"template changed", func(s *scene) {
			s.Cert.Spec.SecretTemplate = &v1alpha1.SecretTemplate{Annotations: map[string]string{"a": "b"}}
		}, plan.Rewrite, ""},
		{"without marks", func(s *scene) { s.Secret.Object.Labels, s.Secret.Object.Annotations = nil, nil }, plan.Rewrite, ""},
		{"without marks, asked for before", func(s *scene) {
			s.Secret.Object.Labels, s.Secret.Object.Annotations = nil, nil
			s.Annotate(v1alpha1.AnnotationRenewAt, s.Now.Add(-time.Hour).Format(time.RFC3339))
		}, plan.Rewrite, ""},
		{"asked for", func(s *scene) { s.Annotate(v1alpha1.AnnotationRenewAt, s.Now.Format(time.RFC3339)) }, plan.Issue, certs.RenewalRequested},
		{"asked for later", func(s *scene) { s.Annotate(v1alpha1.AnnotationRenewAt, s.Now.Add(time.Hour).Format(time.RFC3339)) }, plan.Keep, ""},
		{"key lost", func(s *scene) { s.Keys.Lost = "gone" }, plan.Issue, issuance.KeyLost},
		{"key elsewhere", func(s *scene) { s.Keys.Misplaced = "elsewhere" }, plan.Issue, issuance.KeyMoved},
		{"an older one put back", func(s *scene) {
			old := s.Secret.Object
			s.Issue(s.Now)
			old.UID, s.Secret.Object = s.Secret.Object.UID, old
		}, plan.Issue, issuance.SecretReverted},
		{"a newer one, not recorded", func(s *scene) {
			before := s.Cert.Status.Issued
			s.Issue(s.Now)
			s.Cert.Status.Issued = before
		}, plan.Keep, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := plantest.Issued(t)
			row.edit(s)
			p := s.Plan()
			if p.Secret != row.want || p.Decision.Reason != row.reason || p.Blocked != nil {
				t.Errorf("%s because %s (%s), held %+v", p.Secret, p.Decision.Reason, p.Decision.Message, p.Blocked)
			}
		})
	}
}

// TestBackoff: when it is tried again after a failure.
func TestBackoff(t *testing.T) {
	failed := func(ago time.Duration, attempts int32) func(*scene) {
		return func(s *scene) { s.Failed(ago, attempts, "R", "because") }
	}
	for _, row := range []struct {
		name  string
		edits []func(*scene)
		retry time.Duration // from now; 0: at once
	}{
		{"no failure", nil, 0},
		{"fresh", []func(*scene){failed(time.Second, 1)}, 4 * time.Second},
		{"old enough", []func(*scene){failed(5*time.Second, 1)}, 0},
		{"third in a row", []func(*scene){failed(time.Second, 3)}, 19 * time.Second},
		{"many, and nothing there", []func(*scene){failed(time.Second, 30)}, 29 * time.Second},
		{"failed at a time to come", []func(*scene){failed(-time.Hour, 9)}, 0},
		{"changed spec", []func(*scene){failed(time.Second, 9), func(s *scene) { s.Cert.Generation++ }}, 0},
		{"issuer recovered", []func(*scene){failed(2*time.Second, 9), func(s *scene) { s.Issuer.Request.Observation.ReadySince = s.Now.Add(-time.Second) }}, 0},
		{"issuer was ready before", []func(*scene){failed(time.Second, 1), func(s *scene) { s.Issuer.Request.Observation.ReadySince = s.Now.Add(-time.Minute) }}, 4 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := plantest.New(t, row.edits...)
			p := s.Plan()
			if (p.Secret == plan.Issue) != (row.retry == 0) || p.Backoff != (row.retry > 0) {
				t.Errorf("%s the Secret, backoff %v", p.Secret, p.Backoff)
			}
			if row.retry > 0 && !p.Next.Equal(s.Now.Add(row.retry)) {
				t.Errorf("next in %s", p.Next.Sub(s.Now))
			}
		})
	}
}

// TestMakeChangesNothing, and makes the same plan of the same snapshot.
func TestMakeChangesNothing(t *testing.T) {
	s := plantest.Issued(t)
	cert, secret := s.Cert.DeepCopy(), s.Secret.Object.DeepCopy()
	s.Now = s.Now.Add(70 * day)
	if one, two := s.Plan().String(), s.Plan().String(); one != two || one != "issue: the certificate is due for renewal" {
		t.Errorf("%q, then %q", one, two)
	}
	if diff := cmp.Diff(cert, s.Cert) + cmp.Diff(secret, s.Secret.Object); diff != "" {
		t.Error(diff)
	}
}

// TestDelivery: which pair may go to the gateways.
func TestDelivery(t *testing.T) {
	for _, row := range []struct {
		name string
		edit func(*scene)
		want plan.Delivery
	}{
		{"good", func(*scene) {}, plan.Push},
		{"due", func(s *scene) { s.Now = s.Now.Add(70 * day) }, plan.Push},
		{"expired", func(s *scene) { s.Now = s.Now.Add(90 * day) }, plan.Nothing},
		{"key of another", func(s *scene) {
			key, _ := certs.GenerateKey(certs.KeySpec{})
			s.Secret.Object.Data[corev1.TLSPrivateKeyKey] = key.PEM("")
		}, plan.Nothing},
		{"Secret of somebody else", func(s *scene) { s.Secret.Object.Annotations[v1alpha1.AnnotationCertificate] = "other/c" }, plan.Nothing},
		{"Gateway of somebody else", func(s *scene) {
			s.Review.NoGateway = finding.New(v1alpha1.ReasonRefNotPermitted, "it does not let it in")
		}, plan.Nothing},
		{"spec names other hosts by now", func(s *scene) { s.Cert.Spec.DNSNames = []string{"a.example", "b.example"} }, plan.Push},
		{"all hosts are of an older one", func(s *scene) { s.Review.Hosts, s.Review.Names.Owned = nil, nil }, plan.Withdraw},
		{"all hosts are of others", func(s *scene) {
			s.Review.Hosts, s.Review.Names.Owned, s.Review.Names.Conflict = nil, nil, "of others"
		}, plan.Nothing},
		{"no Secret", func(s *scene) { s.Secret.Object = nil }, plan.Nothing},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := plantest.Issued(t)
			row.edit(s)
			if got := s.Plan().Delivery; got != row.want {
				t.Errorf("%s", got)
			}
		})
	}
}

// TestTarget: only hosts that the certificate names, whatever the spec says by now.
func TestTarget(t *testing.T) {
	s := plantest.Issued(t, func(s *scene) { s.Cert.Spec.DNSNames = []string{"a.example", "*.b.example"} })
	s.Review.Hosts = []string{"a.example", "x.b.example", "new.example"}
	got := s.Plan().Target
	if diff := cmp.Diff([]string{"a.example", "x.b.example"}, got.Hosts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.UID != "uid-c" || got.SecretName != "s" || len(got.Cert) == 0 || len(got.Key) == 0 || len(got.Fingerprint) != 64 || got.Serial == "" {
		t.Errorf("%q %q %q %q", got.UID, got.SecretName, got.Fingerprint, got.Serial)
	}
	if none := plantest.New(t).Plan().Target; len(none.Hosts) > 0 || none.Fingerprint != "" || len(none.Cert) > 0 {
		t.Errorf("a target without a certificate: %v", none.Hosts)
	}
}

// TestProvided: what is done about a Secret that somebody else keeps.
func TestProvided(t *testing.T) {
	spoil := func(s *scene) { s.Secret.Object.Data["tls.key"] = []byte("x") }
	lacking := func(s *scene) { s.Cert.Spec.DNSNames = append(s.Cert.Spec.DNSNames, "b.example") }
	replaced := func(s *scene) { s.Issue(plantest.Now); lacking(s) }
	pushed := func(s *scene) { s.Record(plantest.Now.Add(-day)) }
	over := func(s *scene) { s.Now = s.Now.Add(91 * day) }
	for _, row := range []struct {
		name     string
		edits    []func(*scene)
		delivery plan.Delivery
		reason   string // of the fault
		says     string
	}{
		{"good", nil, plan.Push, "", ""},
		{"no Secret", []func(*scene){func(s *scene) { s.Secret.Object = nil }}, plan.Nothing, v1alpha1.ReasonSecretMissing, "Secret s: the Secret does not exist"},
		{"broken from the first", []func(*scene){spoil}, plan.Nothing, v1alpha1.ReasonSecretInvalid, "fix the Secret"},
		{"a host lacks from the first", []func(*scene){lacking}, plan.Push, v1alpha1.ReasonSecretInvalid, "b.example"},
		{"over", []func(*scene){over}, plan.Nothing, v1alpha1.ReasonExpired, "has expired"},
		{"broken later", []func(*scene){pushed, spoil}, plan.Verify, v1alpha1.ReasonSecretInvalid, "tls.key"},
		{"gone later", []func(*scene){pushed, func(s *scene) { s.Secret.Object = nil }}, plan.Verify, v1alpha1.ReasonSecretMissing, "does not exist"},
		{"broken later, over since", []func(*scene){pushed, spoil, over}, plan.Nothing, v1alpha1.ReasonSecretInvalid, "tls.key"},
		{"another that lacks a host", []func(*scene){pushed, replaced}, plan.Verify, v1alpha1.ReasonSecretInvalid, "b.example"},
		{"another that lacks a host, over since", []func(*scene){pushed, replaced, func(s *scene) { s.Now = s.Now.Add(89*day + time.Hour) }}, plan.Push, v1alpha1.ReasonSecretInvalid, "b.example"},
		{"the same, and a host more is wanted", []func(*scene){pushed, lacking}, plan.Push, v1alpha1.ReasonSecretInvalid, "b.example"},
		{"another good one", []func(*scene){pushed, func(s *scene) { s.Issue(plantest.Now) }}, plan.Push, "", ""},
		{"a host of another", []func(*scene){func(s *scene) { s.Review.Names.Conflict = "of another" }}, plan.Push, "", ""},
		{"not allowed", []func(*scene){func(s *scene) { s.Review.Refused = &finding.Finding{Reason: v1alpha1.ReasonDenied} }}, plan.Nothing, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := provided(t)
			for _, edit := range row.edits {
				edit(s)
			}
			p := s.Plan()
			if p.Secret != plan.Keep || p.Drop || p.Delivery != row.delivery || p.Provided.Retained != (row.delivery == plan.Verify) {
				t.Errorf("%s the Secret, %s, kept %v", p.Secret, p.Delivery, p.Provided.Retained)
			}
			fault := p.Provided.Fault
			if (fault != nil) != (row.reason != "") || fault != nil && (fault.Reason != row.reason || !strings.Contains(fault.Message, row.says)) {
				t.Errorf("fault %+v", fault)
			}
		})
	}
}

// provided is a Secret that somebody else keeps, with a certificate of a day ago for 90 days.
func provided(t testing.TB) *scene {
	s := plantest.Issued(t, func(s *scene) {
		s.Cert.Spec.Provided, s.Cert.Spec.IssuerRef, s.Issuer.Request.Issuer = true, v1alpha1.IssuerReference{}, nil
	})
	s.Secret.Object.Labels, s.Secret.Object.Annotations = nil, nil
	return s
}

// TestProvidedDeadlines are those of what is served.
func TestProvidedDeadlines(t *testing.T) {
	s := provided(t)
	want := s.Now.Add(59 * day) // 30 days before the end
	if got := s.Plan().Next; !got.Equal(want) {
		t.Errorf("next %s, want %s", got, want)
	}
	s.Record(s.Now.Add(-day))
	s.Secret.Object = nil
	if got := s.Plan().Next; !got.Equal(want) {
		t.Errorf("of what is kept: next %s, want %s", got, want)
	}
}

// TestNext: each step once, and a certificate that has expired is told of before its issuer is asked.
func TestNext(t *testing.T) {
	issue, good := plan.Plan{Secret: plan.Issue, Delivery: plan.Push}, plan.Plan{Secret: plan.Keep, Delivery: plan.Push}
	tooOften := plan.Plan{Secret: plan.Keep, Waiting: plan.Waiting{Blocked: finding.New(v1alpha1.ReasonIssuanceLimited, "too often")}}
	expired := func(s *scene) { at := metav1.NewTime(s.Now); s.Cert.Status.Issued.NotAfter = &at }
	for _, row := range []struct {
		name  string
		edit  func(*scene)
		p     plan.Plan
		taken []plan.Step
		want  plan.Step
	}{
		{"from the cache", func(*scene) {}, issue, nil, plan.WriteSecret},
		{"from the cache, by cert-manager", func(s *scene) { s.Issuer.Issuing.ByRequest = true }, issue, nil, plan.ObserveLive},
		{"issued too often, from the cache", func(s *scene) { s.Secret.Object = &corev1.Secret{} }, tooOften, nil, plan.ObserveLive},
		{"issued too often, seen live", func(s *scene) { s.Secret.Object, s.Secret.Live = &corev1.Secret{}, true }, tooOften, []plan.Step{plan.Deliver}, plan.Settle},
		{"seen live", func(s *scene) { s.Secret.Live = true }, issue, nil, plan.WriteSecret},
		{"not written", func(s *scene) { s.Secret.Live = true }, issue, []plan.Step{plan.WriteSecret}, plan.Deliver},
		{"delivered", func(*scene) {}, good, []plan.Step{plan.Deliver}, plan.Settle},
		{"settled", func(*scene) {}, good, []plan.Step{plan.Deliver, plan.Settle}, plan.Stop},
		{"nothing to deliver", func(*scene) {}, plan.Plan{Secret: plan.Keep, Delivery: plan.Nothing}, nil, plan.Settle},
		{"a request to drop", func(*scene) {}, plan.Plan{Secret: plan.Keep, Drop: true, Delivery: plan.Push}, nil, plan.DropRequest},
		{"expired, and not told", func(s *scene) { expired(s); s.Secret.Live, s.Seen.At = true, s.Now.Add(-time.Second) }, issue, nil, plan.Stop},
		{"expired, and told", func(s *scene) { expired(s); s.Secret.Live, s.Seen.At = true, s.Now }, issue, nil, plan.WriteSecret},
	} {
		s := plantest.New(t, row.edit)
		done := plan.Results{Steps: row.taken}
		if got := plan.Next(&s.Snapshot, &row.p, &done, s.Now); got != row.want || done.Postponed != (row.want == plan.Stop && row.taken == nil) {
			t.Errorf("%s: %q, postponed %v", row.name, got, done.Postponed)
		}
	}
}

// TestForeignPairStaysOut: of a Secret that is not the certificate's nothing is in what goes to a gateway, whatever is planned.
func TestForeignPairStaysOut(t *testing.T) {
	foreign := func(s *scene) { s.Secret.Object.Annotations[v1alpha1.AnnotationCertificate] = "other/c" }
	s := plantest.Issued(t)
	if own := s.Plan().Target; len(own.Cert) == 0 || len(own.Key) == 0 {
		t.Fatal("the certificate's own pair is not in its target")
	}
	s = plantest.Issued(t)
	foreign(s)
	if target := s.Plan().Target; len(target.Cert)+len(target.Key) > 0 || target.Fingerprint != "" {
		t.Errorf("of the Secret of somebody else: %d bytes of certificate, %d of key", len(target.Cert), len(target.Key))
	}
}
