// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"slices"
	"strings"
)

// mapEach applies change to each item of a list. It returns nil for an empty list and does not modify list.
func mapEach(list []string, change func(string) string) []string {
	var changed []string
	for _, item := range list {
		changed = append(changed, change(item))
	}
	return changed
}

// distinct returns list without duplicates, in order.
func distinct[T comparable](list []T) []T {
	var kept []T
	seen := make(map[T]struct{}, len(list))
	for _, item := range list {
		if _, twice := seen[item]; !twice {
			seen[item] = struct{}{}
			kept = append(kept, item)
		}
	}
	return kept
}

// sorted returns a sorted copy without duplicates, or nil for an empty list.
func sorted[T ~string](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// without returns the sorted items of list that are not in drop.
func without(list, drop []string) []string {
	drop = sorted(drop)
	return slices.DeleteFunc(sorted(list), func(item string) bool {
		_, found := slices.BinarySearch(drop, item)
		return found
	})
}

// joinFirst joins the first few items, to limit the length of messages.
func joinFirst[T ~string](items []T) string {
	const most = 5
	var texts []string
	for i, item := range items {
		if i == most {
			texts = append(texts, "and more")
			break
		}
		texts = append(texts, string(item))
	}
	return strings.Join(texts, ", ")
}
