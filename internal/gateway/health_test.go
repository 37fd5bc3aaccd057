// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"errors"
	"net"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
)

// TestHealth: as many as may are at work at once; one that does not answer is tried by one at a time until it does.
func TestHealth(t *testing.T) {
	var h health
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	silent := &apisix.NetworkError{Err: errors.New("timed out")}
	enter := func(seconds float64) (mine *call, soon bool, err error) {
		mine, freed, err := h.tryAcquire(3, at(seconds))
		return mine, freed != nil, err
	}
	must := func(seconds float64) *call {
		t.Helper()
		mine, soon, err := enter(seconds)
		if mine == nil || soon || err != nil {
			t.Fatalf("no turn after %v s: soon %t, %v", seconds, soon, err)
		}
		return mine
	}
	first, second, third := must(0), must(0), must(0)
	if _, soon, err := enter(0.1); !soon || err != nil {
		t.Errorf("a fourth, while calls are answered quickly: %t, %v, want a turn soon", soon, err)
	}
	var busy *BusyError
	if _, soon, err := enter(1); soon || !errors.As(err, &busy) {
		t.Errorf("a fourth, while no call is answered: %t, %v, want a BusyError", soon, err)
	}
	h.release(first, at(1), silent) // it failed at once, as where nobody listens
	fourth := must(1)
	h.release(second, at(10), silent)
	h.release(third, at(10), silent)
	h.release(fourth, at(10), silent)
	if _, _, err := enter(10); !errors.Is(err, silent) {
		t.Errorf("at once after the failure: %v", err)
	}
	trying := must(11)
	if _, _, err := enter(15); !errors.Is(err, silent) {
		t.Errorf("while another one tries: %v", err)
	}
	h.release(trying, at(15), silent) // refused quickly now, which is no answer either
	if _, _, err := enter(15); !errors.Is(err, silent) {
		t.Errorf("after another failure: %v", err)
	}
	h.release(must(16), at(16), &apisix.APIError{Status: 401})
	for range 3 {
		must(16)
	}
}

// TestHangingGatewayLeavesWorkers: with as many workers as a controller has by default, and far more certificates at a gateway that hangs,
// each certificate at the other gateway is looked at without delay.
func TestHangingGatewayLeavesWorkers(t *testing.T) {
	skipReal(t)
	const workers, hanging, well = 16, 200, 20
	good := newOwnScene(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, by its backlog, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	bad := ownGateway(t, "http://"+silent.Addr().String(), "k", "", "blue")
	bad.Name, bad.MaxConcurrent = "hangs", 0
	target := good.target("u1", "a.example.com")
	queue := make(chan *Gateway, hanging+well)
	for i := range hanging {
		queue <- bad
		if i%(hanging/well) == 0 {
			queue <- good.Gateway
		}
	}
	close(queue)
	began, looked := time.Now(), make(chan error, well)
	for range workers {
		go func() {
			for g := range queue {
				if _, err := g.Observe(t.Context(), target); g == good.Gateway {
					looked <- err
				}
			}
		}()
	}
	for range well {
		if err := <-looked; err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(began); took > time.Second { // a call of the hanging one takes 2 s
		t.Errorf("the gateway that answers is held up for %s", took)
	}
}
