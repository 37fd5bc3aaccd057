// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// shell runs the blocks of pages beside a cluster with a running controller.
type shell struct {
	*testing.T
	*cluster.Cluster
	folder     string // of the commands
	env        []string
	controller *cluster.Controller
	// replace are texts of pages that are others here, such as addresses: pairs of old and new.
	replace []string
}

// newShell starts a cluster with Vault set up as in the walkthrough.
func newShell(t *testing.T) *shell {
	t.Helper()
	servers.Need(t)
	s := &shell{T: t}
	var err error
	s.Cluster, err = cluster.Start(t.Context(), cluster.Options{})
	s.must(err)
	t.Cleanup(s.Cluster.Stop)
	binary, err := cluster.Binary(t.Context())
	s.must(err)
	s.must(s.environment(binary))
	s.start()
	return s
}

// start starts the controller.
func (s *shell) start() {
	s.Helper()
	binary, err := cluster.Binary(s.Context())
	s.must(err)
	s.controller, err = s.StartController(s.Context(), binary, nil)
	s.must(err)
	s.Cleanup(s.controller.Kill)
}

func (s *shell) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// environment makes a folder of commands and what they need to know.
func (s *shell) environment(binary string) error {
	s.folder = s.TempDir()
	folder := s.folder
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for name, target := range map[string]string{"kubectl": self, "vault": self, "apisix-certs": binary, "kubectl-apisix_certs": binary} {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	kubeconfig, err := s.Kube.Kubeconfig()
	if err != nil {
		return err
	}
	reviewer, err := s.Kube.Token(s.Context(), metav1.NamespaceSystem, "vault-token-reviewer")
	if err != nil {
		return err
	}
	files := map[string][]byte{"kubeconfig": kubeconfig, "ca.crt": s.Kube.Config.CAData}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			return err
		}
	}
	s.env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"), "KUBECACHEDIR="+filepath.Join(folder, "cache"), "KUBECONFIG="+filepath.Join(folder, "kubeconfig"),
		"VAULT_ADDR="+s.Vault.Address, "VAULT_TOKEN="+s.Vault.Token, "REVIEWER_TOKEN="+reviewer,
		"KUBERNETES_HOST="+strings.TrimRight(s.Kube.Config.Host, "/"), "KUBERNETES_CA="+filepath.Join(folder, "ca.crt"))
	return nil
}

// run runs a script in the checkout, and fails with what it said.
func (s *shell) run(where, script string) string {
	s.Helper()
	script = strings.NewReplacer(s.replace...).Replace(script)
	command := exec.CommandContext(s.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir, command.Env = root, s.env
	began := time.Now()
	output, err := command.CombinedOutput()
	if err != nil {
		look := exec.Command("kubectl", "get", "vissuer,cvissuer,acert", "-A", "-o", `custom-columns=KIND:.kind,NAME:.metadata.name,CONDITIONS:.status.conditions[*].message`)
		look.Path, look.Env = filepath.Join(s.folder, "kubectl"), s.env
		stands, _ := look.CombinedOutput()
		s.Fatalf("%s: %v\n%s\n%s\n%s", where, err, script, output, stands)
	}
	s.Logf("%s: %s\n%s", where, time.Since(began).Round(time.Millisecond), output)
	return string(output)
}

// play runs the blocks of a page, and after the first block with a text, run or not, the step that the test has for it. It
// returns how many blocks ran, and how many did not.
func (s *shell) play(page string, after map[string]func()) (ran, not int) {
	s.Helper()
	done := map[string]bool{}
	for _, b := range blocks(s.T, page, "sh") {
		if b.notRun != "" {
			not++
		} else {
			ran++
			s.run(fmt.Sprintf("%s:%d", page, b.line), b.text)
		}
		for text, step := range after {
			if strings.Contains(b.text, text) && !done[text] {
				done[text] = true
				step()
			}
		}
	}
	for text := range after {
		if !done[text] {
			s.Errorf("%s: no block has %q, after which this test has a step", page, text)
		}
	}
	return ran, not
}
