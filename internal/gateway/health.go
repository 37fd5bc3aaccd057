// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"apisix-certs.io/apisix-certs/apisix"
)

const (
	defaultMaxConcurrent = 12
	// slotWait is how long a caller waits for a slot while calls get responses, and responsive is how old the oldest call
	// in progress may be for that.
	slotWait, responsive = 100 * time.Millisecond, 250 * time.Millisecond
	// hangThreshold is how long a failed call must have taken for the gateway to count as hanging. A gateway that refuses
	// connections fails at once and blocks no worker.
	hangThreshold = 2 * time.Second
	// retryInterval is when a gateway that does not respond is tried again, by one worker at a time.
	retryInterval = time.Second
)

// BusyError means that the maximum number of callers uses the gateway, and no slot is free. It is not a failure.
type BusyError struct{}

func (*BusyError) Error() string {
	return "the gateway has not responded to other requests yet; this certificate is waiting for a free slot"
}

// health limits the concurrent callers of a gateway: to one while it does not respond, otherwise to a maximum, so that a
// gateway that hangs does not block all workers. The zero value is ready to use.
type health struct {
	mu     sync.Mutex
	calls  []*call // in progress, the oldest first
	freed  chan struct{}
	failed error // of the last call, which got no response; nil if it did
	next   time.Time
	trying bool
}

type call struct{ began time.Time }

// acquire waits for a slot. Without one it fails with the error of the last call that got no response, or with a
// *BusyError.
func (h *health) acquire(ctx context.Context, most int, clock clock.Clock) (*call, error) {
	for range 2 {
		mine, freed, err := h.tryAcquire(most, clock.Now())
		if freed == nil {
			return mine, err
		}
		select {
		case <-freed:
		case <-clock.After(slotWait):
		case <-ctx.Done():
		}
	}
	return nil, &BusyError{}
}

// tryAcquire acquires a free slot. If none is free but one may be soon, it returns a channel that is closed when one is.
func (h *health) tryAcquire(most int, now time.Time) (mine *call, freed <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.failed != nil && (h.trying || now.Before(h.next)):
		return nil, nil, h.failed
	case len(h.calls) >= most && now.Sub(h.calls[0].began) > responsive:
		return nil, nil, &BusyError{}
	case len(h.calls) >= most:
		if h.freed == nil {
			h.freed = make(chan struct{})
		}
		return nil, h.freed, nil
	}
	mine = &call{now}
	h.calls = append(h.calls, mine)
	h.trying = h.failed != nil
	return mine, nil, nil
}

// release frees a slot.
func (h *health) release(mine *call, now time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = slices.DeleteFunc(h.calls, func(c *call) bool { return c == mine })
	h.trying = false
	if h.freed != nil {
		close(h.freed)
		h.freed = nil
	}
	switch {
	case !noResponse(err):
		h.failed = nil
	case now.Sub(mine.began) >= hangThreshold || h.failed != nil:
		h.failed, h.next = err, now.Add(retryInterval)
	}
}

func noResponse(err error) bool {
	var network *apisix.NetworkError
	return errors.As(err, &network) && !errors.Is(err, context.Canceled)
}

// call makes calls to the gateway within a slot.
func (g *Gateway) call(ctx context.Context, calls func() error) error {
	mine, err := g.parts.health.acquire(ctx, cmp.Or(g.MaxConcurrent, defaultMaxConcurrent), g.Clock)
	if err != nil {
		return err
	}
	err = calls()
	g.parts.health.release(mine, g.Clock.Now(), err)
	if apisix.IsNotAdminAPI(err) && !apisix.IsUnavailable(err) {
		g.recheckMode(time.Second)
	}
	return err
}
