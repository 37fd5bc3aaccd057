// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestApart(t *testing.T) {
	for message, want := range map[string][2]string{
		"the connection was refused: check server":                           {"the connection was refused", "check server"},
		"spec.secretName: Secret a exists: name another, or set x: \"true\"": {"spec.secretName: Secret a exists", "name another, or set x: \"true\""},
		"keys are refused: set privateKey.algorithm: RSA":                    {"keys are refused", "set privateKey.algorithm: RSA"},
		"nothing is said": {"nothing is said", "see the log"},
	} {
		problem, mend := apart(message, "see the log")
		if diff := cmp.Diff(want, [2]string{problem, mend}); diff != "" {
			t.Errorf("%s: %s", message, diff)
		}
	}
}

func TestLackingFields(t *testing.T) {
	field := func(properties map[string]any) map[string]any { return map[string]any{"properties": properties} }
	ours := field(map[string]any{"spec": field(map[string]any{"a": field(nil), "list": map[string]any{"items": field(map[string]any{"b": field(nil)})}})})
	theirs := field(map[string]any{"spec": field(map[string]any{"list": map[string]any{"items": field(nil)}})})
	if diff := cmp.Diff([]string{"spec.a", "spec.list[].b"}, lackingFields(ours, theirs, "")); diff != "" {
		t.Error(diff)
	}
	if lacking := lackingFields(theirs, ours, ""); lacking != nil {
		t.Errorf("a newer one lacks %v", lacking)
	}
}
