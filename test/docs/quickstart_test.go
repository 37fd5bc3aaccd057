// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const quickstart = "docs/quickstart.md"

// TestQuickstart counts the commands from nothing to a served certificate, and runs those that can run here. What a Pod
// would do is done by the test: Vault's set-up, by the script of the manifests.
func TestQuickstart(t *testing.T) {
	s := newShell(t)
	s.unset("pki", "kubernetes")
	s.play(quickstart, map[string]func(){"manifests/quickstart/vault.yaml": func() {
		s.run("vault-setup.sh", setupScript(t))
		s.run("Service vault", fmt.Sprintf(`kubectl patch vissuer vault-issuer --type=merge -p '{"spec":{"server":%q}}'`, s.Vault.Address))
	}})
	total, run := count(t)
	fmt.Printf("measure: quickstart_commands n=%d run=%d not_run_here=%d\n", total, run, total-run)
	if total > 6 {
		t.Errorf("%d commands, want at most 6", total)
	}
}

// count counts the commands of the numbered steps: a line that is not continued, and what follows && or ; or |.
func count(t *testing.T) (total, run int) {
	t.Helper()
	text := read(t, quickstart)
	end := strings.Index(text, "## Verify")
	if end < 0 {
		t.Fatal("the numbered steps have no end")
	}
	last := strings.Count(text[:end], "\n")
	for _, b := range blocks(t, quickstart, "sh") {
		if b.line > last {
			continue
		}
		n := len(regexp.MustCompile(`&&|;|\||\n`).Split(strings.TrimSpace(strings.ReplaceAll(b.text, "\\\n", "")), -1))
		total += n
		if b.notRun == "" {
			run += n
		}
	}
	return total, run
}

// setupScript is the one that the Job of the quickstart runs, which is that of the samples.
func setupScript(t *testing.T) string {
	t.Helper()
	for _, document := range strings.Split(read(t, "manifests/quickstart/vault.yaml"), "\n---\n") {
		var object struct {
			Kind string
			Data map[string]string
		}
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatal(err)
		}
		if object.Kind != "ConfigMap" {
			continue
		}
		script := object.Data["vault-setup.sh"]
		if script != read(t, "manifests/samples/vault-setup.sh") {
			t.Error("the script of the quickstart is not that of manifests/samples")
		}
		return script
	}
	t.Fatal("there is no ConfigMap with the script")
	return ""
}

// unset removes engine and login that the cluster of the tests comes with.
func (s *shell) unset(engine, login string) {
	s.Helper()
	s.must(s.Vault.Client().Sys().UnmountWithContext(s.Context(), engine))
	s.must(s.Vault.Client().Sys().DisableAuthWithContext(s.Context(), login))
}
