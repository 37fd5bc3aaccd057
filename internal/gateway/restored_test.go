// SPDX-License-Identifier: Apache-2.0

package gateway

import "testing"

// A restore gives an ApisixCertificate another UID. What it left at the gateway is replaced, and nothing else is.
func TestOwnRestored(t *testing.T) {
	skipReal(t)
	for _, row := range []struct {
		name  string
		after func(*ownScene, *Target)
		verb  Verb
		old   bool // the object of before stays
	}{
		{"restored with its Secret", func(*ownScene, *Target) {}, ActionPut, false},
		{"restored with another certificate", func(s *ownScene, t *Target) {
			other := s.target("u2", t.Hosts...)
			t.Cert, t.Key, t.Fingerprint, t.Serial = other.Cert, other.Key, other.Fingerprint, other.Serial
		}, ActionRefuse, true},
		{"of another name", func(_ *ownScene, t *Target) { t.Name = "other" }, ActionRefuse, true},
		{"of another cluster", func(s *ownScene, _ *Target) { s.Cluster = "green" }, ActionRefuse, true},
		{"the other one exists", func(_ *ownScene, t *Target) { t.Known = func(string, string, string) bool { return true } }, ActionPut, true},
		{"the key is at the gateway alone", func(_ *ownScene, t *Target) { t.Key = nil }, ActionRefuse, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newOwnScene(t)
			target := s.target("u1", "a.example.com", "b.example.com")
			s.mustPush(target)
			old := s.ID(target)
			target.UID, target.Known = "u2", func(_, _, uid string) bool { return uid == "u2" }
			row.after(s, &target)
			state, err := s.Observe(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			if _, action, err := s.Push(t.Context(), state, target); action.Verb != row.verb || err != nil {
				t.Errorf("%s %v, want %s", action.Verb, err, row.verb)
			}
			if stays := s.object(old) != nil; stays != row.old {
				t.Errorf("the object of before stays: %t, want %t", stays, row.old)
			}
			if row.verb != ActionPut {
				return
			}
			if _, verb, proof := s.push(target); verb != ActionKeep || !proof.Served {
				t.Errorf("again: %s %+v", verb, proof)
			}
		})
	}
}
