// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// starterVariable makes this test program start all servers in the folder that it names, and then only wait.
const starterVariable = "APISIX_CERTS_TEST_STARTER"

func starter() {
	dir := os.Getenv(starterVariable)
	_, err := StartKube(context.Background(), KubeOptions{Dir: filepath.Join(dir, "kube"), ControllerManager: true})
	if err == nil {
		_, err = StartVault(context.Background(), VaultOptions{Path: filepath.Join(dir, "vault")})
	}
	fmt.Println("started:", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

// running returns the processes whose command line names the folder.
func running(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	pids := []string{}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(dir)) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}

func TestServersDieWithTheirStarter(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has processes die with their parent")
	}
	Need(t)
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), starterVariable+"="+dir)
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var line string
	if _, err := fmt.Fscanf(out, "started: %s\n", &line); err != nil || line != "<nil>" {
		t.Fatalf("starter: %q, %v", line, err)
	}
	if pids := running(t, dir); len(pids) != 4 {
		t.Errorf("processes %v, want etcd, the API server, its manager and Vault", pids)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all servers gone", func(context.Context) (bool, error) { return len(running(t, dir)) == 0, nil })
	_ = cmd.Wait()
}

func TestFailedStartShowsTheLog(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(Variable, dir)
	if err := os.Mkdir(filepath.Join(dir, "guarded"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, server := range []string{"etcd", "vaultserver"} {
		script := "#!/bin/sh\necho " + server + " is broken >&2\nexit 3\n"
		if err := os.WriteFile(guarded(dir, server), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, kubeErr := StartKube(t.Context(), KubeOptions{})
	_, vaultErr := StartVault(t.Context(), VaultOptions{})
	for server, err := range map[string]error{"etcd": kubeErr, "vaultserver": vaultErr} {
		if failed := (*StartError)(nil); !errors.As(err, &failed) || !strings.Contains(failed.Log, server+" is broken") {
			t.Errorf("%s: %v", server, err)
		}
	}
}

func TestTailKeepsWholeLinesOfTheEnd(t *testing.T) {
	whole := &strings.Builder{}
	log := &tail{next: whole}
	for i := range 1000 {
		fmt.Fprintf(log, "line %d\n", i)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if !strings.HasPrefix(lines[0], "line ") || lines[len(lines)-1] != "line 999" {
		t.Errorf("from %q to %q", lines[0], lines[len(lines)-1])
	}
	if got := strings.Count(whole.String(), "\n"); got != 1000 {
		t.Errorf("passed on %d lines of 1000", got)
	}
}

func TestDir(t *testing.T) {
	built := t.TempDir()
	t.Setenv(Variable, built)
	if got, err := Dir(t.Context()); got != built || err != nil {
		t.Errorf("got %s, %v; want %s", got, err, built)
	}
	t.Setenv(Variable, filepath.Join(built, "missing"))
	_, err := Dir(t.Context())
	if missing := (*MissingError)(nil); !errors.As(err, &missing) || !strings.Contains(err.Error(), "make servers") {
		t.Errorf("missing folder: %v", err)
	}
	t.Setenv(Variable, "")
	t.Chdir("/")
	if _, err := Dir(t.Context()); !errors.As(err, new(*MissingError)) {
		t.Errorf("outside the checkout: %v", err)
	}
}
