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
	// resyncPeriod is how often a certificate is reconciled without any event. Package drift checks the gateways for all
	// certificates together.
	resyncPeriod = time.Hour
	// ServedRecheck is how soon to check again what is not served yet, because gateways lag.
	ServedRecheck = 2 * time.Second
	// setupBackoffMax is the longest interval at which a setup error is retried without a change in the cluster, and
	// setupBackoffMin the first: a fresh mistake is often corrected soon.
	setupBackoffMax, setupBackoffMin = time.Minute, 5 * time.Second
)

// RequeueAfter returns when to run again without any event. seen is the state after the run.
func RequeueAfter(s *plan.Snapshot, p *plan.Plan, done *plan.Results, status *v1alpha1.ApisixCertificateStatus, seen plan.Seen, now time.Time) time.Duration {
	next := plan.Earliest(now.Add(resyncInterval(string(s.Cert.UID))), p.Next)
	if done.Postponed {
		return time.Millisecond
	}
	if done.Err != nil && done.Attempted && !done.Issued {
		next = plan.Earliest(next, now.Add(certs.Backoff(int(status.FailedAttempts), p.Decision.NotAfter.Sub(now))))
	}
	if !done.BusyUntil.IsZero() {
		return max(plan.Earliest(next, done.BusyUntil).Sub(now), plan.ShortestWait)
	}
	if p.Blocked != nil || done.PendingOr(p.Pending) != nil || done.RevokeErr != nil {
		next = plan.Earliest(next, now.Add(setupBackoff(seen.BlockedSince, now)))
	}
	if done.ClearAgain {
		next = plan.Earliest(next, now.Add(setupBackoffMax))
	}
	for _, g := range done.Gateways {
		if g.RequeueAfter > 0 {
			next = plan.Earliest(next, now.Add(g.RequeueAfter))
		}
		switch {
		case plan.Busy(g):
			next = now
		case plan.RefusedBy(g):
			next = plan.Earliest(next, now.Add(setupBackoff(seen.PushBlockedSince, now)))
		case g.Verb == gateway.ActionRenew:
			next = plan.Earliest(next, now.Add(time.Second))
		case g.Unserved() && now.Sub(seen.UnservedSince) > setupBackoffMax:
			next = plan.Earliest(next, now.Add(setupBackoffMax/2))
		case g.Unserved():
			next = plan.Earliest(next, now.Add(ServedRecheck))
		}
	}
	shortest := time.Second
	if left := p.Decision.NotAfter.Sub(now); left > 0 { // report the expiry on time
		shortest = min(shortest, left)
	}
	return max(next.Sub(now), shortest)
}

// setupBackoff returns how soon to retry after a setup error: after as long as it has lasted, which doubles the interval
// each time, between 5 s and a minute.
func setupBackoff(since, now time.Time) time.Duration {
	return min(max(now.Sub(since), setupBackoffMin), setupBackoffMax)
}

// Transient returns the error that makes the queue back off: of a gateway that does not respond, and of Kubernetes. A
// failure to issue has its own backoff, recorded in the status.
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

// resyncInterval returns resyncPeriod less up to a tenth that depends only on the object.
func resyncInterval(uid string) time.Duration {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(uid))
	return resyncPeriod - time.Duration(float64(resyncPeriod/10)*float64(hash.Sum32())/(1<<32))
}
