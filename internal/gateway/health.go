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
	// shortTurn is how long a turn is waited for where calls are answered, and responsive how old the oldest call under way may
	// be for that.
	slotWait, responsive = 100 * time.Millisecond, 250 * time.Millisecond
	// silence is how long a call must have taken that failed for the gateway to count as one that does not answer. One that
	// refuses connections fails at once, and costs nobody anything.
	hangThreshold = 2 * time.Second
	// tryAgain is when a gateway that does not answer is tried again, by one worker at a time.
	retryInterval = time.Second
)

// BusyError says that as many are at work on a gateway as may be, so that there is no turn now. It is no failure.
type BusyError struct{}

func (*BusyError) Error() string {
	return "the gateway has not answered other calls yet, and this certificate waits for its turn"
}

// health keeps all but one away from a gateway that does not answer, and some workers from one that hangs. The zero value is
// ready.
type health struct {
	mu     sync.Mutex
	calls  []*call // under way, the oldest first
	freed  chan struct{}
	failed error // of the last call, which was not answered; nil: it answers
	next   time.Time
	trying bool
}

type call struct{ began time.Time }

// enter asks for a turn. Where there is none it fails: with the error of the last call that was not answered, or with a
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

// try takes a turn. Where there is none and one comes soon, freed is closed then.
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

// leave ends a turn.
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

// call makes calls to the gateway, if there is a turn.
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
