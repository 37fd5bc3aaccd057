// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRenewalTime(t *testing.T) {
	hours := func(n int) *time.Duration { d := time.Duration(n) * time.Hour; return &d }
	start := now.Add(500 * time.Millisecond)
	for _, row := range []struct {
		name     string
		lifetime time.Duration
		spec     Spec
		want     time.Duration // after start, cut to the second
	}{
		{"a third", 90 * day, Spec{}, 60 * day},
		{"of a capped lifetime", 72 * time.Hour, Spec{Duration: 720 * time.Hour}, 48 * time.Hour},
		{"explicit", 90 * day, Spec{RenewBefore: hours(24)}, 89 * day},
		{"explicit, no room", 72 * time.Hour, Spec{RenewBefore: hours(72)}, 48 * time.Hour},
		{"percentage", 100 * time.Hour, Spec{RenewBeforePercentage: new(10)}, 90 * time.Hour},
		{"percentage of nothing", 90 * time.Hour, Spec{RenewBeforePercentage: new(0)}, 60 * time.Hour},
		{"short", 2 * time.Second, Spec{}, time.Second},
		{"no lifetime", 0, Spec{}, 0},
	} {
		got := RenewalTime(start, start.Add(row.lifetime), row.spec, "")
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
	for _, lifetime := range []time.Duration{time.Second, time.Minute, time.Hour, 90 * day} {
		for _, share := range []time.Duration{1000, 100, 3, 2} {
			before := lifetime / share
			for i := range 200 {
				at := RenewalTime(now, now.Add(lifetime), Spec{RenewBefore: &before}, fmt.Sprint(i))
				if at.Before(now) || at.After(now.Add(lifetime)) {
					t.Fatalf("lifetime %s, renewBefore %s: %s", lifetime, before, at.Sub(now))
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

// TestLifetimeFromIssuance is a role with not_before_duration=24h and ttl=8h.
func TestLifetimeFromIssuance(t *testing.T) {
	hour := time.Hour
	for _, row := range []struct {
		name             string
		spec             Spec
		earliest, latest time.Duration // before the end
	}{
		{"a third", Spec{}, 8*hour/3 + 8*hour/20, 8*hour/3 - 8*hour/20},
		{"percentage", Spec{RenewBeforePercentage: new(50)}, 4*hour + 8*hour/20, 4 * hour},
		{"explicit", Spec{RenewBefore: &hour}, hour + 8*hour/20, hour},
	} {
		for i := range 100 {
			s := newScene(t)
			s.spec = row.spec
			s.spec.DNSNames = []string{"a.example.com"}
			s.start, s.end = now.Add(-24*hour), now.Add(8*hour)
			s.issue(t)
			s.IssuedAt, s.UID = now, fmt.Sprint(i)
			if warnings, err := CheckResponse(s.bundle, s.spec, s.key.Public(), now); err != nil || warnings != nil {
				t.Fatalf("%s: %v, %v", row.name, warnings, err)
			}
			d := Decide(s.Observed, now)
			if before := s.end.Sub(d.RenewAt); d.Issue || before > row.earliest+time.Second || before < row.latest {
				t.Fatalf("%s: issue %v, renewed %s before the end, want %s to %s", row.name, d.Issue, before, row.earliest, row.latest)
			}
		}
	}
}

func TestLifetimeStart(t *testing.T) {
	start := now.Add(-day)
	for _, row := range []struct {
		name     string
		issuedAt time.Time
		want     time.Time
	}{
		{"dated back", now.Add(-time.Hour), now.Add(-time.Hour)},
		{"now", now, now},
		{"not known", time.Time{}, start},
		{"a clock ahead at the issuer", start.Add(-time.Minute), start},
		{"in the future", now.Add(time.Hour), start},
	} {
		if got := LifetimeStart(start, row.issuedAt, now); !got.Equal(row.want) {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

// TestLifetimesOfAnyLength: minutes, decades, and no end at all.
func TestLifetimesOfAnyLength(t *testing.T) {
	forever := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, end := range []time.Time{now.Add(time.Minute), now.Add(90 * time.Minute), now.Add(30 * 365 * day), now.Add(250 * 365 * day), forever} {
		before := 30 * day
		for name, spec := range map[string]Spec{
			"default": {}, "requested": {Duration: 90 * day}, "longest requested": {Duration: 1<<63 - 1}, "explicit": {RenewBefore: &before},
			"early": {RenewBeforePercentage: new(90)}, "late": {RenewBeforePercentage: new(1)},
		} {
			s := newScene(t)
			s.root.Cert = s.root.Renewed(t, forever).Cert
			s.sub = s.root.Intermediate(t, "sub", forever)
			s.spec, s.start, s.end = spec, now.Add(-30*time.Second), end
			s.spec.DNSNames = []string{"a.example.com"}
			s.issue(t)
			s.IssuedAt = now
			warnings, err := CheckResponse(s.bundle, s.spec, s.key.Public(), now)
			short := spec.Duration > 0 && (spec.Duration > 1000*day && end.Before(forever) || end.Before(now.Add(89*day)))
			if got := len(warnings) > 0 && strings.HasPrefix(warnings[0], "the issuer granted"); err != nil || got != short {
				t.Fatalf("%s, %s: %v, %v, short %v", end, name, warnings, err, short)
			}
			d := Decide(s.Observed, now)
			if d.Issue || !d.RenewAt.After(now) || d.RenewAt.After(end) || !d.Recheck.Equal(d.RenewAt) {
				t.Fatalf("%s, %s: issue %v, renewed at %s, looked at again %s", end, name, d.Issue, d.RenewAt, d.Recheck)
			}
			if d := Decide(s.Observed, d.RenewAt); d.Reason != RenewalDue {
				t.Fatalf("%s, %s: %q at the renewal time", end, name, d.Reason)
			}
			if _, next := ExpiryThreshold(s.start, end, now); next.After(end) {
				t.Fatalf("%s: mark %s", end, next)
			}
		}
	}
}

// TestLifetimeLimitedByCA: Vault limits a lifetime to the CA's, or issues beyond it. In both cases the CA's expiry counts.
func TestLifetimeLimitedByCA(t *testing.T) {
	for name, end := range map[string]time.Time{"cut": now.Add(3 * day), "beyond": now.Add(90 * day)} {
		s := newScene(t)
		s.sub = s.root.Intermediate(t, "sub", now.Add(3*day))
		s.start, s.end = now.Add(-30*time.Second), end
		s.issue(t)
		s.IssuedAt = now
		warnings, err := CheckResponse(s.bundle, s.spec, s.key.Public(), now)
		if err != nil || len(warnings) == 0 {
			t.Errorf("%s: %v, %q", name, warnings, err)
		}
		d := Decide(s.Observed, now)
		if d.Issue || d.RenewAt.Before(now.Add(day)) || d.RenewAt.After(now.Add(3*day)) || !d.ValidUntil.Equal(now.Add(3*day)) {
			t.Errorf("%s: issue %v %s, renewed at %s, valid until %s", name, d.Issue, d.Reason, d.RenewAt, d.ValidUntil)
		}
	}
}
