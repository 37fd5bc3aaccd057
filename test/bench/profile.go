// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// profiled runs a scenario, and where a folder for profiles is given, takes one of the controller's CPU for its length and
// one of the controller's heap at its end.
func (w *world) profiled(ctx context.Context, s scenario) ([]row, error) {
	if w.options.profile == "" {
		return s.run(w, ctx)
	}
	cpu := make(chan error, 1)
	go func() {
		time.Sleep(time.Second)                              // a restart has a new process by then
		cpu <- w.profile(ctx, s, "profile?seconds=8", "cpu") // of scenarios that are long enough, their middle
	}()
	rows, err := s.run(w, ctx)
	if err != nil {
		return rows, err
	}
	if err := <-cpu; err != nil {
		return rows, err
	}
	return rows, w.profile(ctx, s, "heap", "heap")
}

func (w *world) profile(ctx context.Context, s scenario, what, name string) error {
	data, err := get(ctx, "http://"+pprofAddr+"/debug/pprof/"+what)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.options.profile, fmt.Sprintf("%s-%d-%s.pprof", s.name, w.n, name)), data, 0o644)
}

// pprofAddr is where the controller gives profiles while it is asked to.
const pprofAddr = "127.0.0.1:16060"
