// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

func TestTrust(t *testing.T) {
	ours := FoundTrust{UID: "u", ResourceVersion: "7", Issuer: "VaultIssuer/vault"}
	of := func(change func(*FoundTrust)) *FoundTrust {
		f := ours
		change(&f)
		return &f
	}
	for _, c := range []struct {
		name                string
		referrer            string
		found               *FoundTrust
		write, delete, ours bool
	}{
		{"none yet", "web", nil, true, false, false},
		{"none, and nothing wants it", "", nil, false, false, false},
		{"ours", "web", &ours, true, false, true},
		{"ours, and nothing refers to it", "", &ours, false, true, true},
		{"ours with keys of others", "", of(func(f *FoundTrust) { f.Others = true }), false, false, true},
		{"of somebody else", "web", of(func(f *FoundTrust) { f.Issuer = "" }), false, false, false},
		{"of somebody else, and nothing refers to it", "", of(func(f *FoundTrust) { f.Issuer = "" }), false, false, false},
		{"of a certificate", "web", of(func(f *FoundTrust) { f.Owner = "ns/cert" }), false, false, false},
		{"of a certificate, and nothing refers to it", "", of(func(f *FoundTrust) { f.Owner = "ns/cert" }), false, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := OfTrust(Trust{Key: types.NamespacedName{Namespace: "ns", Name: "clients"}, Referrer: c.referrer, Found: c.found})
			permit, write := r.Write()
			gone, remove := r.Delete()
			if write != c.write || remove != c.delete || r.Ours() != c.ours {
				t.Errorf("write %v, delete %v, ours %v", write, remove, r.Ours())
			}
			if refused := r.Refused(); (refused != nil) != (c.found != nil && !c.ours) {
				t.Errorf("refused %v", refused)
			}
			if write && c.found != nil && (permit.UID() != "u" || permit.ResourceVersion() != "7") || remove && gone.UID() != "u" {
				t.Error("the permit is not for the Secret as it was seen")
			}
		})
	}
}
