// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// parallel calls do for 0 to n-1 with as many workers, and ends with the first error.
func (w *world) parallel(ctx context.Context, what string, n, workers int, do func(ctx context.Context, i int) error) error {
	p := w.progress(what)
	group, ctx := errgroup.WithContext(ctx)
	var next, done atomic.Int64
	for range workers {
		group.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := do(ctx, i); err != nil {
					return err
				}
				if finished := done.Add(1); i%workers == 0 {
					w.telling.Lock()
					p.at(int(finished), n)
					w.telling.Unlock()
				}
			}
		})
	}
	return group.Wait()
}
