// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/x509"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

// timeline is a certificate in time: what passes, how far our clock is from it, and how far the issuer's.
type timeline struct {
	*scene
	t             *testing.T
	passed        time.Time
	ours, issuers time.Duration
	asked         int
}

// run goes through a time, from one run of the reconciler to the next as the queue would have them: it counts the time that
// passes, and does not know of clocks. It returns how often the issuer was asked.
func (w *timeline) run(d time.Duration) (asked int) {
	w.t.Helper()
	before, until := w.asked, w.passed.Add(d)
	for w.passed.Before(until) {
		w.passed = w.passed.Add(min(w.reconcile(), until.Sub(w.passed)))
	}
	return w.asked - before
}

// reconcile is one run but for what it writes. It returns when the next is.
func (w *timeline) reconcile() time.Duration {
	clock, status := w.passed.Add(w.ours), &w.cert.Status
	before := w.cert.DeepCopy()
	p := decide(w.observed, clock)
	done := outcome{decision: p.decision}
	if p.issue {
		done.err = w.ask(p.decision, clock)
		if done.issued = done.err == nil; done.issued {
			done.decision = decide(w.observed, clock).decision
		}
	}
	conditions := []metav1.Condition{issuedCondition(w.observed, p, done)}
	for _, c := range append(conditions, readyCondition(conditions)) {
		c.ObservedGeneration, c.LastTransitionTime = w.cert.Generation, metav1.NewTime(clock)
		meta.SetStatusCondition(&status.Conditions, c)
	}
	setAttempts(status, before, p, done, clock)
	setRecord(status, &w.observed, p, done, clock)
	setRenewal(status, &w.observed, done)
	status.ObservedGeneration = w.cert.Generation
	w.check(clock)
	return wake(w.observed, p, done, clock)
}

// ask has the issuer sign by its own clock, and checks the answer by ours as take does.
func (w *timeline) ask(d certs.Decision, clock time.Time) error {
	w.asked++
	key, err := w.key(plan{decision: d})
	if err != nil {
		return err
	}
	csr, err := certs.CreateRequest(w.spec, key)
	if err != nil {
		return err
	}
	there := w.passed.Add(w.issuers)
	leaf := w.ca.SignRequest(w.t, csr, there.Add(-30*time.Second), there.Add(90*day))
	answer := certs.Bundle{Leaf: leaf, CA: w.standing.CAs, Key: key}
	if _, err := certs.CheckAnswer(answer, w.spec, nil, clock); err != nil {
		return err
	}
	w.secret = w.secretWith(material{cert: certstest.PEM(leaf), key: key.PEM(""), ca: certstest.PEM(w.ca.Cert), issuedAt: clock, digest: w.spec.Digest()})
	return nil
}

// check holds what is never to be: Ready after the end, or before the beginning.
func (w *timeline) check(clock time.Time) {
	w.t.Helper()
	chain, err := certs.ParseCertificates(w.secret.Data[corev1.TLSCertKey])
	if err != nil {
		w.t.Fatal(err)
	}
	good := clock.Before(chain[0].NotAfter) && !chain[0].NotBefore.After(clock.Add(certs.ClockSkew))
	if meta.IsStatusConditionTrue(w.cert.Status.Conditions, v1alpha1.ConditionReady) && !good {
		w.t.Errorf("Ready at %s, with a certificate from %s to %s", clock, chain[0].NotBefore, chain[0].NotAfter)
	}
}

func (w *timeline) ready() bool {
	return meta.IsStatusConditionTrue(w.cert.Status.Conditions, v1alpha1.ConditionReady)
}

// TestClockJumps: clocks that are set forward and back over renewal and expiry, ours alone and with the issuer's.
func TestClockJumps(t *testing.T) {
	for _, row := range []struct {
		name        string
		ours, both  time.Duration // how far the clock is set, for an hour
		most        int           // how often the issuer may be asked in that hour
		ready, then bool          // at the end of that hour, and of the hour after it was set right
		mostThen    int
	}{
		{"ours a minute ahead", time.Minute, 0, 0, true, true, 0},
		{"ours past the renewal", 70 * day, 0, 17, true, true, 0},
		{"ours past the end", 100 * day, 0, 125, false, true, 0},
		{"ours far back", -100 * day, 0, 17, false, true, 0},
		{"ours an hour back", -time.Hour, 0, 0, true, true, 0},
		{"both past the renewal", 70 * day, 70 * day, 1, true, true, 1},
		{"both past the end", 100 * day, 100 * day, 1, true, true, 1},
		{"both far back", -100 * day, -100 * day, 1, true, true, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := &timeline{scene: fits(t), t: t, passed: now}
			w.standing.CAs = []*x509.Certificate{w.ca.Cert}
			if n := w.run(time.Hour); n != 0 || !w.ready() {
				t.Fatalf("asked %d times before anything was set, ready %v", n, w.ready())
			}
			w.ours, w.issuers = row.ours, row.both
			if n := w.run(time.Hour + 2*resync); n > 3*row.most {
				t.Errorf("asked %d times in three hours with a wrong clock", n)
			}
			if n := w.run(time.Hour); n > row.most || w.ready() != row.ready {
				t.Errorf("asked %d times in an hour with a wrong clock, ready %v", n, w.ready())
			}
			w.ours, w.issuers = 0, 0
			if n := w.run(2 * time.Hour); n > row.mostThen || w.ready() != row.then {
				t.Errorf("asked %d times with the clock right again, ready %v", n, w.ready())
			}
		})
	}
}

// TestOverdue: what the clock brings nearer is noticed though no timer fires.
func TestOverdue(t *testing.T) {
	at := func(d time.Duration) *metav1.Time { return ptr.To(metav1.NewTime(now.Add(d))) }
	for _, row := range []struct {
		name                  string
		begins, renewal, ends time.Duration
		status                metav1.ConditionStatus
		reason                string
		want                  bool
	}{
		{"good", -day, day, 2 * day, yes, v1alpha1.ReasonIssued, false},
		{"just due", -day, -time.Second, day, yes, v1alpha1.ReasonIssued, false},
		{"due", -day, -time.Minute, day, yes, v1alpha1.ReasonIssued, true},
		{"due, and told", -day, -time.Minute, day, yes, v1alpha1.ReasonRenewalFailing, false},
		{"ended, and not told", -2 * day, -day, -time.Minute, yes, v1alpha1.ReasonRenewalFailing, true},
		{"ended, and told", -2 * day, -day, -time.Minute, no, v1alpha1.ReasonExpired, false},
		{"not valid yet", day, 2 * day, 3 * day, yes, v1alpha1.ReasonIssued, true},
	} {
		c := &v1alpha1.ApisixCertificate{Status: v1alpha1.ApisixCertificateStatus{RenewalTime: at(row.renewal), Issued: v1alpha1.IssuedCertificate{NotBefore: at(row.begins), NotAfter: at(row.ends)}}}
		meta.SetStatusCondition(&c.Status.Conditions, condition(v1alpha1.ConditionIssued, row.status, row.reason, ""))
		if got := overdue(c, now); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}
