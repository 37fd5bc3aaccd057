// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrecedence(t *testing.T) {
	rows := map[string][]string{
		"a.b":   {"a.b"},
		"*.b":   nil, // from the made-up label on, down to *.b
		"x.y.z": {"x.y.z"},
	}
	for host, want := range rows {
		got := precedence(host)
		if want != nil && !cmp.Equal(got, want) {
			t.Errorf("%s: %v", host, got)
		}
		if got[len(got)-1] != host {
			t.Errorf("%s is not the last: %v", host, got)
		}
	}
	if got := precedence("*.b"); got[0] != "apisix-certs-proof.b" || got[1] != "*apisix-certs-proof.b" {
		t.Errorf("*.b: %v", got)
	}
}
