// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// TestCheckSoon: an issuer that is known is checked before its time, but not as often as somebody likes.
func TestCheckSoon(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Unix(1e9, 0))
	s := &Sessions{Clock: clock}
	key := Key{Kind: "VaultIssuer", Namespace: "ns", Name: "vault"}
	s.CheckSoon(key) // of a kind that is not followed
	s.soonOf(key.Kind)
	s.CheckSoon(key) // which is not known
	heard := func() int { return len(s.soon[key.Kind]) }
	if heard() != 0 {
		t.Errorf("%d checks of an issuer that is not known", heard())
	}
	s.entry(key)
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {0, 1}, {leastRecheck - time.Second, 1}, {time.Second, 2}} {
		clock.Step(c.after)
		if s.CheckSoon(key); heard() != c.want {
			t.Errorf("%d checks, want %d", heard(), c.want)
		}
	}
	for range 100 { // nobody takes them
		clock.Step(leastRecheck)
		s.CheckSoon(key)
	}
	if object := (<-s.soon[key.Kind]).Object; object.GetNamespace() != "ns" || object.GetName() != "vault" {
		t.Errorf("%s/%s", object.GetNamespace(), object.GetName())
	}
}
