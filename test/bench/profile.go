// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// profiled runs a scenario, and where a folder for profiles is given, takes profiles of the controller's and the API
// server's CPU over its first seconds, and of the controller's heap at its end.
func (w *world) profiled(ctx context.Context, s scenario) ([]row, error) {
	if w.options.profile == "" {
		return s.run(w, ctx)
	}
	cpu := make(chan error, 1)
	go func() {
		w.awaitProfiles(ctx, s)
		server := make(chan error, 1)
		go func() { server <- w.profileServer(ctx, s) }()
		err := w.profile(ctx, s, "profile?seconds=8", "cpu")
		cpu <- errors.Join(err, <-server)
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

// awaitProfiles waits until a scenario is about to begin: until the controller is there again where it is restarted.
func (w *world) awaitProfiles(ctx context.Context, s scenario) {
	answers := func() bool {
		_, err := get(ctx, "http://"+pprofAddr+"/debug/pprof/cmdline")
		return err == nil
	}
	if s.name != "restart" {
		time.Sleep(time.Second) // of settle
		return
	}
	// It goes, and comes back. Asked more often, it would not come to rest, which the scenario waits for first.
	for _, there := range []bool{false, true} {
		_ = wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(context.Context) (bool, error) { return answers() == there, nil })
	}
}

func (w *world) profile(ctx context.Context, s scenario, what, name string) error {
	data, err := get(ctx, "http://"+pprofAddr+"/debug/pprof/"+what)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.options.profile, fmt.Sprintf("%s-%d-%s.pprof", s.name, w.n, name)), data, 0o644)
}

// profileServer profiles the API server.
func (w *world) profileServer(ctx context.Context, s scenario) error {
	clients, err := kubernetes.NewForConfig(w.config)
	if err != nil {
		return err
	}
	data, err := clients.RESTClient().Get().AbsPath("/debug/pprof/profile").Param("seconds", "8").DoRaw(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.options.profile, fmt.Sprintf("%s-%d-server.pprof", s.name, w.n)), data, 0o644)
}

// pprofAddr is where the controller gives profiles while it is asked to.
const pprofAddr = "127.0.0.1:16060"
