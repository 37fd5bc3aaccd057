// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// seen is what this process has seen of a certificate in the runs before. Nothing of it is needed after a restart: it saves
// writes and handshakes, and paces how often the same is tried.
type seen struct {
	// at is when the last run was; zero: never.
	at time.Time
	// unserved is the certificate, by fingerprint, that the last handshakes did not show though it was pushed, since when
	// that is so, and rewritten whether it was written once more for it.
	unserved      string
	unservedSince time.Time
	rewritten     bool
	// held and pushHeld are why the spec was not followed, or a gateway did not take the certificate, and since when.
	held, pushHeld           string
	heldSince, pushHeldSince time.Time
	// suspect: what was seen to be served is to be looked at anew.
	suspect bool
}

// memory has what was seen of all certificates, by UID.
type memory struct {
	mu    sync.Mutex
	byUID map[types.UID]seen
	// suspects are certificates that may not be served any more, by name.
	suspects map[types.NamespacedName]bool
	// written is when certificates were written that no handshake has shown yet, by UID.
	written map[types.UID]time.Time
}

func (m *memory) of(key types.NamespacedName, uid types.UID) seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.byUID[uid]
	s.suspect = m.suspects[key]
	delete(m.suspects, key)
	return s
}

// peek is of, without taking the suspicion.
func (m *memory) peek(uid types.UID) seen {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.byUID[uid]
}

func (m *memory) keep(uid types.UID, s seen) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byUID == nil {
		m.byUID = map[types.UID]seen{}
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

// after is what was seen once a run is over.
func (s seen) after(p Plan, done Results, now time.Time) seen {
	next := seen{at: now}
	for _, result := range done.Gateways {
		if result.Unserved() {
			next.unserved, next.rewritten = p.target.Fingerprint, true
		}
	}
	next.unservedSince = since(s.unserved, s.unservedSince, next.unserved, now)
	if p.Held != nil {
		next.held = p.Held.Reason
	} else if pending := done.pendingOr(p.Pending); pending != nil {
		next.held = pending.Reason
	} else if done.RevokeErr != nil {
		next.held = "Revoke"
	}
	next.heldSince = since(s.held, s.heldSince, next.held, now)
	for _, result := range done.Gateways {
		if refusedBy(result) {
			next.pushHeld = result.Name
		}
	}
	next.pushHeldSince = since(s.pushHeld, s.pushHeldSince, next.pushHeld, now)
	return next
}

// since is from when on something is as it is; zero where it is nothing.
func since(was string, since time.Time, is string, now time.Time) time.Time {
	switch {
	case is == "":
		return time.Time{}
	case is == was:
		return since
	}
	return now
}
