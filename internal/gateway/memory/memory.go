// SPDX-License-Identifier: Apache-2.0

// Package memory remembers certificates at a gateway that an ingress controller manages: when they were first seen and
// written, and how fast the controller is.
//
//	known := m.Get(uid, fingerprint, now)         // a new certificate starts empty
//	headStart := m.Await(uid, synced, now)        // the age at which it is written
//	m.Wrote(uid, now)
//
// It is empty after a restart, and ingress controllers then get their head start again. It never gives the right to write
// an object.
package memory

import (
	"sync"
	"time"
)

// Memory is the memory for one gateway. It is safe for concurrent use, and its zero value is ready to use. Certificates are
// identified by the UID of their ApisixCertificate.
type Memory struct {
	mu    sync.Mutex
	byUID map[string]remembered
	pace  pace
}

type remembered struct {
	fingerprint  string
	since        time.Time // when the certificate was first seen
	missingSince time.Time // zero means that nothing is missing
	writes       int
	wroteAt      time.Time
	readBack     bool
	// headStart is the time that the ingress controller has for this certificate once begun is set; awaited is set while it
	// runs.
	headStart      time.Duration
	begun, awaited bool
}

// Known is what is known of a certificate at one time.
type Known struct {
	// Age is the time since the certificate was first seen.
	Age time.Duration
	// Writes counts the writes of this certificate, SinceWrite is the time since the last one.
	Writes     int
	SinceWrite time.Duration
	// ReadBack: the last write has not been verified yet.
	ReadBack bool
	// Awaited: the ingress controller does not have the certificate yet, and its head start runs.
	Awaited bool
}

// Get returns what is known of a certificate. A new certificate starts empty.
func (m *Memory) Get(uid, fingerprint string, now time.Time) Known {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byUID[uid]
	if r.fingerprint != fingerprint || r.since.IsZero() {
		r = remembered{fingerprint: fingerprint, since: now, missingSince: r.missingSince}
		m.set(uid, r)
	}
	known := Known{Age: now.Sub(r.since), Writes: r.writes, ReadBack: r.readBack, Awaited: r.awaited}
	if r.writes > 0 {
		known.SinceWrite = now.Sub(r.wroteAt)
	}
	return known
}

// Await starts the head start of a certificate that the ingress controller has not synced yet, or ends it if it has. It
// returns the age until which the controller may sync the certificate; zero means that it is not awaited.
func (m *Memory) Await(uid string, synced bool, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byUID[uid]
	switch {
	case synced && r.awaited && r.writes == 0:
		m.pace.synced(now.Sub(r.since))
		r.awaited = false
	case synced || r.writes > 0:
		r.awaited = false
	case !r.begun:
		r.headStart = m.pace.headStart(now)
		r.begun, r.awaited = true, r.headStart > 0
	}
	m.set(uid, r)
	if !r.awaited {
		return 0
	}
	return r.headStart
}

// Missing records whether something is missing, and returns for how long it has been.
func (m *Memory) Missing(uid string, is bool, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byUID[uid]
	switch {
	case !is:
		r.missingSince = time.Time{}
	case r.missingSince.IsZero():
		r.missingSince = now
	}
	m.set(uid, r)
	if !is {
		return 0
	}
	return now.Sub(r.missingSince)
}

// Wrote records a write of the certificate into the ingress controller's objects, as it had not synced it.
func (m *Memory) Wrote(uid string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byUID[uid]
	if r.awaited {
		m.pace.missed(r.headStart)
	}
	r.writes, r.wroteAt, r.readBack = r.writes+1, now, true
	r.missingSince, r.awaited = time.Time{}, false
	m.set(uid, r)
}

// Confirm records that the last write was verified.
func (m *Memory) Confirm(uid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byUID[uid]
	r.readBack = false
	m.set(uid, r)
}

// Forget removes what is known of a certificate.
func (m *Memory) Forget(uid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byUID, uid)
}

// set must be called with the lock held.
func (m *Memory) set(uid string, r remembered) {
	if m.byUID == nil {
		m.byUID = map[string]remembered{}
	}
	m.byUID[uid] = r
}
