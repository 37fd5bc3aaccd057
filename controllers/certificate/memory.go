// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
)

// memory holds what earlier runs saw of each certificate, by UID.
type memory struct {
	mu    sync.Mutex
	byUID map[types.UID]plan.Seen
	// forced are certificates whose serving has to be verified again, by name.
	forced map[types.NamespacedName]bool
	// written is when a certificate was written that no handshake has returned yet, by UID.
	written map[types.UID]time.Time
	// waiting are certificates that their issuer could not serve yet because of its limits, by UID.
	waiting map[types.UID]busyWait
}

// busyWait is the wait for a busy issuer.
type busyWait struct {
	busy    *vault.BusyError
	version string    // resource version of the certificate
	until   time.Time // when it is observed again in any case
}

// maxUnobserved is how long a certificate may wait for a busy issuer without being observed again.
const maxUnobserved = 2 * time.Second

// noteBusy records that the issuer is too busy for a certificate.
func (m *memory) noteBusy(cert *v1alpha1.ApisixCertificate, busy *vault.BusyError, now time.Time) {
	until := now.Add(maxUnobserved)
	if end := cert.Status.Issued.NotAfter; end != nil && end.After(now) && end.Time.Before(until) {
		until = end.Time // the expiry has to be reported in time
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting == nil {
		m.waiting = map[types.UID]busyWait{}
	}
	m.waiting[cert.UID] = busyWait{busy, cert.ResourceVersion, until}
}

// remainingWait returns how long an unchanged certificate still has to wait for its busy issuer, or zero if it has to be
// observed again. With thousands in the queue, most of the work would otherwise be observing certificates that cannot be
// issued yet.
func (m *memory) remainingWait(cert *v1alpha1.ApisixCertificate, now time.Time) time.Duration {
	m.mu.Lock()
	w, ok := m.waiting[cert.UID]
	delete(m.waiting, cert.UID)
	forced := m.forced[client.ObjectKeyFromObject(cert)]
	m.mu.Unlock()
	if !ok || forced || w.version != cert.ResourceVersion || !now.Before(w.until) {
		return 0
	}
	notBefore, busy := w.busy.StillBusy()
	if !busy || notBefore.After(w.until) {
		return 0
	}
	m.mu.Lock()
	m.waiting[cert.UID] = w
	m.mu.Unlock()
	return max(notBefore.Sub(now), plan.ShortestWait)
}

func (m *memory) load(key types.NamespacedName, uid types.UID) plan.Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.byUID[uid]
	s.ForceVerify = m.forced[key]
	delete(m.forced, key)
	return s
}

// get is load without clearing the forced verification.
func (m *memory) get(uid types.UID) plan.Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byUID[uid]
}

func (m *memory) store(uid types.UID, s plan.Seen) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byUID == nil {
		m.byUID = map[types.UID]plan.Seen{}
	}
	m.byUID[uid] = s
}

func (m *memory) forceVerify(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.forced == nil {
		m.forced = map[types.NamespacedName]bool{}
	}
	m.forced[key] = true
}

func (m *memory) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byUID, uid)
	delete(m.written, uid)
	delete(m.waiting, uid)
}

// noteWritten records when a new certificate was written.
func (m *memory) noteWritten(uid types.UID, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.written == nil {
		m.written = map[types.UID]time.Time{}
	}
	m.written[uid] = at
}

// takeWritten returns when the certificate that is now served was written, and forgets it.
func (m *memory) takeWritten(uid types.UID) (at time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok = m.written[uid]
	delete(m.written, uid)
	return at, ok
}
