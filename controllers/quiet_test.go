// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"testing"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"
	testclock "k8s.io/utils/clock/testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// In a burst few Normal events pass, and a second later some more; Warnings and what was renewed before its time always do.
func TestQuietEvents(t *testing.T) {
	clock := testclock.NewFakePassiveClock(time.Unix(1000, 0))
	fake := events.NewFakeRecorder(1000)
	r := &quietRecorder{fake, clock, rate.NewLimiter(eventsASecond, eventBurst)}
	tell := func(kind, reason string) int {
		for range 3 * eventBurst {
			r.Eventf(&corev1.Secret{}, nil, kind, reason, "Issue", "the secret does not exist")
		}
		count := len(fake.Events)
		for range count {
			<-fake.Events
		}
		return count
	}
	if got := tell(corev1.EventTypeNormal, v1alpha1.ReasonIssued); got != eventBurst {
		t.Errorf("%d Normal events, want %d", got, eventBurst)
	}
	if got := tell(corev1.EventTypeWarning, v1alpha1.ReasonConflict); got != 3*eventBurst {
		t.Errorf("%d Warnings, want all", got)
	}
	if got := tell(corev1.EventTypeNormal, v1alpha1.ReasonRenewed); got != 3*eventBurst {
		t.Errorf("%d events of a renewal before its time, want all", got)
	}
	clock.SetTime(clock.Now().Add(time.Second))
	if got := tell(corev1.EventTypeNormal, v1alpha1.ReasonIssued); got != eventsASecond {
		t.Errorf("%d Normal events after a second, want %d", got, eventsASecond)
	}
}
