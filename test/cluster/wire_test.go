// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// wired is a server that says 4,000 bytes, behind a wire, and a client of it with little patience.
func wired(t *testing.T) (wire *Wire, asked *atomic.Int64, get func() (int, error)) {
	t.Helper()
	asked = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, strings.Repeat("x", 4000))
	}))
	t.Cleanup(server.Close)
	wire, err := NewWire(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(wire.Close)
	client := &http.Client{Timeout: 500 * time.Millisecond, Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	return wire, asked, func() (int, error) {
		answer, err := client.Post("http://"+wire.Addr, "text/plain", nil) // nothing that a client would repeat
		if err != nil {
			return 0, err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return len(body), err
	}
}

func TestWire(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		trouble Trouble
		asked   int64 // how often the server was
		bytes   int   // at most
		fails   bool
	}{
		"none":          {Trouble{}, 1, 4000, false},
		"stall":         {Trouble{Stall: true}, 0, 0, true},
		"stall answers": {Trouble{StallAnswers: true}, 1, 0, true},
		"half":          {Trouble{Half: 1000}, 1, 1000, true},
		"slow":          {Trouble{Pause: 300 * time.Millisecond}, 1, 2000, true},
		"little slow":   {Trouble{Pause: time.Millisecond}, 1, 4000, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wire, asked, get := wired(t)
			wire.Suffer(row.trouble)
			n, err := get()
			if (err != nil) != row.fails || n > row.bytes || asked.Load() != row.asked {
				t.Errorf("%d bytes, error %v, the server was asked %d times", n, err, asked.Load())
			}
			wire.Suffer(Trouble{})
			if n, err := get(); n != 4000 {
				t.Errorf("afterwards %d bytes, error %v", n, err)
			}
		})
	}
}

// A connection that is open suffers too, what was held up passes later, and a stopped wire refuses.
func TestWireOpenConnections(t *testing.T) {
	t.Parallel()
	wire, _, get := wired(t)
	if _, err := get(); err != nil {
		t.Fatal(err)
	}
	wire.Suffer(Trouble{Stall: true})
	time.AfterFunc(100*time.Millisecond, func() { wire.Suffer(Trouble{}) })
	if n, err := get(); n != 4000 {
		t.Errorf("held up: %d bytes, error %v", n, err)
	}
	wire.Suffer(Trouble{StallAnswers: true})
	time.AfterFunc(50*time.Millisecond, wire.Cut)
	began := time.Now()
	if n, err := get(); err == nil || time.Since(began) > 400*time.Millisecond {
		t.Errorf("cut: %d bytes after %s", n, time.Since(began))
	}
	wire.Suffer(Trouble{})
	wire.Stop()
	if _, err := get(); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("stopped: %v", err)
	}
	if err := wire.Restart(); err != nil {
		t.Fatal(err)
	}
	if n, err := get(); n != 4000 {
		t.Errorf("restarted: %d bytes, error %v", n, err)
	}
}
