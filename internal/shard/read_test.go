// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"slices"
	"testing"
)

// A namespace may be read that another shard looks after, and is not looked after where it may not be read.
func TestMayRead(t *testing.T) {
	limited := ofShop()
	limited.Read = []string{"other"}
	for namespace, want := range map[string][2]bool{"shop": {false, false}, "other": {true, false}} {
		has, err := limited.Has(t.Context(), namespace)
		if got := [2]bool{limited.MayRead(namespace), has}; got != want || err != nil {
			t.Errorf("%s: may be read and is looked after: %v, %v", namespace, got, err)
		}
	}
	var none *Shard
	if shards := []*Shard{none, {}}; slices.ContainsFunc(shards, func(s *Shard) bool { return !s.MayRead("shop") }) {
		t.Error("without a limit not everything may be read")
	}
	if nothing := (&Shard{Read: []string{}}); nothing.MayRead("shop") {
		t.Error("with an empty limit something may be read")
	}
}
