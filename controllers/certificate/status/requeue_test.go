// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan/plantest"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// TestRecheckAfter: a fault of the set-up is tried again soon at first, then rarely.
func TestRecheckAfter(t *testing.T) {
	var got []time.Duration
	for at := now; at.Before(now.Add(4 * time.Minute)); at = at.Add(got[len(got)-1]) {
		got = append(got, setupBackoff(now, at))
	}
	want := []time.Duration{5, 5, 10, 20, 40, 60, 60, 60}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(want, got[:len(want)]) {
		t.Errorf("%v", got)
	}
}

// failing is what came of an attempt that failed.
var failing = plan.Results{Err: errSealed, Issuing: plan.Issuing{Attempted: true}}

func TestWakeIsTheEarliestDeadline(t *testing.T) {
	look := resyncInterval("uid-c")
	in := func(d time.Duration) plan.Plan {
		return plan.Plan{Next: now.Add(d), Decision: certs.Decision{NotAfter: now.Add(90 * day)}}
	}
	fails := func(err error) func(*gateway.Result) { return func(g *gateway.Result) { g.Err = err } }
	of := func(edits ...func(*gateway.Result)) plan.Results {
		return plan.Results{Gateways: []gateway.Result{at("g"), at("h", edits...)}}
	}
	unserved := func(g *gateway.Result) { g.Proof = gateway.Proof{Attempted: true} }
	long := plan.Seen{BlockedSince: now.Add(-time.Hour), PushBlockedSince: now.Add(-time.Hour), UnservedSince: now.Add(-time.Hour)}
	fresh := plan.Seen{BlockedSince: now, PushBlockedSince: now, UnservedSince: now}
	for _, c := range []struct {
		name string
		p    plan.Plan
		done plan.Results
		seen plan.Seen
		want time.Duration
	}{
		{"nothing to wait for", plan.Plan{}, plan.Results{}, fresh, look},
		{"renewal far ahead", in(90 * day), plan.Results{}, fresh, look},
		{"renewal near", in(time.Minute), plan.Results{}, fresh, time.Minute},
		{"never in a hot loop", in(time.Millisecond), plan.Results{}, fresh, time.Second},
		{"about to end", plan.Plan{Next: now.Add(300 * time.Millisecond), Decision: certs.Decision{NotAfter: now.Add(300 * time.Millisecond)}}, plan.Results{}, fresh, 300 * time.Millisecond},
		{"expired", in(0), plan.Results{Postponed: true}, fresh, time.Millisecond},
		{"failed", in(time.Minute), failing, fresh, 10 * time.Second},
		{"no turn at the issuer", in(time.Minute), plan.Results{BusyUntil: now.Add(7 * time.Second)}, fresh, 7 * time.Second},
		{"held since now", plan.Plan{Waiting: plan.Waiting{Blocked: &finding.Finding{}}}, plan.Results{}, fresh, setupBackoffMin},
		{"held for long", plan.Plan{Waiting: plan.Waiting{Blocked: &finding.Finding{}}}, plan.Results{}, long, setupBackoffMax},
		{"on its way", plan.Plan{Waiting: plan.Waiting{Pending: &finding.Finding{}}}, plan.Results{}, fresh, setupBackoffMin},
		{"not revoked", plan.Plan{}, plan.Results{Settling: plan.Settling{RevokeErr: errSealed}}, long, setupBackoffMax},
		{"a key to clear", plan.Plan{}, plan.Results{Settling: plan.Settling{ClearAgain: true}}, fresh, setupBackoffMax},
		{"gateway refuses", plan.Plan{}, of(fails(&apisix.APIError{Status: 401})), long, setupBackoffMax},
		{"no turn at the gateway", plan.Plan{}, of(fails(&gateway.BusyError{})), long, time.Second},
		{"another's object", plan.Plan{}, of(func(g *gateway.Result) { g.State.Conflict = &gateway.Conflict{} }), fresh, setupBackoffMin},
		{"gateway asks for it", plan.Plan{}, of(func(g *gateway.Result) { g.RequeueAfter = 7 * time.Second }), fresh, 7 * time.Second},
		{"the key is lost", plan.Plan{}, of(func(g *gateway.Result) { g.Verb = gateway.ActionRenew }), fresh, time.Second},
		{"not served yet", plan.Plan{}, of(unserved), fresh, ServedRecheck},
		{"not served for long", plan.Plan{}, of(unserved), long, setupBackoffMax / 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plantest.New(t)
			if got := RequeueAfter(&s.Snapshot, &c.p, &c.done, &v1alpha1.ApisixCertificateStatus{FailedAttempts: 2}, c.seen, now); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestAttempts(t *testing.T) {
	earlier := metav1.NewTime(now.Add(-time.Hour))
	due := plan.Plan{Decision: certs.Decision{Issue: true}}
	uncounted := failing
	uncounted.Uncounted = true
	for _, c := range []struct {
		name       string
		p          plan.Plan
		done       plan.Results
		generation int64 // of the object; 1 was observed
		attempts   int32
		last       time.Time // zero: none
		reason     string
	}{
		{"failure", due, failing, 1, 4, now, v1alpha1.ReasonIssueFailed},
		{"failure of a changed spec", due, failing, 2, 1, now, v1alpha1.ReasonIssueFailed},
		{"failure of another's attempt", due, uncounted, 1, 3, earlier.Time, "Before"},
		{"success", due, plan.Results{Issuing: plan.Issuing{Attempted: true, Issued: true}}, 1, 0, time.Time{}, ""},
		{"waiting", plan.Plan{Waiting: plan.Waiting{Backoff: true}, Decision: due.Decision}, plan.Results{}, 1, 3, earlier.Time, "Before"},
		{"no need", plan.Plan{}, plan.Results{}, 1, 0, time.Time{}, ""},
		{"held", plan.Plan{Waiting: plan.Waiting{Blocked: &finding.Finding{}}, Decision: due.Decision}, plan.Results{}, 1, 0, time.Time{}, ""},
		{"labels failed", plan.Plan{Secret: plan.Rewrite}, plan.Results{Err: errSealed}, 1, 0, time.Time{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plantest.New(t, func(s *scene) { s.Cert.Generation = c.generation })
			status := &v1alpha1.ApisixCertificateStatus{ObservedGeneration: 1, FailedAttempts: 3, LastFailureTime: &earlier, LastFailureReason: "Before"}
			setAttempts(status, &s.Snapshot, &c.p, &c.done, now)
			if status.FailedAttempts != c.attempts || status.LastFailureReason != c.reason {
				t.Errorf("%d attempts, %s", status.FailedAttempts, status.LastFailureReason)
			}
			if diff := cmp.Diff(statusTime(c.last), status.LastFailureTime); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestTransient: only what the queue should back off for is returned; a failure to issue has its own deadline.
func TestTransient(t *testing.T) {
	fails := func(err error) []gateway.Result {
		return []gateway.Result{at("g", func(g *gateway.Result) { g.Err = err })}
	}
	away := fails(&apisix.NetworkError{Endpoint: "g:1", Err: errors.New("x")})
	both := failing
	both.Gateways = away
	for _, c := range []struct {
		name string
		done plan.Results
		want bool
	}{
		{"nothing", plan.Results{}, false},
		{"issuing", failing, false},
		{"labels", plan.Results{Err: errSealed}, true},
		{"gateway away", plan.Results{Gateways: away}, true},
		{"gateway away while issuing failed", both, true},
		{"gateway refuses", plan.Results{Gateways: fails(&apisix.APIError{Status: 400})}, false},
		{"no turn at the gateway", plan.Results{Gateways: fails(&gateway.BusyError{})}, false},
	} {
		if err := Transient(&c.done); (err != nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestLookAfter is spread over the objects, and the same for each.
func TestLookAfter(t *testing.T) {
	lowest, highest := resyncPeriod, time.Duration(0)
	for i := range 1000 {
		uid := fmt.Sprint("uid-", i)
		d := resyncInterval(uid)
		lowest, highest = min(lowest, d), max(highest, d)
		if d != resyncInterval(uid) {
			t.Fatal("two runs disagree")
		}
	}
	if lowest < resyncPeriod-resyncPeriod/10 || highest > resyncPeriod || highest-lowest < resyncPeriod/20 {
		t.Errorf("from %v to %v", lowest, highest)
	}
}

// TestRecord: what gets into status.issued, and what is to be revoked for it.
func TestRecord(t *testing.T) {
	issued := plan.Results{Issuing: plan.Issuing{Attempted: true, Issued: true}}
	for _, c := range []struct {
		name   string
		edit   func(*scene)
		done   plan.Results
		issuer string // of the record; empty: the record is not of what the Secret holds, or names none
		mine   bool   // the record is of what the Secret holds
		old    int    // to be revoked
	}{
		{"as before", func(*scene) {}, plan.Results{}, "VaultIssuer/vault", true, 0},
		{"issued", func(s *scene) { s.Cert.Status.Issued = v1alpha1.IssuedCertificate{} }, issued, "VaultIssuer/vault", true, 0},
		{"issued anew", func(s *scene) { s.Cert.Status.Issued = before() }, issued, "VaultIssuer/vault", true, 1},
		{"found after a crash", func(s *scene) { s.Cert.Status.Issued = v1alpha1.IssuedCertificate{} }, plan.Results{}, "VaultIssuer/vault", true, 0},
		{"found, with the key of nobody", func(s *scene) {
			s.Cert.Status.Issued = v1alpha1.IssuedCertificate{}
			s.Secret.Object.Annotations[v1alpha1.AnnotationIssuedBy] = "VaultIssuer/other"
		}, plan.Results{}, "", false, 0},
		{"of somebody else", func(s *scene) {
			s.Cert.Status.Issued = v1alpha1.IssuedCertificate{}
			s.Secret.Object.Annotations[v1alpha1.AnnotationCertificate] = "other/c"
		}, plan.Results{}, "", false, 0},
		{"for a name that is not owned", func(s *scene) {
			s.Cert.Status.Issued, s.Review.Names.Owned = v1alpha1.IssuedCertificate{}, nil
		}, plan.Results{}, "", false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := plantest.Issued(t, func(s *scene) { s.Cert.Spec.RevocationPolicy = v1alpha1.RevokeOnReplace })
			c.edit(s)
			p := s.Plan()
			got := Of(&s.Cert.Status, &s.Snapshot, &p, &c.done, s.Now)
			if mine := got.Issued.Fingerprint == plan.LeafFingerprint(s.Secret.Object); mine != c.mine || got.Issued.Issuer != c.issuer || len(got.ToRevoke) != c.old {
				t.Errorf("of the Secret %v, issuer %q, to revoke %v", mine, got.Issued.Issuer, got.ToRevoke)
			}
		})
	}
}

// before is the record of an earlier certificate.
func before() v1alpha1.IssuedCertificate {
	return v1alpha1.IssuedCertificate{Fingerprint: "earlier", SerialNumber: "01", Issuer: "VaultIssuer/vault"}
}

// TestWarnings of an issuance stay until the next one.
func TestWarnings(t *testing.T) {
	s := plantest.Issued(t)
	p := s.Plan()
	s.Cert.Status.Warnings = []string{"old"}
	if got := Of(&s.Cert.Status, &s.Snapshot, &p, &plan.Results{}, s.Now); !slices.Equal(got.Warnings, []string{"old"}) || !got.RenewalTime.Time.Equal(p.Decision.RenewAt) {
		t.Errorf("%v, renewal at %v", got.Warnings, got.RenewalTime)
	}
	done := plan.Results{Issuing: plan.Issuing{Issued: true, Warnings: []string{"shorter"}}}
	if got := Of(&s.Cert.Status, &s.Snapshot, &p, &done, s.Now); !slices.Equal(got.Warnings, []string{"shorter"}) {
		t.Errorf("%v", got.Warnings)
	}
}
