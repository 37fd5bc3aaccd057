// SPDX-License-Identifier: Apache-2.0

// Package memory is what is remembered of the certificates at a gateway that an ingress controller keeps: when they were
// seen and written, and how fast the controller is.
//
//	known := m.Of(uid, fingerprint, now)          // a new certificate starts from nothing
//	headStart := m.Await(uid, carried, now)       // how old it may become before it is written
//	m.Wrote(uid, now)
//
// It is empty after a restart, when ingress controllers are given their time again. Nothing in it is a right to write.
package memory

import (
	"sync"
	"time"
)

// Memory is that of one gateway, safe for concurrent use. The zero value is ready. Certificates are named by the UID of
// their ApisixCertificate.
type Memory struct {
	mu    sync.Mutex
	byUID map[string]remembered
	pace  pace
}

type remembered struct {
	fingerprint  string
	since        time.Time // the first time that the certificate was seen
	missingSince time.Time // zero: nothing is missing
	writes       int
	wroteAt      time.Time
	readBack     bool
	// headStart is what the ingress controller was given for this certificate, once begun; awaited while it runs.
	headStart      time.Duration
	begun, awaited bool
}

// Known is what is known of a certificate at a moment.
type Known struct {
	// Age is how long the certificate has been known.
	Age time.Duration
	// Writes counts those of this certificate so far, SinceWrite is the time since the last one.
	Writes     int
	SinceWrite time.Duration
	// ReadBack: the last write has not been looked at again yet.
	ReadBack bool
	// Awaited: the ingress controller was seen without the certificate, and has its head start.
	Awaited bool
}

// Of is what is known; a new certificate starts from nothing.
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

// Await begins the head start of a certificate that the ingress controller has not carried yet, or ends it when it has. It
// gives the age until which the certificate is left to the controller; zero: it is not.
func (m *Memory) Await(uid string, carried bool, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byUID[uid]
	switch {
	case carried && r.awaited && r.writes == 0:
		m.pace.carried(now.Sub(r.since))
		r.awaited = false
	case carried || r.writes > 0:
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

// Missing records whether something is missing, and gives for how long.
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

// Wrote records a write of the certificate into the ingress controller's objects, which had not carried it.
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

// Confirm records that the last write was looked at again and has lasted.
func (m *Memory) Confirm(uid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.byUID[uid]
	r.readBack = false
	m.set(uid, r)
}

// Forget drops what is known of a certificate.
func (m *Memory) Forget(uid string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byUID, uid)
}

// set is called with the lock held.
func (m *Memory) set(uid string, r remembered) {
	if m.byUID == nil {
		m.byUID = map[string]remembered{}
	}
	m.byUID[uid] = r
}
