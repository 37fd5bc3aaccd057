// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// The law of a plan: after it was applied there is nothing left to do.
func TestOwnPushTwice(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	target := s.target("u1", "a.example.com", "*.b.example.com")
	if _, verb, proof := s.push(target); verb != ActionPut || !proof.Served || proof.Serial != target.Serial {
		t.Fatalf("first: %s %+v", verb, proof)
	}
	s.standIn.ResetCalls()
	if _, verb, proof := s.push(target); verb != ActionKeep || !proof.Served {
		t.Errorf("second: %s %+v", verb, proof)
	}
	if calls := s.standIn.Calls(); len(calls) != 0 {
		t.Errorf("the second push asked the Admin API: %v", calls)
	}
}

func TestOwnRepairs(t *testing.T) {
	skipReal(t)
	edits := map[string]func(*apisix.SSL){
		"disabled":         func(o *apisix.SSL) { o.Status = ptr.To(0) },
		"host removed":     func(o *apisix.SSL) { o.SNIs = o.SNIs[:1] },
		"host added":       func(o *apisix.SSL) { o.SNIs = append(o.SNIs, "c.example.com") },
		"label changed":    func(o *apisix.SSL) { o.Labels[inventory.LabelName] = "other" },
		"TLS versions":     func(o *apisix.SSL) { o.SSLProtocols = []string{"TLSv1.2"} },
		"clients asked":    func(o *apisix.SSL) { o.Client = &apisix.SSLClient{CA: o.Cert} },
		"second pair":      func(o *apisix.SSL) { o.Certs, o.Keys = []string{o.Cert}, []string{o.Key} },
		"other hosts only": func(o *apisix.SSL) { o.SNIs = []string{"x.example.com"} },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			s := newOwnScene(t)
			target := s.target("u1", "a.example.com", "b.example.com")
			s.mustPush(target)
			object := s.standIn.SSLs()[0]
			edited := apisix.SSL{ID: object.ID, SNIs: object.SNIs, Cert: string(target.Cert), Key: string(target.Key), Labels: object.Labels}
			edit(&edited)
			s.putRaw(edited)
			s.refresh()
			if _, verb, proof := s.push(target); verb != ActionPut || !proof.Served {
				t.Errorf("%s %+v", verb, proof)
			}
			s.refresh()
			if _, verb, _ := s.push(target); verb != ActionKeep {
				t.Errorf("not repaired: %s", verb)
			}
		})
	}
}

// Names that APISIX matches without regard to case are equal, so nothing is written for them.
func TestOwnUpperCase(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	target := s.target("u1", "a.example.com")
	s.mustPush(target)
	object := s.standIn.SSLs()[0]
	s.putRaw(apisix.SSL{ID: object.ID, SNIs: []string{"A.Example.COM"}, Cert: string(target.Cert), Key: string(target.Key), Labels: object.Labels})
	s.refresh()
	if _, verb, _ := s.push(target); verb != ActionKeep {
		t.Errorf("own object: %s", verb)
	}
	s.foreign("theirs", "B.Example.COM")
	s.refresh()
	if state, verb, _ := s.tryPush(s.target("u2", "b.example.com")); verb != ActionRefuse || state.Conflict == nil || state.Conflict.ID != "theirs" {
		t.Errorf("foreign object: %s %+v", verb, state.Conflict)
	}
}

func TestOwnHosts(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	s.mustPush(s.target("u1", "a.example.com", "b.example.com"))
	less := s.target("u1", "b.example.com")
	s.mustPush(less)
	if got := s.standIn.SSLs()[0].SNIs; !gocmp.Equal(got, []string{"b.example.com"}) {
		t.Errorf("a host that left the spec is still there: %v", got)
	}
	none := less
	none.Hosts = nil
	if err := s.Withdraw(context.Background(), none); err != nil || len(s.standIn.SSLs()) != 0 {
		t.Errorf("the last host left: %v %v", err, s.standIn.SSLs())
	}
	s.standIn.ResetCalls()
	if err := s.Withdraw(context.Background(), none); err != nil || len(s.standIn.Calls()) != 0 {
		t.Errorf("again: %v %v", err, s.standIn.Calls())
	}
}

func TestOwnConflict(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	theirs := s.foreign("theirs", "a.example.com")
	both := s.target("u1", "a.example.com", "b.example.com")
	state, verb, proof := s.push(both)
	if verb != ActionPut || !proof.Served || state.Conflict == nil || *state.Conflict != (Conflict{Host: "a.example.com", ID: "theirs"}) {
		t.Errorf("%s %+v %+v", verb, state.Conflict, proof)
	}
	if got := s.object(s.ID(both)).SNIs; !gocmp.Equal(got, []string{"b.example.com"}) {
		t.Errorf("the free host is not served alone: %v", got)
	}
	if got := s.object("theirs"); got.Cert != theirs.Cert {
		t.Error("the foreign object was changed")
	}
	if _, verb, _ := s.push(s.target("u2", "a.example.com")); verb != ActionRefuse {
		t.Errorf("only the taken host: %s", verb)
	}
	s.putRaw(apisix.SSL{ID: "theirs", SNIs: theirs.SNIs, Cert: theirs.Cert, Key: theirs.Key, Status: ptr.To(0)})
	s.refresh()
	if state, verb, proof := s.push(both); verb != ActionPut || !proof.Served || state.Conflict != nil {
		t.Errorf("their object is disabled: %s %+v %+v", verb, state.Conflict, proof)
	}
}

// Somebody who takes a host after us must not stop our renewals.
func TestOwnConflictLater(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	s.mustPush(s.target("u1", "a.example.com"))
	s.foreign("theirs", "a.example.com")
	s.refresh()
	renewed := s.target("u1", "a.example.com")
	if _, verb, proof := s.push(renewed); verb != ActionPut || !proof.Served {
		t.Errorf("%s %+v", verb, proof)
	}
}

func TestOwnNames(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	target := s.target("8f0c1e9e-5f0a-4c53-9a1e-0123456789ab", "a.example.com")
	target.Name, target.Namespace, target.SecretName = strings.Repeat("n", 253), strings.Repeat("s", 63), strings.Repeat("t", 253)
	s.mustPush(target)
	if id := s.ID(target); apisix.ValidID(id) != nil {
		t.Errorf("id %s", id)
	}
}

// Two clusters share a gateway: neither equal names, nor equal names of the clusters, let one touch the other's objects.
func TestOwnTwoClusters(t *testing.T) {
	skipReal(t)
	for _, name := range []string{"green", "blue"} {
		s := newOwnScene(t)
		first := s.target("uid-of-first", "a.example.com")
		first.Name = "web"
		s.mustPush(first)
		other := &ownScene{Gateway: ownGateway(t, s.standIn.AdminURL(), s.standIn.AdminKey(), s.standIn.TLSAddr(), name), ca: s.ca, t: t}
		second := other.target("uid-of-second", "b.example.com")
		second.Name = "web"
		other.mustPush(second)
		taken := other.target("uid-of-third", "a.example.com")
		taken.Known = func(_, _, uid string) bool { return strings.HasPrefix(uid, "uid-of-second") }
		if _, verb, _ := other.tryPush(taken); verb != ActionRefuse {
			t.Errorf("cluster %s takes a host of the other: %s", name, verb)
		}
		if done, err := other.Remove(context.Background(), second, true); !done || err != nil {
			t.Fatal(done, err)
		}
		if left := s.standIn.SSLs(); len(left) != 1 || left[0].ID != s.ID(first) {
			t.Errorf("left: %v", left)
		}
	}
}

func TestOwnRemoveForeign(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	target := s.target("u1", "a.example.com")
	s.mustPush(target)
	object := s.standIn.SSLs()[0]
	object.Labels[inventory.LabelUID] = "somebody-else"
	s.putRaw(apisix.SSL{ID: object.ID, SNIs: object.SNIs, Cert: string(target.Cert), Key: string(target.Key), Labels: object.Labels})
	if done, err := s.Remove(context.Background(), target, true); !done || err != nil || s.object(object.ID) == nil {
		t.Errorf("%t %v: an object that is not ours by its label must stay", done, err)
	}
}

func TestOwnClient(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	target := s.target("u1", "a.example.com")
	target.Client = &apisix.SSLClient{CA: string(target.Cert), Depth: ptr.To(2), SkipMTLSURIRegex: []string{"/health"}}
	if _, verb, proof := s.push(target); verb != ActionPut || !proof.Served {
		t.Fatalf("%s %+v", verb, proof)
	}
	if got := s.object(s.ID(target)).Client; got == nil || *got.Depth != 2 || !gocmp.Equal(got.SkipMTLSURIRegex, []string{"/health"}) {
		t.Errorf("client %+v", got)
	}
	s.refresh()
	if _, verb, _ := s.push(target); verb != ActionKeep {
		t.Errorf("again: %s", verb)
	}
	target.Client = &apisix.SSLClient{CA: string(target.Cert)}
	if _, verb, proof := s.push(target); verb != ActionPut || !proof.Served {
		t.Errorf("without a path that is left out: %s %+v", verb, proof)
	}
	target.Client = nil
	if s.mustPush(target); s.object(s.ID(target)).Client != nil {
		t.Error("clients are still asked")
	}
}

// Beside a 2.x ingress controller own objects would be deleted at its next event.
func TestOwnBesideSecondLine(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	theirs := s.target("x", "x.example.com")
	s.putRaw(apisix.SSL{ID: "c0ffee", SNIs: theirs.Hosts, Cert: string(theirs.Cert), Key: string(theirs.Key), Labels: map[string]string{ingresscontroller.Label2ManagedBy: ingresscontroller.Name}})
	if _, _, err := s.tryPush(s.target("u1", "a.example.com")); !Refused(err) {
		t.Errorf("own objects are put beside a 2.x ingress controller: %v", err)
	}
}

func TestOwnKeyless(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	target := s.target("u1", "a.example.com")
	s.mustPush(target)
	target.Key = nil
	if _, verb, _ := s.push(target); verb != ActionKeep {
		t.Errorf("held: %s", verb)
	}
	s.standIn.Wipe()
	s.refresh()
	if _, verb, _ := s.push(target); verb != ActionRenew {
		t.Errorf("lost: %s", verb)
	}
}

// TestOwnReferences: what is written for a gateway to look up is for the target's own Vault, under the target's own id, and
// does not name another secret of the gateway.
func TestOwnReferences(t *testing.T) {
	skipReal(t)
	for name, test := range map[string]struct {
		id, token string
		cert      string // in the Secret, without a reference
		written   bool
	}{
		"a token":                      {token: "hvs.x", written: true},
		"a variable":                   {token: "$env://VAULT_TOKEN", written: true},
		"a secret of the gateway":      {token: "$secret://vault/other/kv/token"},
		"somebody's id":                {id: "other", token: "hvs.x"},
		"a reference in the Secret":    {cert: "$secret://vault/other/victim/cert"},
		"an environment in the Secret": {cert: "$env://APISIX_ADMIN_KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newOwnScene(t)
			target := s.target("u1", "a.example.com")
			id := s.ID(target)
			if test.cert != "" {
				target.Cert, target.Key = []byte(test.cert), []byte(test.cert)
			} else {
				target.VaultReference = &VaultReference{Cert: "$secret://vault/" + id + "/a/cert", Key: "$secret://vault/" + id + "/a/key"}
				target.VaultReference.Secret = apisix.VaultSecret{ID: cmp.Or(test.id, id), URI: "http://127.0.0.1:1", Prefix: "kv", Token: test.token}
			}
			_, _, err := s.tryPush(target)
			if written := len(s.standIn.SSLs()) > 0; written != test.written || (err == nil) != test.written {
				t.Errorf("written: %t, %v", written, err)
			}
			if err != nil && strings.Contains(err.Error(), "$") && test.token != "" && strings.Contains(err.Error(), test.token) {
				t.Errorf("the token is in the error: %v", err)
			}
		})
	}
}

func TestTargetRedacts(t *testing.T) {
	secret := "-----BEGIN PRIVATE KEY-----"
	target := Target{Namespace: "shop", Name: "web", Pair: Pair{Key: []byte(secret)}, OwnTerms: OwnTerms{VaultReference: &VaultReference{Secret: apisix.VaultSecret{Token: "hvs.secret"}}}}
	data, err := json.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %x", target, target, target, target, target), fmt.Sprintf("%+v", *target.VaultReference), fmt.Sprintf("%+v %#v", target.Pair, target.Pair), string(data)} {
		if strings.Contains(text, "PRIVATE") || strings.Contains(text, "hvs.") {
			t.Errorf("a secret is shown: %s", text)
		}
	}
}
