// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"unique"

	theirs "apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
)

// Labels of this controller's own ssl objects. APISIX accepts any key, and values of 1 to 256 characters without white
// space, such as names of Kubernetes objects.
const (
	LabelManagedBy = "managed-by"
	LabelCluster   = "apisix-certs.io/cluster"
	LabelNamespace = "apisix-certs.io/namespace"
	LabelName      = "apisix-certs.io/name"
	LabelUID       = "apisix-certs.io/uid"

	// ManagedBy is the value of LabelManagedBy.
	ManagedBy = "apisix-certs"
)

// Labels are the labels of an ssl object that are used here. A map for each object would need three times the memory.
type Labels []struct{ key, value string }

// labelKeys are the keys that are used. The values of those marked same are shared by many objects.
var labelKeys = []struct {
	key  string
	same bool
}{
	{LabelManagedBy, true}, {LabelCluster, true}, {LabelNamespace, true}, {LabelName, false}, {LabelUID, false}, // theirs.Label18ManagedBy is LabelManagedBy
	{theirs.Label18SecretNamespace, true}, {theirs.Label18SecretName, false},
	{theirs.Label2ManagedBy, true}, {theirs.Label2Kind, true}, {theirs.Label2Namespace, true}, {theirs.Label2Name, false}, {theirs.Label2Controller, true},
}

// LabelsOf returns the labels that are used here.
func LabelsOf(all map[string]string) Labels {
	kept := make(Labels, 0, len(all))
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

// Get returns the value of a label, or an empty string.
func (l Labels) Get(key string) string {
	for _, pair := range l {
		if pair.key == key {
			return pair.value
		}
	}
	return ""
}

// Have reports whether all of want are among them.
func (l Labels) Have(want map[string]string) bool {
	for key, value := range want {
		if l.Get(key) != value {
			return false
		}
	}
	return true
}
