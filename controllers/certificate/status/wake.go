// SPDX-License-Identifier: Apache-2.0

package status

import (
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

const (
	// resync is how often a certificate is looked at though nothing happened. What is at its gateways is looked after by
	// package drift, for all certificates together.
	resync = time.Hour
	// Lagging is how soon to look again at what is not served: gateways lag.
	Lagging = 2 * time.Second
	// setupRecheck is how often a fault of the set-up is tried again without a change in the cluster; setupSoon how soon at
	// first: who has just made a mistake is about to correct it.
	setupRecheck, setupSoon = time.Minute, 5 * time.Second
)

// Wake is when to run again though nothing happens. seen is after the run.
func Wake(s *plan.Snapshot, p *plan.Plan, done *plan.Results, status *v1alpha1.ApisixCertificateStatus, seen plan.Seen, now time.Time) time.Duration {
	next := plan.Earliest(now.Add(lookAfter(string(s.Cert.UID))), p.Next)
	if done.Postponed {
		return time.Millisecond
	}
	if done.Err != nil && done.Attempted && !done.Issued {
		next = plan.Earliest(next, now.Add(certs.Backoff(int(status.FailedAttempts), p.Decision.NotAfter.Sub(now))))
	}
	if !done.BusyUntil.IsZero() {
		return max(plan.Earliest(next, done.BusyUntil).Sub(now), plan.ShortestWait)
	}
	if p.Held != nil || done.PendingOr(p.Pending) != nil || done.RevokeErr != nil {
		next = plan.Earliest(next, now.Add(recheckAfter(seen.HeldSince, now)))
	}
	if done.ClearAgain {
		next = plan.Earliest(next, now.Add(setupRecheck))
	}
	for _, g := range done.Gateways {
		if g.RequeueAfter > 0 {
			next = plan.Earliest(next, now.Add(g.RequeueAfter))
		}
		switch {
		case plan.Busy(g):
			next = now
		case plan.RefusedBy(g):
			next = plan.Earliest(next, now.Add(recheckAfter(seen.PushHeldSince, now)))
		case g.Verb == gateway.ActionRenew:
			next = plan.Earliest(next, now.Add(time.Second))
		case g.Unserved() && now.Sub(seen.UnservedSince) > setupRecheck:
			next = plan.Earliest(next, now.Add(setupRecheck/2))
		case g.Unserved():
			next = plan.Earliest(next, now.Add(Lagging))
		}
	}
	shortest := time.Second
	if left := p.Decision.NotAfter.Sub(now); left > 0 { // the end is told on time
		shortest = min(shortest, left)
	}
	return max(next.Sub(now), shortest)
}

// recheckAfter is how soon to try again what a fault of the set-up stands in the way of: after as long as it has lasted by now,
// which doubles from one time to the next, from 5 s to a minute.
func recheckAfter(since, now time.Time) time.Duration {
	return min(max(now.Sub(since), setupSoon), setupRecheck)
}

// Transient is the error to return so that the queue backs off: of a gateway that does not answer, and of Kubernetes.
// A failure to issue has its own backoff, kept in status.
func Transient(done *plan.Results) error {
	var all []error
	if done.Err != nil && (!done.Attempted || done.Issued) {
		all = append(all, done.Err)
	}
	for _, g := range done.Gateways {
		if g.Err != nil && !gateway.Refused(g.Err) && !plan.Busy(g) {
			all = append(all, fmt.Errorf("gateway %s: %w", g.Name, g.Err))
		}
	}
	return errors.Join(all...)
}

// lookAfter is when to look at an object again though nothing happens: resync, less up to a tenth that depends on the
// object alone.
func lookAfter(uid string) time.Duration {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return resync - time.Duration(float64(resync/10)*float64(hash.Sum32())/(1<<32))
}
