// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

// TestDecideOnce: what is issued once is not issued again for its age or its issuer, but reported; damage, another spec and a
// wish by hand are followed.
func TestDecideOnce(t *testing.T) {
	due := func(s *scene) { s.now = s.end.Add(-day) }
	expired := func(s *scene) { s.now = s.end }
	revoked := func(s *scene) { s.Revoked = true }
	rotated := func(s *scene) { s.CurrentCA = parents(certstest.NewCA(t, "next", now.Add(1000*day))) }
	for _, row := range []struct {
		name            string
		edits           []func(*scene)
		issued, skipped Reason
	}{
		{"good", nil, "", ""},
		{"due", []func(*scene){due}, "", RenewalDue},
		{"expired", []func(*scene){expired}, "", Expired},
		{"revoked", []func(*scene){revoked}, "", Revoked},
		{"revoked and due", []func(*scene){revoked, due}, "", Revoked},
		{"revoked and expired", []func(*scene){revoked, expired}, "", Expired},
		{"rotated", []func(*scene){rotated}, "", IssuerRotated},
		{"rotated and due", []func(*scene){rotated, due}, "", RenewalDue},
		{"rotated and expired", []func(*scene){rotated, expired}, "", Expired},
		{"due and requested", []func(*scene){due, func(s *scene) { s.RenewRequestedAt = s.now }}, RenewalRequested, RenewalDue},
		{"expired and requested", []func(*scene){expired, func(s *scene) { s.RenewRequestedAt = s.now }}, RenewalRequested, Expired},
		{"another spec", []func(*scene){due, func(s *scene) { s.Spec.DNSNames = []string{"other.example.com"} }}, NamesDiffer, ""},
		{"no Secret", []func(*scene){func(s *scene) { s.SecretExists = false }}, SecretMissing, ""},
		{"no key", []func(*scene){func(s *scene) { s.KeyPEM = nil }}, KeyMissing, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t)
			s.IssueOnce = true
			for _, edit := range row.edits {
				edit(s)
			}
			d := Decide(s.Observed, s.now)
			if d.Reason != row.issued || d.Issue != (row.issued != "") || d.Skipped != row.skipped || (d.SkippedMessage == "") != (d.Skipped == "") {
				t.Errorf("issue %v for %q, skipped %q %q", d.Issue, d.Reason, d.Skipped, d.SkippedMessage)
			}
			if s.now.Before(s.end) && d.Bundle.Leaf != nil && (d.Recheck.After(s.end) || d.Recheck.IsZero()) {
				t.Errorf("looked at again %s, it expires %s", d.Recheck, s.end)
			}
		})
	}
	s := newScene(t)
	s.IssueOnce = true
	if d := Decide(s.Observed, s.end.Add(-time.Second)); !d.Recheck.Equal(s.end) {
		t.Errorf("not checked when it expires but %s", d.Recheck)
	}
}
