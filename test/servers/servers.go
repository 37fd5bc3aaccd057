// SPDX-License-Identifier: Apache-2.0

// Package servers starts real servers - the Kubernetes API server with its etcd and controller manager, and Vault - for
// tests, the demo and benchmarks:
//
//	kube, err := servers.StartKube(ctx, servers.KubeOptions{CRDs: []string{"../../manifests/crds"}})
//	...
//	defer kube.Stop()
//	vault, err := servers.StartVault(ctx, servers.VaultOptions{Dev: true})
//	...
//	defer vault.Stop()
//	ca, err := vault.SetUpPKI(ctx, servers.PKIOptions{CommonName: "Test CA", Role: "web"})
//
// build.sh builds the servers; this package never does, nor does it download any. Every server listens on a free port
// of 127.0.0.1 and dies with the program that started it. None of this is meant to hold real secrets.
package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Variable is the environment variable that names a folder of built servers, for machines without the checkout.
const Variable = "APISIX_CERTS_SERVERS"

// MissingError says that the servers are not built.
type MissingError struct {
	Dir string // where they would be; empty where even that is unknown
}

func (e *MissingError) Error() string {
	if e.Dir == "" {
		return "no servers: set " + Variable + ", or run `make servers` and start in the checkout"
	}
	return fmt.Sprintf("no servers in %s: run `make servers`", e.Dir)
}

// Dir returns the folder of the built servers: the one that Variable names, else the one that build.sh of the checkout
// around the working directory fills. It returns a MissingError where there is none.
func Dir(ctx context.Context) (string, error) {
	dir := os.Getenv(Variable)
	if dir == "" {
		script, err := findScript()
		if err != nil {
			return "", err
		}
		if dir, err = printDir(ctx, script); err != nil {
			return "", err
		}
	}
	if _, err := os.Stat(dir); err != nil {
		return "", &MissingError{Dir: dir}
	}
	return dir, nil
}

// TB is the part of testing.TB that Need uses.
type TB interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
}

// Need skips a test where the servers are not built, naming the command that builds them.
func Need(t TB) {
	t.Helper()
	_, err := Dir(context.Background())
	if missing := (*MissingError)(nil); errors.As(err, &missing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// findScript looks for build.sh in the checkout that the working directory is in.
func findScript() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		script := filepath.Join(dir, "test", "servers", "build.sh")
		if _, err := os.Stat(script); err == nil {
			return script, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", &MissingError{}
		}
		dir = parent
	}
}

func printDir(ctx context.Context, script string) (string, error) {
	out, err := exec.CommandContext(ctx, script, "--print-dir").Output()
	if err != nil {
		return "", fmt.Errorf("%s --print-dir: %w", script, err)
	}
	return strings.TrimSpace(string(out)), nil
}

// guarded returns the path under which a server is started so that it dies with this program (see guard/).
func guarded(dir, server string) string { return filepath.Join(dir, "guarded", server) }
