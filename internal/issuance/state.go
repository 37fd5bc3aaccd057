// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// State is what is known before anything is signed. It holds only values.
type State struct {
	// ByRequest means that the issuer can only be used through a CertificateRequest.
	ByRequest bool

	underway   underway
	signableAt time.Time // when the next certificate may be signed
	held       string    // digest of the request of the response in memory; empty: none
}

// route is a way to get a certificate signed.
type route interface {
	// plan returns what prevents issuing, or that a response is available. It is pure.
	plan(o Request, d certs.Decision, now time.Time) Verdict
	// issue runs the next step. It returns an unchecked response, or what it is waiting for.
	issue(ctx context.Context, i *Issuers, o Request, d certs.Decision, try attempt) (*Response, *finding.Finding, error)
}

func (s State) route() route {
	if s.ByRequest {
		return viaCertManager{s.underway}
	}
	return viaVault{}
}

// Plan returns what to do about a certificate that is due. It is pure. The zero Verdict means: call Issue.
func (s State) Plan(o Request, d certs.Decision, now time.Time) Verdict {
	if s.hasResponse(o) {
		return Verdict{Uncounted: true}
	}
	verdict := s.route().plan(o, d, now)
	if verdict == (Verdict{}) && !Unprovoked(d.Reason) && s.signableAt.After(now) {
		return limitedVerdict(o, d, s.signableAt)
	}
	return verdict
}

// CallsVault reports whether Issue would call Vault, and try before that.
func (s State) CallsVault(o Request) bool { return !s.ByRequest && !s.hasResponse(o) }

// hasResponse reports whether there is a response to the request in memory.
func (s State) hasResponse(o Request) bool { return s.held != "" && s.held == o.digest() }

// Drop reports whether a pending request is no longer needed; due means that a new certificate is. See Issuers.Drop.
func (s State) Drop(o Request, due bool) bool {
	if s.held != "" && !due {
		return true
	}
	return s.underway.key != nil && (!due || o.Issuer != nil && !s.ByRequest)
}

// StartedAt returns when issuing started. With cert-manager that was in an earlier run.
func StartedAt(s State, now time.Time) time.Time {
	if key := s.underway.key; key != nil {
		return key.created
	}
	return now
}
