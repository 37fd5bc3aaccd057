// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

var (
	tlsUse     = Reference{Kind: "ApisixTls", Namespace: "default", Name: "shop", Hosts: []string{"shop.example.com"}, Class: "apisix", Controller: ingresscontroller.Class2}
	ingressUse = Reference{Kind: "Ingress", Namespace: "default", Name: "shop", Hosts: []string{"shop.example.com"}, Index: 1}
)

func TestPlanAdopt(t *testing.T) {
	target := Target{Pair: Pair{Fingerprint: "new"}}
	old, current := Object{ID: "1", Fingerprint: "old"}, Object{ID: "1", Fingerprint: "new"}
	absent := Missing{Reference: tlsUse, Hosts: tlsUse.Hosts, Version: ingresscontroller.V2, ID: "2"}
	unknown := Missing{Reference: tlsUse}
	mutual := absent
	mutual.Reference.RequiresClientCert = true
	there := mutual
	there.Exists = true
	taken := absent
	taken.IDTaken = true
	implicit := Missing{Reference: Reference{Kind: "Ingress", HostsFromRules: true}, Hosts: tlsUse.Hosts, Version: ingresscontroller.V18, ID: "2"}
	unserved, notOwned, elsewhere := absent, absent, absent
	elsewhere.OtherController, elsewhere.Unserved = true, true
	unserved.Unserved, notOwned.Hosts = true, nil
	late := func(m Missing) Adoption { return Adoption{Missing: []Missing{m}, MissingFor: controllerGrace} }
	for _, test := range []struct {
		name     string
		objects  []Object
		adoption Adoption
		want     Action
	}{
		{"nothing uses the Secret", nil, Adoption{}, Action{Verb: ActionIdle, RequeueAfter: maxWaitInterval}},
		{"nothing here uses the Secret", nil, late(elsewhere), Action{Verb: ActionIdle, RequeueAfter: maxWaitInterval}},
		{"as it should be, and used elsewhere too", []Object{current}, late(elsewhere), Action{Verb: ActionKeep}},
		{"as it should be", []Object{current}, Adoption{}, Action{Verb: ActionKeep}},
		{"to be read back", []Object{current}, Adoption{Patches: 1, SincePatch: time.Second, ReadBack: true}, Action{Verb: ActionKeep, RequeueAfter: 2 * time.Second}},
		{"old", []Object{old}, Adoption{}, Action{Verb: ActionPatch, IDs: []string{"1"}, RequeueAfter: readBackDelay}},
		{"old, undone just now", []Object{old}, Adoption{Patches: 1, SincePatch: time.Second}, Action{Verb: ActionBackOff, RequeueAfter: 2 * time.Second}},
		{"old, undone once", []Object{old}, Adoption{Patches: 1, SincePatch: readBackDelay}, Action{Verb: ActionPatch, IDs: []string{"1"}, RequeueAfter: readBackDelay}},
		{"old, undone thrice", []Object{old}, Adoption{Patches: 3, SincePatch: readBackDelay}, Action{Verb: ActionBackOff, RequeueAfter: 27 * time.Second}},
		{"old, undone five times", []Object{old}, Adoption{Patches: 5}, Action{Verb: ActionBackOff, RequeueAfter: 2 * time.Minute}},
		{"old, undone for ever", []Object{old}, Adoption{Patches: 100}, Action{Verb: ActionBackOff, RequeueAfter: maxRevertBackoff}},
		{"old, after the pause", []Object{old}, Adoption{Patches: 100, SincePatch: maxRevertBackoff}, Action{Verb: ActionPatch, IDs: []string{"1"}, RequeueAfter: readBackDelay}},
		{"missing", nil, Adoption{Missing: []Missing{absent}}, Action{Verb: ActionWait, RequeueAfter: waitInterval}},
		{"missing, nearly long enough", nil, Adoption{Missing: []Missing{absent}, MissingFor: 4 * time.Second}, Action{Verb: ActionWait, RequeueAfter: time.Second}},
		{"missing for long", nil, late(absent), Action{Verb: ActionMake, IDs: []string{"2"}, RequeueAfter: readBackDelay}},
		{"missing beside a good one", []Object{current}, late(absent), Action{Verb: ActionMake, IDs: []string{"2"}, RequeueAfter: readBackDelay}},
		{"an old one goes first", []Object{old}, late(absent), Action{Verb: ActionPatch, IDs: []string{"1"}, RequeueAfter: readBackDelay}},
		{"unknown line", nil, late(unknown), Action{Verb: ActionWait, RequeueAfter: waitInterval}},
		{"asks clients for a certificate", nil, late(mutual), Action{Verb: ActionWait, RequeueAfter: waitInterval}},
		{"asks clients, and is there", nil, late(there), Action{Verb: ActionMake, IDs: []string{"2"}, RequeueAfter: readBackDelay}},
		{"its id is taken", nil, late(taken), Action{Verb: ActionWait, RequeueAfter: waitInterval}},
		{"1.8 takes no entry without hosts", nil, late(implicit), Action{Verb: ActionWait, RequeueAfter: waitInterval}},
		{"no controller serves it", nil, late(unserved), Action{Verb: ActionWait, RequeueAfter: waitInterval}},
		{"none of its hosts is the target's", nil, late(notOwned), Action{Verb: ActionWait, RequeueAfter: waitInterval}},
		{"for ever", nil, Adoption{Missing: []Missing{unserved}, MissingFor: time.Hour}, Action{Verb: ActionWait, RequeueAfter: maxWaitInterval}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := planAdopt(State{Mode: ModeAdopt, Objects: test.objects, Adoption: test.adoption}, target)
			if written := got.Verb == ActionPatch || got.Verb == ActionMake; written != (got.Why != "") {
				t.Errorf("%s because %q", got.Verb, got.Why)
			}
			got.Why = ""
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
