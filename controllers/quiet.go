// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/recorder"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Normal events beyond a burst are dropped, down to so many a second: when a thousand certificates are made at once, their
// events would be as many writes as all others, and say what status, metrics and the log say too.
const (
	eventBurst    = 100
	eventsASecond = 5
)

// quiet is a manager whose recorders share the limit on Normal events.
type quiet struct {
	ctrl.Manager
	limit *rate.Limiter
}

func newQuiet(mgr ctrl.Manager) ctrl.Manager {
	return &quiet{mgr, rate.NewLimiter(eventsASecond, eventBurst)}
}

// GetEventRecorder gives a recorder with the limit.
func (q *quiet) GetEventRecorder(name string) recorder.EventRecorder {
	return &quietRecorder{q.Manager.GetEventRecorder(name), clock.RealClock{}, q.limit}
}

// quietRecorder drops Normal events beyond a limit that it may share with others.
type quietRecorder struct {
	recorder.EventRecorder
	clock clock.PassiveClock
	limit *rate.Limiter
}

// Eventf passes Warnings on and what was renewed before its time, which is news, and other Normal events within the limit.
func (r *quietRecorder) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	if kind == corev1.EventTypeNormal && reason != v1alpha1.ReasonRenewed && !r.limit.AllowN(r.clock.Now(), 1) {
		return
	}
	r.EventRecorder.Eventf(regarding, related, kind, reason, action, note, args...)
}
