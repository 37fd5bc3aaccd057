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

// Normal events above a burst are dropped, down to a rate per second. When a thousand certificates are created at once, their
// events would double the number of writes, and only repeat what status, metrics and log say.
const (
	eventBurst    = 100
	eventsASecond = 5
)

// quiet is a manager whose event recorders share the limit on Normal events.
type quiet struct {
	ctrl.Manager
	limit *rate.Limiter
}

func newQuiet(mgr ctrl.Manager) ctrl.Manager {
	return &quiet{mgr, rate.NewLimiter(eventsASecond, eventBurst)}
}

// GetEventRecorder returns a recorder with the limit.
func (q *quiet) GetEventRecorder(name string) recorder.EventRecorder {
	return &quietRecorder{q.Manager.GetEventRecorder(name), clock.RealClock{}, q.limit}
}

// quietRecorder drops Normal events above a limit, which it may share with other recorders.
type quietRecorder struct {
	recorder.EventRecorder
	clock clock.PassiveClock
	limit *rate.Limiter
}

// Eventf records Warnings, renewals before their time, and other Normal events within the limit.
func (r *quietRecorder) Eventf(regarding, related runtime.Object, kind, reason, action, note string, args ...any) {
	if kind == corev1.EventTypeNormal && reason != v1alpha1.ReasonRenewed && !r.limit.AllowN(r.clock.Now(), 1) {
		return
	}
	r.EventRecorder.Eventf(regarding, related, kind, reason, action, note, args...)
}
