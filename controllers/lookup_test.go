// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestAwaitKinds(t *testing.T) {
	t.Parallel()
	down, broken := &lookupError{"GatewayProxy", errors.New("connection refused")}, errors.New("no such field")
	for name, row := range map[string]struct {
		errs  []error // of the calls; then it is done
		calls int
		want  error
	}{
		"at once":                     {nil, 1, nil},
		"the API server is away":      {[]error{down, fmt.Errorf("kinds: %w", down)}, 3, nil},
		"a controller cannot start":   {[]error{broken}, 1, broken},
		"away, and then cannot start": {[]error{down, broken}, 2, broken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			err := awaitKinds(t.Context(), time.Millisecond, func(context.Context) (bool, error) {
				if calls++; calls <= len(row.errs) {
					return false, row.errs[calls-1]
				}
				return true, nil
			})
			if calls != row.calls || !errors.Is(err, row.want) {
				t.Errorf("%d calls, error %v", calls, err)
			}
		})
	}
}

// A manager that stops is no failure.
func TestAwaitKindsStops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := awaitKinds(ctx, time.Millisecond, func(context.Context) (bool, error) {
		cancel()
		return false, nil
	})
	if err != nil {
		t.Error(err)
	}
}
