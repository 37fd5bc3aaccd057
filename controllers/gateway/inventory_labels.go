// SPDX-License-Identifier: Apache-2.0

package gateway

import "unique"

// marks are those labels of an ssl object that mean something here. A map of each takes three times the memory.
type marks []struct{ key, value string }

// labelKeys are the keys that mean something. Their values are the same in many objects, but for those that name one.
var labelKeys = []struct {
	key  string
	same bool
}{
	{labelManagedBy, true}, {labelCluster, true}, {labelNamespace, true}, {labelName, false}, {labelUID, false}, // label18ManagedBy is labelManagedBy
	{label18SecretNamespace, true}, {label18SecretName, false},
	{label2ManagedBy, true}, {label2Kind, true}, {label2Namespace, true}, {label2Name, false}, {label2Controller, true},
}

func labelsOf(all map[string]string) marks {
	kept := make(marks, 0, len(all))
	for _, known := range labelKeys {
		value, ok := all[known.key]
		if !ok {
			continue
		}
		if known.same {
			value = unique.Make(value).Value()
		}
		kept = append(kept, struct{ key, value string }{known.key, value})
	}
	return kept
}

// of is the value of a label, empty where there is none.
func (m marks) of(key string) string {
	for _, pair := range m {
		if pair.key == key {
			return pair.value
		}
	}
	return ""
}

// have tells whether all of want are among them.
func (m marks) have(want map[string]string) bool {
	for key, value := range want {
		if m.of(key) != value {
			return false
		}
	}
	return true
}
