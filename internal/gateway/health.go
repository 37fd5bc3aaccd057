// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
)

const (
	defaultAtOnce = 12
	// silence is how long a call must have taken that failed for the gateway to count as one that does not answer. One that
	// refuses connections fails at once, and costs nobody anything.
	silence = 2 * time.Second
	// tryAgain is when a gateway that does not answer is tried again, by one worker at a time.
	tryAgain = time.Second
)

// BusyError says that as many are at work on a gateway as may be, so that there is no turn now. It is no failure.
type BusyError struct{}

func (*BusyError) Error() string {
	return "the gateway has not answered other calls yet, and this certificate waits for its turn"
}

// health keeps all but one away from a gateway that does not answer. The zero value is ready.
type health struct {
	mu     sync.Mutex
	atOnce int
	failed error // of the last call, which was not answered; nil: it answers
	next   time.Time
	trying bool
}

// enter asks for a turn. Where there is none it fails at once: with the error of the last call that was not answered, or with a
// *BusyError.
func (h *health) enter(most int, now time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.failed != nil && (h.trying || now.Before(h.next)):
		return h.failed
	case h.atOnce >= most:
		return &BusyError{}
	}
	h.atOnce++
	h.trying = h.failed != nil
	return nil
}

func (h *health) leave(began, now time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.atOnce--
	h.trying = false
	switch {
	case !unanswered(err):
		h.failed = nil
	case now.Sub(began) >= silence || h.failed != nil:
		h.failed, h.next = err, now.Add(tryAgain)
	}
}

func unanswered(err error) bool {
	var network *apisix.NetworkError
	return errors.As(err, &network) && !errors.Is(err, context.Canceled)
}

// call makes calls to the gateway, if there is a turn.
func (g *Gateway) call(calls func() error) error {
	began := g.Clock.Now()
	if err := g.parts.health.enter(cmp.Or(g.AtOnce, defaultAtOnce), began); err != nil {
		return err
	}
	err := calls()
	g.parts.health.leave(began, g.Clock.Now(), err)
	return err
}
