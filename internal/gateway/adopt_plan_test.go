// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

var (
	tlsUse     = Use{Kind: "ApisixTls", Namespace: "default", Name: "shop", Hosts: []string{"shop.example.com"}, Class: "apisix", Controller: ingresscontroller.Class2}
	ingressUse = Use{Kind: "Ingress", Namespace: "default", Name: "shop", Hosts: []string{"shop.example.com"}, Index: 1}
)

func TestPlanAdopt(t *testing.T) {
	target := Target{Pair: Pair{Fingerprint: "new"}}
	old, current := Object{ID: "1", Fingerprint: "old"}, Object{ID: "1", Fingerprint: "new"}
	absent := Missing{Use: tlsUse, Hosts: tlsUse.Hosts, Version: ingresscontroller.V2, ID: "2"}
	unknown := Missing{Use: tlsUse}
	mutual := absent
	mutual.Use.Mutual = true
	there := mutual
	there.There = true
	taken := absent
	taken.Taken = true
	implicit := Missing{Use: Use{Kind: "Ingress", Implicit: true}, Hosts: tlsUse.Hosts, Version: ingresscontroller.V18, ID: "2"}
	unserved, notOwned, elsewhere := absent, absent, absent
	elsewhere.Elsewhere, elsewhere.Unserved = true, true
	unserved.Unserved, notOwned.Hosts = true, nil
	late := func(m Missing) Adoption { return Adoption{Missing: []Missing{m}, Alone: controllerGrace} }
	for _, test := range []struct {
		name     string
		objects  []Object
		adoption Adoption
		want     Action
	}{
		{"nothing uses the Secret", nil, Adoption{}, Action{Verb: Idle, Again: waitLong}},
		{"nothing here uses the Secret", nil, late(elsewhere), Action{Verb: Idle, Again: waitLong}},
		{"as it should be, and used elsewhere too", []Object{current}, late(elsewhere), Action{Verb: Keep}},
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
		{"unknown line", nil, late(unknown), Action{Verb: Wait, Again: waitAgain}},
		{"asks clients for a certificate", nil, late(mutual), Action{Verb: Wait, Again: waitAgain}},
		{"asks clients, and is there", nil, late(there), Action{Verb: Make, IDs: []string{"2"}, Again: readBack}},
		{"its id is taken", nil, late(taken), Action{Verb: Wait, Again: waitAgain}},
		{"1.8 takes no entry without hosts", nil, late(implicit), Action{Verb: Wait, Again: waitAgain}},
		{"no controller serves it", nil, late(unserved), Action{Verb: Wait, Again: waitAgain}},
		{"none of its hosts is the target's", nil, late(notOwned), Action{Verb: Wait, Again: waitAgain}},
		{"for ever", nil, Adoption{Missing: []Missing{unserved}, Alone: time.Hour}, Action{Verb: Wait, Again: waitLong}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := planAdopt(State{Mode: Adopt, Objects: test.objects, Adoption: test.adoption}, target)
			if written := got.Verb == Patch || got.Verb == Make; written != (got.Why != "") {
				t.Errorf("%s because %q", got.Verb, got.Why)
			}
			got.Why = ""
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
