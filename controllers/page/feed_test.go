// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func named(name string) Certificate {
	return Certificate{Key: certificateKey("shop", name), Namespace: "shop", Name: name}
}

// told are the names of what a change holds.
func told(t *testing.T, c Change) []string {
	t.Helper()
	var names []string
	for _, text := range c.Certificates {
		names = append(names, decode[Certificate](t, text).Name)
	}
	for _, text := range c.Issuers {
		names = append(names, "issuer "+decode[Issuer](t, text).Name)
	}
	for _, key := range c.Gone {
		names = append(names, "gone "+key)
	}
	return names
}

func TestFeed(t *testing.T) {
	f := NewFeed()
	f.PutCertificate(named("a"))
	f.PutCertificate(named("b"))
	f.PutIssuer(Issuer{Key: issuerKey("VaultIssuer", "shop", "vault"), Name: "vault"})
	first := f.Snapshot()
	if diff := cmp.Diff([]string{"a", "b", "issuer vault"}, told(t, first)); diff != "" {
		t.Errorf("snapshot: %s", diff)
	}
	for _, c := range []struct {
		name string
		do   func()
		want []string
	}{
		{"nothing", func() {}, nil},
		{"the same again", func() { f.PutCertificate(named("a")) }, nil},
		{"changed", func() { c := named("b"); c.Serial = "01"; f.PutCertificate(c) }, []string{"b"}},
		{"removed", func() { f.Remove("certificate/shop/a") }, []string{"gone certificate/shop/a"}},
		{"removed once more", func() { f.Remove("certificate/shop/a") }, nil},
		{"back", func() { f.Remove("certificate/shop/b"); f.PutCertificate(named("b")) }, []string{"b"}},
	} {
		before := f.Snapshot().Version
		c.do()
		change, _, known := f.Since(before)
		if diff := cmp.Diff(c.want, told(t, change)); diff != "" || !known {
			t.Errorf("%s: known %t: %s", c.name, known, diff)
		}
		if change.Empty() != (c.want == nil) {
			t.Errorf("%s: empty is %t", c.name, change.Empty())
		}
	}
	if change, _, _ := f.Since(first.Version); !cmp.Equal([]string{"b", "gone certificate/shop/a"}, told(t, change)) {
		t.Errorf("since the first snapshot: %v", told(t, change))
	}
}

// What a feed cannot tell the changes since is read anew.
func TestFeedOfAnotherTime(t *testing.T) {
	f, other := NewFeed(), NewFeed()
	f.PutCertificate(named("a"))
	old := f.Snapshot().Version
	for _, version := range []string{"", "1", other.Snapshot().Version, old + "0", f.epoch + "-x", f.epoch + "--1"} {
		if _, _, known := f.Since(version); known {
			t.Errorf("version %q is known", version)
		}
	}
	for i := range keptTombstones + 1 {
		f.PutCertificate(named(fmt.Sprint(i)))
		f.Remove(certificateKey("shop", fmt.Sprint(i)))
	}
	if _, _, known := f.Since(old); known {
		t.Error("deletions that are forgotten are not missed")
	}
	if len(f.graves) != keptTombstones {
		t.Errorf("%d deletions are kept", len(f.graves))
	}
}

func TestFeedWakes(t *testing.T) {
	f := NewFeed()
	_, changed, _ := f.Since(f.Snapshot().Version)
	f.PutCertificate(named("a"))
	select {
	case <-changed:
	default:
		t.Error("a change wakes nobody")
	}
}
