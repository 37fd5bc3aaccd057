// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/test/cluster"
)

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.RemoveBinary()
	os.Exit(code)
}

// migrations are case 22, and that part of 28 which is migrate's: the output says what is different.
var migrations = []kase{
	reported("22", "no rotation policy", func(t *testing.T) {
		migrates(t, file(t, "22-cert.yaml"), "# spec.privateKey.rotationPolicy is unset", "algorithm: RSA")
	}),
	neighbour("22", "one is set", func(t *testing.T) {
		out := migrates(t, strings.Replace(file(t, "22-cert.yaml"), "secretName", "privateKey: {rotationPolicy: Never}, secretName", 1), "rotationPolicy: Never")
		if strings.Contains(out, "rotationPolicy is unset") {
			t.Error(out)
		}
	}),
	neighbour("22", "a key of another kind keeps it", func(t *testing.T) {
		migrates(t, strings.Replace(file(t, "22-cert.yaml"), "secretName", "privateKey: {algorithm: ECDSA, size: 384}, secretName", 1),
			"# spec.privateKey.rotationPolicy is unset", "algorithm: ECDSA", "size: 384", "encoding: PKCS1")
	}),
	reported("28", "migrate carries custom fields of Venafi", func(t *testing.T) {
		migrates(t, file(t, "28-cert.yaml"), `venafi.cert-manager.io/custom-fields: '[{"name":"Environment","value":"Prod"}]'`)
	}),
	neighbour("28", "migrate names what it drops", func(t *testing.T) {
		migrates(t, strings.Replace(file(t, "28-cert.yaml"), "venafi.cert-manager.io/custom-fields", "team.example/owner", 1), "# no equivalent: annotation team.example/owner: ")
	}),
}

func file(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// migrates wants the output to have some lines.
func migrates(t *testing.T, input string, want ...string) string {
	t.Helper()
	binary, err := cluster.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), binary, "migrate", "-f", "-")
	command.Stdin = strings.NewReader(input)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, line := range want {
		if !strings.Contains(string(out), line) {
			t.Errorf("the output lacks %q:\n%s", line, out)
		}
	}
	return string(out)
}
