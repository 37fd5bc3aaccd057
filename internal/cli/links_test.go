// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLinks: the product does not link packages that only tests need.
func TestLinks(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../../cmd/apisix-certs").Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		for _, no := range []string{"apisix-certs/test/", "/apisixtest", "/certstest", "/envtest", "/internal/testing/"} {
			if strings.Contains(pkg, no) {
				t.Errorf("the command links %s", pkg)
			}
		}
	}
}
