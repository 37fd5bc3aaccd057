// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
)

// TestHealth: as many as may are at work at once; one that does not answer is tried by one at a time until it does.
func TestHealth(t *testing.T) {
	var h health
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	silent := &apisix.NetworkError{Err: errors.New("timed out")}
	for range 3 {
		if err := h.enter(3, at(0)); err != nil {
			t.Fatal(err)
		}
	}
	var busy *BusyError
	if err := h.enter(3, at(0)); !errors.As(err, &busy) {
		t.Errorf("a fourth has a turn: %v", err)
	}
	h.leave(at(0), at(1), silent) // it failed at once, as where nobody listens
	if err := h.enter(3, at(1)); err != nil {
		t.Errorf("after a call that failed at once: %v", err)
	}
	for range 3 {
		h.leave(at(0), at(10), silent)
	}
	if err := h.enter(3, at(10)); !errors.Is(err, silent) {
		t.Errorf("at once after the failure: %v", err)
	}
	if err := h.enter(3, at(11)); err != nil {
		t.Errorf("a second later: %v", err)
	}
	if err := h.enter(3, at(15)); !errors.Is(err, silent) {
		t.Errorf("while another one tries: %v", err)
	}
	h.leave(at(11), at(11), silent) // refused quickly now, which is no answer either
	if err := h.enter(3, at(11)); !errors.Is(err, silent) {
		t.Errorf("after another failure: %v", err)
	}
	if err := h.enter(3, at(12)); err != nil {
		t.Fatal(err)
	}
	h.leave(at(12), at(12), &apisix.APIError{Status: 401})
	for range 3 {
		if err := h.enter(3, at(12)); err != nil {
			t.Errorf("though it answers: %v", err)
		}
	}
}
