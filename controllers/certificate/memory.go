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

// memory has what was seen of all certificates, by UID.
type memory struct {
	mu    sync.Mutex
	byUID map[types.UID]plan.Seen
	// suspects are certificates that may not be served any more, by name.
	suspects map[types.NamespacedName]bool
	// written is when certificates were written that no handshake has shown yet, by UID.
	written map[types.UID]time.Time
	// waiting are certificates whose issuer had no turn for them a moment ago, by UID.
	waiting map[types.UID]wait
}

// wait is for a turn at an issuer.
type wait struct {
	busy    *vault.BusyError
	version string    // of the certificate
	until   time.Time // when it is observed in any case
}

// unobserved is how long a certificate may wait for its turn without being observed again.
const unobserved = 2 * time.Second

// waits notes that the issuer has no turn for a certificate.
func (m *memory) waits(cert *v1alpha1.ApisixCertificate, busy *vault.BusyError, now time.Time) {
	until := now.Add(unobserved)
	if end := cert.Status.Issued.NotAfter; end != nil && end.After(now) && end.Time.Before(until) {
		until = end.Time // which is to be said
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting == nil {
		m.waiting = map[types.UID]wait{}
	}
	m.waiting[cert.UID] = wait{busy, cert.ResourceVersion, until}
}

// stillWaits gives how long to wait for the turn of a certificate that is as it was when its issuer had none, and zero where it
// is to be observed. With thousands in the queue, most of the work would be to observe those that have no turn yet.
func (m *memory) stillWaits(cert *v1alpha1.ApisixCertificate, now time.Time) time.Duration {
	m.mu.Lock()
	w, ok := m.waiting[cert.UID]
	delete(m.waiting, cert.UID)
	suspect := m.suspects[client.ObjectKeyFromObject(cert)]
	m.mu.Unlock()
	if !ok || suspect || w.version != cert.ResourceVersion || !now.Before(w.until) {
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

func (m *memory) of(key types.NamespacedName, uid types.UID) plan.Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.byUID[uid]
	s.Suspect = m.suspects[key]
	delete(m.suspects, key)
	return s
}

// peek is of, without taking the suspicion.
func (m *memory) peek(uid types.UID) plan.Seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byUID[uid]
}

func (m *memory) keep(uid types.UID, s plan.Seen) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byUID == nil {
		m.byUID = map[types.UID]plan.Seen{}
	}
	m.byUID[uid] = s
}

func (m *memory) suspect(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.suspects == nil {
		m.suspects = map[types.NamespacedName]bool{}
	}
	m.suspects[key] = true
}

func (m *memory) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byUID, uid)
	delete(m.written, uid)
	delete(m.waiting, uid)
}

// wrote notes a new certificate.
func (m *memory) wrote(uid types.UID, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.written == nil {
		m.written = map[types.UID]time.Time{}
	}
	m.written[uid] = at
}

// served gives, once, when the certificate that is served by now was written.
func (m *memory) served(uid types.UID) (at time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, ok = m.written[uid]
	delete(m.written, uid)
	return at, ok
}
