// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"testing"
	"time"
)

func TestRenewalTime(t *testing.T) {
	hours := func(n int) *time.Duration { d := time.Duration(n) * time.Hour; return &d }
	start := now.Add(500 * time.Millisecond)
	for _, row := range []struct {
		name string
		life time.Duration
		spec Spec
		want time.Duration // after start, cut to the second
	}{
		{"a third", 90 * day, Spec{}, 60 * day},
		{"of a life that was capped", 72 * time.Hour, Spec{Duration: 720 * time.Hour}, 48 * time.Hour},
		{"explicit", 90 * day, Spec{RenewBefore: hours(24)}, 89 * day},
		{"explicit, no room", 72 * time.Hour, Spec{RenewBefore: hours(72)}, 48 * time.Hour},
		{"percentage", 100 * time.Hour, Spec{RenewBeforePercentage: new(10)}, 90 * time.Hour},
		{"percentage of nothing", 90 * time.Hour, Spec{RenewBeforePercentage: new(0)}, 60 * time.Hour},
		{"short", 2 * time.Second, Spec{}, time.Second},
		{"no life", 0, Spec{}, 0},
	} {
		got := RenewalTime(start, start.Add(row.life), row.spec, "")
		if want := start.Add(row.want).Truncate(time.Second); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", row.name, got, want)
		}
	}
}

func TestRenewalTimeSpread(t *testing.T) {
	before := 24 * time.Hour
	end := now.Add(100 * day)
	for _, row := range []struct {
		name            string
		spec            Spec
		middle          time.Time
		earliest, width time.Duration
	}{
		{"both ways", Spec{}, end.Add(-100 * day / 3), 5 * day, 10 * day},
		{"only earlier", Spec{RenewBefore: &before}, end.Add(-before), 5 * day, 5 * day},
	} {
		early, late := end, now
		sum := time.Duration(0)
		const many = 2000
		for i := range many {
			at := RenewalTime(now, end, row.spec, fmt.Sprint("uid-", i))
			if again := RenewalTime(now, end, row.spec, fmt.Sprint("uid-", i)); !again.Equal(at) {
				t.Fatal("the same object gets two times")
			}
			if at.Before(early) {
				early = at
			}
			if at.After(late) {
				late = at
			}
			sum += at.Sub(row.middle.Add(-row.earliest))
		}
		first, last := row.middle.Add(-row.earliest), row.middle.Add(row.width-row.earliest)
		if early.Before(first.Add(-time.Second)) || late.After(last) {
			t.Errorf("%s: from %s to %s", row.name, early, late)
		}
		// Even, within five per cent.
		if mean := sum / many; (mean - row.width/2).Abs() > row.width/20 {
			t.Errorf("%s: the mean is %s of %s", row.name, mean, row.width)
		}
	}
}

func TestRenewalTimeStaysInside(t *testing.T) {
	for _, life := range []time.Duration{time.Second, time.Minute, time.Hour, 90 * day} {
		for _, share := range []time.Duration{1000, 100, 3, 2} {
			before := life / share
			for i := range 200 {
				at := RenewalTime(now, now.Add(life), Spec{RenewBefore: &before}, fmt.Sprint(i))
				if at.Before(now) || at.After(now.Add(life)) {
					t.Fatalf("life %s, renewBefore %s: %s", life, before, at.Sub(now))
				}
			}
		}
	}
}

func TestBackoff(t *testing.T) {
	for _, row := range []struct {
		failures  int
		remaining time.Duration
		want      time.Duration
	}{
		{0, 30 * day, 5 * time.Second},
		{1, 30 * day, 5 * time.Second},
		{2, 30 * day, 10 * time.Second},
		{3, 30 * day, 20 * time.Second},
		{6, 30 * day, 160 * time.Second},
		{7, 30 * day, 5 * time.Minute},
		{1 << 40, 30 * day, 5 * time.Minute},
		{7, time.Hour, 3 * time.Minute},
		{7, 10 * time.Minute, 30 * time.Second},
		{7, time.Minute, 5 * time.Second},
		{2, 0, 10 * time.Second},
		{7, 0, 30 * time.Second},
		{7, -day, 30 * time.Second},
	} {
		if got := Backoff(row.failures, row.remaining); got != row.want {
			t.Errorf("Backoff(%d, %s) = %s, want %s", row.failures, row.remaining, got, row.want)
		}
	}
}
