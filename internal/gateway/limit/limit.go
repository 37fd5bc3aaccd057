// SPDX-License-Identifier: Apache-2.0

// Package limit limits concurrent requests to a gateway.
package limit

import (
	"context"

	"apisix-certs.io/apisix-certs/internal/metrics"
)

// Slots limit what is done at the same time. Create them with [New].
type Slots struct {
	room  chan struct{}
	limit metrics.Limit
}

// New returns n slots. Each wait for one is counted under limit; an empty limit is not counted.
func New(n int, limit metrics.Limit) *Slots {
	return &Slots{room: make(chan struct{}, n), limit: limit}
}

// Acquire waits for a slot, in the order of the calls. Call release when done. The error is that of ctx.
func (s *Slots) Acquire(ctx context.Context) (release func(), err error) {
	release = func() { <-s.room }
	select {
	case s.room <- struct{}{}:
		return release, nil
	default:
	}
	if s.limit != "" {
		metrics.Waited(s.limit)
	}
	select {
	case s.room <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
