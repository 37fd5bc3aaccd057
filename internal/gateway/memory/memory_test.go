// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"testing"
	"time"
)

func TestMemory(t *testing.T) {
	now := time.Unix(1e9, 0)
	m := &Memory{}
	m.Get("u", "1", now)
	m.Wrote("u", now.Add(time.Second))
	known := m.Get("u", "1", now.Add(3*time.Second))
	if known.Writes != 1 || known.SinceWrite != 2*time.Second || !known.ReadBack || known.Age != 3*time.Second {
		t.Errorf("of the first certificate: %+v", known)
	}
	if m.Confirm("u"); m.Get("u", "1", now).ReadBack {
		t.Error("read back, and still to be read back")
	}
	if alone := m.Missing("u", true, now); alone != 0 {
		t.Errorf("missing for %s at once", alone)
	}
	known = m.Get("u", "2", now.Add(4*time.Second))
	if known.Writes != 0 || known.Age != 0 {
		t.Errorf("a new certificate does not start from nothing: %+v", known)
	}
	if alone := m.Missing("u", true, now.Add(4*time.Second)); alone != 4*time.Second {
		t.Errorf("missing for %s, want 4s: a renewal does not give the controller its time again", alone)
	}
	if m.Missing("u", false, now); m.Missing("u", true, now.Add(time.Hour)) != 0 {
		t.Error("what was there between is missing for long")
	}
}

// carry is a certificate that the controller carries after took, seen when it is looked for.
func carry(m *Memory, fingerprint string, now time.Time, took time.Duration) (headStart time.Duration, synced bool) {
	m.Get("u", fingerprint, now)
	headStart = m.Await("u", false, now)
	if headStart == 0 || took > headStart {
		m.Wrote("u", now.Add(headStart))
		return headStart, false
	}
	look := headStart * 2 / 5
	if took > look {
		look = headStart
	}
	m.Await("u", true, now.Add(look))
	return headStart, true
}

// TestHeadStart: the controller's own times decide, within bounds.
func TestHeadStart(t *testing.T) {
	for name, test := range map[string]struct {
		took        time.Duration
		least, most time.Duration // of the head start in the end
	}{
		"1.8":                  {30 * time.Millisecond, headStartLeast, headStartLeast},
		"2.x":                  {90 * time.Millisecond, headStartLeast, 300 * time.Millisecond},
		"1,000 objects":        {300 * time.Millisecond, 300 * time.Millisecond, headStartMost},
		"slower than at first": {700 * time.Millisecond, 700 * time.Millisecond, headStartMost},
	} {
		m, now := &Memory{}, time.Unix(1e9, 0)
		var last time.Duration
		for i := range 100 {
			now = now.Add(time.Minute)
			var synced bool
			if last, synced = carry(m, string(rune(i)), now, test.took); i > 50 && !synced {
				t.Errorf("%s: number %d was not waited for (%s)", name, i, last)
			}
		}
		if last < test.least || last > test.most {
			t.Errorf("%s: %s, want %s to %s", name, last, test.least, test.most)
		}
		if len(m.pace.recent) > maxSamples {
			t.Errorf("%s: %d times are remembered", name, len(m.pace.recent))
		}
	}
}

// TestAway: one that does not carry anything is given no time, but now and then for one certificate, so that it is
// noticed when it is back.
func TestAway(t *testing.T) {
	m, now := &Memory{}, time.Unix(1e9, 0)
	given := 0
	for i := range 100 {
		if headStart, _ := carry(m, string(rune(i)), now, time.Hour); headStart > 0 {
			given++
		}
		now = now.Add(100 * time.Millisecond)
	}
	if given != absentAfter+1 {
		t.Errorf("%d certificates waited for a controller that is away, want %d", given, absentAfter+1)
	}
	now = now.Add(tryAgain)
	if _, synced := carry(m, "back", now, 50*time.Millisecond); !synced {
		t.Error("that it is back was not noticed")
	}
	if headStart, synced := carry(m, "and again", now, 50*time.Millisecond); !synced || headStart < headStartLeast {
		t.Errorf("one that is back gets %s", headStart)
	}
}
