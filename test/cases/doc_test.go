// SPDX-License-Identifier: Apache-2.0

// Package cases tries what people have reported of certificates, Vault and APISIX in public trackers, and two or more
// neighbours of each, as fast as it can: on the packages that decide, on a scripted Vault, and on the real controller of
// certificates in this process.
//
//	go test ./test/cases
//	go test ./test/cases -run 'TestCases/all/06'
//
// Cases of which only whole programs can show something are tried elsewhere; the table elsewhere says where.
package cases

import (
	"sync/atomic"
	"testing"
)

// kase is one row. Its number is that of the kind.
type kase struct {
	number string
	name   string
	// reported: as it was reported. The others are neighbours of our own.
	reported bool
	try      func(t *testing.T)
}

// reported and neighbour make rows.
func reported(number, name string, try func(t *testing.T)) kase { return kase{number, name, true, try} }
func neighbour(number, name string, try func(t *testing.T)) kase {
	return kase{number, name, false, try}
}

// elsewhere are the kinds that need a cluster, a chart or an ingress controller, and where they are tried.
var elsewhere = map[string]string{
	"07": "test/e2e: a source is renamed, or shares a Secret",
	"08": "test/coexistence: a certificate that nothing refers to",
	"36": "test/coexistence: a class of APISIX appears",
}

func TestCases(t *testing.T) {
	var all []kase
	for _, of := range [][]kase{sessions, leases, secrets, chains, ends, provided, names, requests, keys, times, restores, templates, migrations, conflicts, endedCAs, classes, upgrades} {
		all = append(all, of...)
	}
	var right atomic.Int64
	rows, neighbours := map[string]int{}, map[string]int{}
	t.Run("all", func(t *testing.T) {
		for _, one := range all {
			rows[one.number]++
			if !one.reported {
				neighbours[one.number]++
			}
			t.Run(one.number+" "+one.name, func(t *testing.T) {
				t.Parallel()
				one.try(t)
				if !t.Failed() {
					right.Add(1)
				}
			})
		}
	})
	t.Logf("measure: public_cases total=%d right=%d", len(all), right.Load())
	if len(all) < 60 {
		t.Errorf("%d cases are too few", len(all))
	}
	for number := range rows {
		if rows[number] == neighbours[number] || neighbours[number] < 2 {
			t.Errorf("%s: %d rows, of which %d are neighbours", number, rows[number], neighbours[number])
		}
		if where := elsewhere[number]; where != "" {
			t.Errorf("%s is tried here, and %s", number, where)
		}
	}
}
