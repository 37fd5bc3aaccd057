// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"crypto/x509"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func hours(n int) time.Time { return now.Add(time.Duration(n) * time.Hour) }

// brief is a bundle in short: "NAME" of a current CA, "NAME until +HOURS" of a former one.
func brief(b bundle) []string {
	var out []string
	for _, ca := range b.cas {
		line := ca.Subject.CommonName
		if until := b.until[certs.Fingerprint(ca)]; !until.IsZero() {
			line += fmt.Sprintf(" until %+g", until.Sub(now).Hours())
		}
		out = append(out, line)
	}
	return out
}

func TestBundle(t *testing.T) {
	root, other := certstest.NewCA(t, "root", hours(1000)), certstest.NewCA(t, "other", hours(1000))
	old, fresh := root.Intermediate(t, "old", hours(500)), root.Intermediate(t, "new", hours(500))
	renewed := old.CrossSigned(t, root, hours(900))
	stray := other.Intermediate(t, "stray", hours(500))
	expired := root.Intermediate(t, "expired", hours(0))
	short := root.Intermediate(t, "short", hours(3))
	list := func(all ...*certstest.CA) []*x509.Certificate {
		var out []*x509.Certificate
		for _, ca := range all {
			out = append(out, ca.Cert)
		}
		return out
	}
	for _, c := range []struct {
		name    string
		current []*x509.Certificate
		had     []former
		longest time.Duration
		want    []string
		next    int
	}{
		{"first", list(old, root), nil, 0, []string{"old", "root"}, 500},
		{"a repeat", list(old, root, old), nil, 0, []string{"old", "root"}, 500},
		{"nothing new", list(old, root), []former{{cert: old.Cert}, {cert: root.Cert}}, 0, []string{"old", "root"}, 500},
		{"rotated, a certificate lives", list(fresh, root), []former{{cert: old.Cert, lastEnd: hours(4), watched: true}, {cert: root.Cert, watched: true}}, 0,
			[]string{"new", "root", "old until +4"}, 4},
		{"rotated, none lives", list(fresh, root), []former{{cert: old.Cert, lastEnd: hours(0), watched: true}}, 0, []string{"new", "root"}, 500},
		{"rotated, none known", list(fresh, root), []former{{cert: old.Cert, watched: true}}, 0, []string{"new", "root"}, 500},
		{"rotated while nobody watched", list(fresh, root), []former{{cert: old.Cert, lastEnd: hours(4)}}, 72 * time.Hour, []string{"new", "root", "old until +72"}, 72},
		{"what is noted stays", list(fresh, root), []former{{cert: old.Cert, until: hours(4)}}, 72 * time.Hour, []string{"new", "root", "old until +4"}, 4},
		{"what is noted is put off by what is known", list(fresh, root), []former{{cert: old.Cert, until: hours(4), lastEnd: hours(5)}}, 0, []string{"new", "root", "old until +5"}, 5},
		{"what is noted has passed", list(fresh, root), []former{{cert: old.Cert, until: hours(0)}}, 72 * time.Hour, []string{"new", "root"}, 500},
		{"no longer than the CA lives", list(fresh, root), []former{{cert: short.Cert, lastEnd: hours(9), watched: true}}, 0, []string{"new", "root", "short until +3"}, 3},
		{"the CAs above go with those below", list(fresh, root), []former{{cert: stray.Cert, lastEnd: hours(4), watched: true}, {cert: other.Cert, watched: true}}, 0,
			[]string{"new", "root", "stray until +4", "other until +4"}, 4},
		{"above and below in another order", list(fresh, root), []former{{cert: other.Cert, watched: true}, {cert: stray.Cert, lastEnd: hours(4), watched: true}}, 0,
			[]string{"new", "root", "other until +4", "stray until +4"}, 4},
		{"renewed with its key", list(renewed, root), []former{{cert: old.Cert, lastEnd: hours(4), watched: true}}, 0, []string{"old", "root"}, 900},
		{"back to the old one", list(old, root), []former{{cert: old.Cert, until: hours(4)}, {cert: fresh.Cert, lastEnd: hours(2), watched: true}}, 0,
			[]string{"old", "root", "new until +2"}, 2},
		{"an expired CA", list(expired, root), nil, 0, []string{"root"}, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := makeBundle(now, c.current, c.had, c.longest)
			if diff := cmp.Diff(c.want, brief(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !got.next.Equal(hours(c.next)) {
				t.Errorf("next %s, want %s", got.next, hours(c.next))
			}
		})
	}
}

// TestBundleRests: applied to what it gave, the same is given until its next time, and then what is not needed has gone.
func TestBundleRests(t *testing.T) {
	old, fresh := certstest.NewCA(t, "old", hours(500)), certstest.NewCA(t, "new", hours(500))
	current := []*x509.Certificate{fresh.Cert}
	first := makeBundle(now, current, []former{{cert: old.Cert, lastEnd: hours(4)}}, 8*time.Hour)
	noted := func(b bundle) (had []former) {
		for _, ca := range b.cas {
			had = append(had, former{cert: ca, until: b.until[certs.Fingerprint(ca)]})
		}
		return had
	}
	for _, at := range []time.Time{now, hours(1), first.next.Add(-time.Second)} {
		if diff := cmp.Diff(brief(first), brief(makeBundle(at, current, noted(first), 8*time.Hour))); diff != "" {
			t.Errorf("at %s (-first +then)\n%s", at, diff)
		}
	}
	if got := brief(makeBundle(first.next, current, noted(first), 8*time.Hour)); !cmp.Equal(got, []string{"new"}) {
		t.Errorf("at its next time: %v", got)
	}
}
