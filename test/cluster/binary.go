// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
)

var build struct {
	sync.Once
	file string
	err  error
}

// Binary builds the command apisix-certs, once per process, and returns its file. Call RemoveBinary at the end.
func Binary(ctx context.Context) (string, error) {
	build.Do(func() {
		var root []byte
		if root, build.err = exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "apisix-certs.io/apisix-certs").Output(); build.err != nil {
			return
		}
		build.file = filepath.Join(os.TempDir(), fmt.Sprintf("apisix-certs-test-%d", os.Getpid()), "apisix-certs")
		command := exec.CommandContext(ctx, "go", "build", "-o", build.file, "apisix-certs.io/apisix-certs/cmd/apisix-certs")
		command.Dir = string(root[:len(root)-1])
		if output, err := command.CombinedOutput(); err != nil {
			build.err = fmt.Errorf("build the command: %w\n%s", err, output)
		}
	})
	return build.file, build.err
}

// RemoveBinary removes what Binary built.
func RemoveBinary() {
	if build.file != "" {
		_ = os.RemoveAll(filepath.Dir(build.file))
	}
}
