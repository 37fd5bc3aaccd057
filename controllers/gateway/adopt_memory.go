// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"
	"time"
)

// memory is what a gateway remembers of targets between runs: when it saw and wrote what. It is empty after a restart,
// when ingress controllers are given their time anew.
type memory struct {
	sync.Mutex
	byUID map[string]remembered
}

type remembered struct {
	fingerprint  string
	since        time.Time // the first time that the certificate was seen
	missingSince time.Time // zero: nothing is missing
	patches      int
	patchedAt    time.Time
	readBack     bool
}

// recollection is what is known of a target at a moment.
type recollection struct {
	Adoption
	age time.Duration
}

// of tells what is known of the target; a new certificate starts anew.
func (m *memory) of(t Target, now time.Time) recollection {
	m.Lock()
	defer m.Unlock()
	r := m.byUID[t.UID]
	if r.fingerprint != t.Fingerprint || r.since.IsZero() {
		r = remembered{fingerprint: t.Fingerprint, since: now, missingSince: r.missingSince}
		m.set(t, r)
	}
	known := recollection{age: now.Sub(r.since)}
	known.Patches, known.ReadBack = r.patches, r.readBack
	if r.patches > 0 {
		known.SincePatch = now.Sub(r.patchedAt)
	}
	return known
}

// missing records whether something is missing, and tells for how long.
func (m *memory) missing(t Target, is bool, now time.Time) time.Duration {
	m.Lock()
	defer m.Unlock()
	r := m.byUID[t.UID]
	switch {
	case !is:
		r.missingSince = time.Time{}
	case r.missingSince.IsZero():
		r.missingSince = now
	}
	m.set(t, r)
	if !is {
		return 0
	}
	return now.Sub(r.missingSince)
}

// wrote records a write of the target's certificate, or that the controller was found to have made it just now.
func (m *memory) wrote(t Target, now time.Time) {
	m.Lock()
	defer m.Unlock()
	r := m.byUID[t.UID]
	r.patches, r.patchedAt, r.readBack = r.patches+1, now, true
	r.missingSince = time.Time{}
	m.set(t, r)
}

func (m *memory) confirm(t Target) {
	m.Lock()
	defer m.Unlock()
	r := m.byUID[t.UID]
	r.readBack = false
	m.set(t, r)
}

func (m *memory) forget(t Target) {
	m.Lock()
	defer m.Unlock()
	delete(m.byUID, t.UID)
}

// set is called with the lock held.
func (m *memory) set(t Target, r remembered) {
	if m.byUID == nil {
		m.byUID = map[string]remembered{}
	}
	m.byUID[t.UID] = r
}
