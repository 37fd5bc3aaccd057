// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	tlsUse     = Use{Kind: "ApisixTls", Namespace: "default", Name: "shop", Hosts: []string{"shop.example.com"}}
	ingressUse = Use{Kind: kindIngress, Namespace: "default", Name: "shop", Hosts: []string{"shop.example.com"}, Index: 1}
)

// TestControllerID: CRC-32 of the names that the controllers compose.
func TestControllerID(t *testing.T) {
	for _, test := range []struct {
		line Line
		use  Use
		want string
	}{
		{Line18, tlsUse, "e99b77a4"},
		{Line2, tlsUse, "fdd74af1"},
		{Line2, ingressUse, "5ee50743"},
	} {
		if got := controllerID(test.line, test.use, "shop-tls"); got != test.want {
			t.Errorf("%s of %s: got %s, want %s", test.use.Kind, test.line, got, test.want)
		}
	}
	// The tests of test/coexistence compare those of an Ingress of 1.8 with the real one's: they depend on all of this.
	seen := map[string]string{}
	for name, use := range map[string]Use{
		"as it is": ingressUse, "other host": {Kind: kindIngress, Namespace: "default", Name: "shop", Hosts: []string{"www.example.com"}},
		"other name": {Kind: kindIngress, Namespace: "default", Name: "www", Hosts: ingressUse.Hosts},
	} {
		id := controllerID(Line18, use, "shop-tls")
		if seen[id] != "" {
			t.Errorf("%s and %s have one id", name, seen[id])
		}
		seen[id] = name
	}
}

// TestCRCIsNotPadded: a check sum that begins with zeros is written without them.
func TestCRCIsNotPadded(t *testing.T) {
	if got := crc("default_shop-101"); got != "f9e81b" {
		t.Errorf("got %s, want f9e81b", got)
	}
}

func TestPlanAdopt(t *testing.T) {
	target := Target{Fingerprint: "new"}
	old, current := Object{ID: "1", Fingerprint: "old"}, Object{ID: "1", Fingerprint: "new"}
	absent := Missing{Use: tlsUse, Line: Line2, ID: "2"}
	unknown := Missing{Use: tlsUse}
	mutual := absent
	mutual.Use.Mutual = true
	there := mutual
	there.There = true
	taken := absent
	taken.Taken = true
	implicit := Missing{Use: Use{Kind: kindIngress, Implicit: true}, Line: Line18, ID: "2"}
	late := func(m Missing) Adoption { return Adoption{Missing: []Missing{m}, Alone: controllerGrace} }
	for _, test := range []struct {
		name     string
		objects  []Object
		adoption Adoption
		want     Action
	}{
		{"nothing uses the Secret", nil, Adoption{}, Action{Verb: Wait, Again: waitLong}},
		{"as it should be", []Object{current}, Adoption{}, Action{Verb: Keep}},
		{"to be read back", []Object{current}, Adoption{Patches: 1, SincePatch: time.Second, ReadBack: true}, Action{Verb: Keep, Again: 2 * time.Second}},
		{"old", []Object{old}, Adoption{}, Action{Verb: Patch, IDs: []string{"1"}, Again: readBack}},
		{"old, undone just now", []Object{old}, Adoption{Patches: 1, SincePatch: time.Second}, Action{Verb: Yield, Again: 2 * time.Second}},
		{"old, undone once", []Object{old}, Adoption{Patches: 1, SincePatch: readBack}, Action{Verb: Patch, IDs: []string{"1"}, Again: readBack}},
		{"old, undone thrice", []Object{old}, Adoption{Patches: 3, SincePatch: readBack}, Action{Verb: Yield, Again: 27 * time.Second}},
		{"old, undone five times", []Object{old}, Adoption{Patches: 5}, Action{Verb: Yield, Again: 2 * time.Minute}},
		{"old, undone for ever", []Object{old}, Adoption{Patches: 100}, Action{Verb: Yield, Again: undoneMost}},
		{"old, after the pause", []Object{old}, Adoption{Patches: 100, SincePatch: undoneMost}, Action{Verb: Patch, IDs: []string{"1"}, Again: readBack}},
		{"missing", nil, Adoption{Missing: []Missing{absent}}, Action{Verb: Wait, Again: waitAgain}},
		{"missing, nearly long enough", nil, Adoption{Missing: []Missing{absent}, Alone: 4 * time.Second}, Action{Verb: Wait, Again: time.Second}},
		{"missing for long", nil, late(absent), Action{Verb: Make, IDs: []string{"2"}, Again: readBack}},
		{"missing beside a good one", []Object{current}, late(absent), Action{Verb: Make, IDs: []string{"2"}, Again: readBack}},
		{"an old one goes first", []Object{old}, late(absent), Action{Verb: Patch, IDs: []string{"1"}, Again: readBack}},
		{"unknown line", nil, late(unknown), Action{Verb: Wait, Again: waitLong}},
		{"asks clients for a certificate", nil, late(mutual), Action{Verb: Wait, Again: waitLong}},
		{"asks clients, and is there", nil, late(there), Action{Verb: Make, IDs: []string{"2"}, Again: readBack}},
		{"its id is taken", nil, late(taken), Action{Verb: Wait, Again: waitLong}},
		{"1.8 takes no entry without hosts", nil, late(implicit), Action{Verb: Wait, Again: waitLong}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := planAdopt(State{Mode: Adopt, Objects: test.objects, Adoption: test.adoption}, target)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMemory(t *testing.T) {
	now := time.Unix(1e9, 0)
	m := &memory{}
	first, second := Target{UID: "u", Fingerprint: "1"}, Target{UID: "u", Fingerprint: "2"}
	m.of(first, now)
	m.wrote(first, now.Add(time.Second))
	known := m.of(first, now.Add(3*time.Second))
	if known.Patches != 1 || known.SincePatch != 2*time.Second || !known.ReadBack || known.age != 3*time.Second {
		t.Errorf("of the first certificate: %+v", known)
	}
	if m.confirm(first); m.of(first, now).ReadBack {
		t.Error("read back, and still to be read back")
	}
	if alone := m.missing(first, true, now); alone != 0 {
		t.Errorf("missing for %s at once", alone)
	}
	known = m.of(second, now.Add(4*time.Second))
	if known.Patches != 0 || known.age != 0 {
		t.Errorf("a new certificate does not start anew: %+v", known)
	}
	if alone := m.missing(second, true, now.Add(4*time.Second)); alone != 4*time.Second {
		t.Errorf("missing for %s, want 4s: a renewal does not give the controller its time anew", alone)
	}
	if m.missing(second, false, now); m.missing(second, true, now.Add(time.Hour)) != 0 {
		t.Error("what was there between is missing for long")
	}
}
