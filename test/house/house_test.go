// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

func TestMeasure(t *testing.T) {
	loaded, err := load(".", "./testdata/cycle")
	if err != nil {
		t.Fatal(err)
	}
	got, err := measure(loaded[0])
	if err != nil {
		t.Fatal(err)
	}
	got.Package = "cycle"
	// first, second, method, apart; the longest is second. a, b, c and d use one other file each, and e none. The test and what
	// is generated do not count: else there would be 7 files, and a struct of four fields.
	const want = "house package=cycle files=5 lines=44 functions=4 longest=4 cycle=3/5 refs=0.8 struct=wide/3"
	if got.String() != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLargestCycle(t *testing.T) {
	for name, row := range map[string]struct {
		uses string // "ab" is: a uses b
		want int
	}{
		"no file":                  {"", 0},
		"a chain":                  {"ab bc cd", 0},
		"a pair":                   {"ab ba", 2},
		"a ring with a tail":       {"xa ab bc ca cy", 3},
		"two rings, one way":       {"ab ba bc cd de ec", 3},
		"two rings that share one": {"ab ba bc cb", 3},
		"a way around":             {"ab ac bd cd da", 4},
	} {
		g := graph{}
		for _, edge := range strings.Fields(row.uses) {
			from, to := edge[:1], edge[1:]
			if g[from] == nil {
				g[from] = map[string]bool{}
			}
			g[from][to] = true
		}
		for range 20 { // in any order of the map
			if got := g.largestCycle(); got != row.want {
				t.Fatalf("%s: %d, want %d", name, got, row.want)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	good := figures{Package: "a", Files: 10, Lines: 501, Cycle: 5, Refs: 3.5, Fields: 40}
	for name, row := range map[string]struct {
		change func(*figures)
		want   string // of the error; empty: none
	}{
		"at every bound":     {func(*figures) {}, ""},
		"cycle":              {func(f *figures) { f.Cycle = 6 }, "a: share of files in one cycle is 0.6, at most 0.5"},
		"cycle of few files": {func(f *figures) { f.Files, f.Cycle = 3, 3 }, ""},
		"refs":               {func(f *figures) { f.Refs = 3.6 }, "a: refs is 3.6, at most 3.5"},
		"small":              {func(f *figures) { f.Lines, f.Cycle, f.Refs = 500, 10, 9 }, ""},
		"certificate, too large": {func(f *figures) { f.Package, f.Lines, f.Fields = "controllers/certificate", 2001, 12 },
			"controllers/certificate: lines is 2001, at most 2000"},
		"certificate, wide struct": {func(f *figures) { f.Package, f.Lines, f.Fields = "controllers/certificate", 2000, 13 },
			"controllers/certificate: fields of a struct is 13, at most 12"},
	} {
		f := good
		row.change(&f)
		got := ""
		if err := check([]figures{f}); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestIsProduct(t *testing.T) {
	for name, want := range map[string]bool{"certs": true, "": true, "cmd/apisix-certs": true, "test/bench": false, "apisix/apisixtest": false, "controllers/issuer/issuertest": false} {
		if isProduct(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}
