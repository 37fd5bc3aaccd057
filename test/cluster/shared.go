// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/go-logr/logr"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"apisix-certs.io/apisix-certs/test/servers"
)

// Shared is a world that all tests of a package share.
type Shared[W any] struct {
	New func(context.Context) (W, error)
	// End stops the world and returns the errors of the whole run.
	End func(W) error
	// Log is the controllers' log. It is kept if a test fails.
	Log func(W) *os.File

	once  sync.Once
	made  bool
	world W
	err   error
}

// World returns the world. The first call creates it.
func (s *Shared[W]) World(t servers.TB) W {
	t.Helper()
	servers.Need(t)
	s.once.Do(func() {
		s.world, s.err = s.New(context.Background())
		s.made = s.err == nil
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.world
}

// Main runs the tests of m, a *testing.M, stops the world, and returns the exit code.
func (s *Shared[W]) Main(m interface{ Run() int }) int {
	defer RemoveBinary()
	ctrllog.SetLogger(logr.Discard()) // the API server warns of what tests apply
	code := m.Run()
	if !s.made {
		return code
	}
	if err := s.End(s.world); err != nil {
		fmt.Println("FAIL:", err)
		code = 1
	}
	log := s.Log(s.world).Name()
	if code == 0 {
		_ = os.Remove(log)
	} else {
		fmt.Println("the controllers' log is in", log)
	}
	return code
}
