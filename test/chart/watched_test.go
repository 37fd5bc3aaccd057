// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"strings"
	"testing"
)

// The notes say where the controller works, and no Role is made for what is in a watched namespace anyway.
func TestWatchedNamespaces(t *testing.T) {
	all := render(t, Release{Values: values(t, good+"watchNamespaces: [apisix-certs, default]")})
	if !strings.Contains(all.Notes, "only reads and writes in these namespaces: apisix-certs, default.") {
		t.Errorf("the notes say nothing of it:\n%s", all.Notes)
	}
	names := map[string]int{}
	for _, object := range all.Objects {
		if object.GetKind() == "Role" {
			names[object.GetName()]++
		}
	}
	if len(names) != 2 || names[Name] != 1 || names[Name+"-watched"] != 2 {
		t.Errorf("Roles by name: %v", names)
	}
	if r := render(t, Release{Values: values(t, good)}); strings.Contains(r.Notes, "in these namespaces") || strings.Contains(r.Text, "reach.yaml\n") {
		t.Error("without watchNamespaces there is something of it")
	}
}
