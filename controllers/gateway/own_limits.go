// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"sync"
	"time"

	"apisix-certs.io/apisix-certs/controllers/metrics"
)

const (
	// writesInFlight bounds what a gateway is asked to write at the same time. Measured with one worker and etcd on two
	// cores: 148 new objects a second from one client, 257 from 16, so more in flight only wait there instead of here.
	writesInFlight = 8
	// RereadAge is how old an inventory may be that explains a failure.
	RereadAge = 2 * time.Second
)

// limits bound what is done at a gateway at the same time. The zero value is ready.
type limits struct {
	once   sync.Once
	writes chan struct{}
	looks  chan struct{}
}

func (l *limits) init() {
	l.once.Do(func() {
		l.writes, l.looks = make(chan struct{}, writesInFlight), make(chan struct{}, handshakesInAll)
	})
}

// turn waits until a write may be made. Call done after it.
func (g *Gateway) turn(ctx context.Context) (done func(), err error) {
	g.limits.init()
	return enter(ctx, g.limits.writes, metrics.Writes)
}

func (g *Gateway) handshakeTurn(ctx context.Context) (done func(), err error) {
	g.limits.init()
	return enter(ctx, g.limits.looks, metrics.Handshakes)
}

func enter(ctx context.Context, room chan struct{}, limit metrics.Limit) (leave func(), err error) {
	leave = func() { <-room }
	select {
	case room <- struct{}{}:
		return leave, nil
	default:
		metrics.Waited(limit)
	}
	select {
	case room <- struct{}{}:
		return leave, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
