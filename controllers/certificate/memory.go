// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

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
