// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"slices"
	"strings"
)

// each maps a list and keeps nil nil; the input stays as it is.
func mapEach(list []string, change func(string) string) []string {
	var changed []string
	for _, item := range list {
		changed = append(changed, change(item))
	}
	return changed
}

// distinct keeps the first of equal items, in order.
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

// sorted is a sorted copy without repeats, nil when empty.
func sorted[T ~string](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

// without is the sorted items of list that are not in drop.
func without(list, drop []string) []string {
	drop = sorted(drop)
	return slices.DeleteFunc(sorted(list), func(item string) bool {
		_, found := slices.BinarySearch(drop, item)
		return found
	})
}

// listed joins the first few, so that a message of a hundred names stays readable.
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
