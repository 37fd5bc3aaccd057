// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/fairqueue"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const day = 24 * time.Hour

// lasting is a certificate with these times from now on; zero: none.
func lasting(begins, renewal, ends time.Duration) *v1alpha1.ApisixCertificate {
	at := func(d time.Duration) *metav1.Time {
		if d == 0 {
			return nil
		}
		t := metav1.NewTime(now.Add(d))
		return &t
	}
	cert := &v1alpha1.ApisixCertificate{}
	cert.UID = "uid-c"
	cert.Status = v1alpha1.ApisixCertificateStatus{RenewalTime: at(renewal), Issued: v1alpha1.IssuedCertificate{NotBefore: at(begins), NotAfter: at(ends)}}
	return cert
}

func TestUrgency(t *testing.T) {
	deleted := lasting(0, 0, 0)
	deleted.DeletionTimestamp = &metav1.Time{Time: now}
	for _, row := range []struct {
		name      string
		cert      *v1alpha1.ApisixCertificate
		unchanged bool
		want      fairqueue.Class
		ends      time.Duration // from now; 0: not told
	}{
		{"none yet", lasting(0, 0, 0), true, fairqueue.Due, 0},
		{"none, and deleted", deleted, false, fairqueue.Changed, 0},
		{"good", lasting(-day, 60*day, 89*day), true, fairqueue.Unchanged, 0},
		{"good, and changed", lasting(-day, 60*day, 89*day), false, fairqueue.Changed, 0},
		{"due", lasting(-61*day, -day, 29*day), true, fairqueue.Due, 0},
		{"just before half of the time for its renewal", lasting(-75*day, -14*day, 15*day), true, fairqueue.Due, 0},
		{"half of the time for its renewal is over", lasting(-75*day, -15*day, 15*day), true, fairqueue.Expiring, 15 * day},
		{"over", lasting(-91*day, -31*day, -day), true, fairqueue.Expiring, -day},
		{"over, and not renewed here", lasting(-91*day, 0, -day), true, fairqueue.Expiring, -day},
		{"ends soon, and not renewed here", lasting(-89*day, 0, time.Minute), true, fairqueue.Unchanged, 0},
	} {
		class, ends := urgencyOf(row.cert, row.unchanged, now)
		if want := now.Add(row.ends).Unix(); class != row.want || row.ends != 0 && ends != want || row.ends == 0 && ends != 0 {
			t.Errorf("%s: class %d, ends %d", row.name, class, ends)
		}
	}
}

// TestMissed: a deadline that passed since the last run, by more than the queue's own timer needs.
func TestMissed(t *testing.T) {
	for _, row := range []struct {
		name string
		last time.Duration // run, from now; 0: none yet
		cert *v1alpha1.ApisixCertificate
		want bool
	}{
		{"no run yet", 0, lasting(-91*day, -31*day, -day), false},
		{"good", -time.Hour, lasting(-day, day, 2*day), false},
		{"just due", -time.Hour, lasting(-day, -14*time.Second, day), false},
		{"due", -time.Hour, lasting(-day, -15*time.Second, day), true},
		{"due, and run since", -time.Second, lasting(-day, -time.Minute, day), false},
		{"ended", -time.Hour, lasting(-2*day, -day, -time.Minute), true},
		{"ended, and run since", -time.Second, lasting(-2*day, -day, -time.Minute), false},
		{"the clock was set back before its beginning", time.Hour, lasting(day, 2*day, 3*day), true},
		{"the clock was set back a little", time.Hour, lasting(time.Minute, 2*day, 3*day), false},
		{"not valid yet, and seen so", -time.Hour, lasting(day, 2*day, 3*day), false},
	} {
		r := &Reconciler{}
		if row.last != 0 {
			r.memory.store(row.cert.UID, plan.Seen{At: now.Add(row.last)})
		}
		if got := r.MissedDeadline(row.cert, now); got != row.want {
			t.Errorf("%s: %v", row.name, got)
		}
	}
}
