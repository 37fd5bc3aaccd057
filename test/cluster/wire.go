// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"net"
	"sync"
	"time"
)

// Wire is a TCP proxy in front of one server that disturbs connections: they are cut, stalled, slow, or closed in the middle of a
// response. It does not parse the data, so TLS can pass. A Tap behind it sees what has reached the server.
//
//	wire, err := cluster.NewWire("127.0.0.1:9180")
//	...
//	defer wire.Close()
//	wire.Suffer(cluster.Trouble{Stall: true})
//	... // wire.Addr is the server's address now
//	wire.Suffer(cluster.Trouble{})
type Wire struct {
	// Addr is the HOST:PORT to use instead of the server's.
	Addr string

	target string

	mu       sync.Mutex
	listener net.Listener // nil while stopped
	ends     map[net.Conn]bool
	trouble  Trouble
	changed  chan struct{} // closed when trouble changes
}

// Trouble is a disturbance of all connections, including open ones. The zero value disturbs nothing.
type Trouble struct {
	// Stall stops both directions. The data passes when the trouble is over.
	Stall bool
	// StallAnswers is Stall for responses only: the server receives and processes requests.
	StallAnswers bool
	// Half cuts each connection after this number of response bytes. 0 cuts none.
	Half int
	// Pause is the delay before each piece of a response, of at most 1 KiB.
	Pause time.Duration
}

// NewWire starts a wire in front of the server at target, HOST:PORT.
func NewWire(target string) (*Wire, error) {
	w := &Wire{Addr: "127.0.0.1:0", target: target, ends: map[net.Conn]bool{}, changed: make(chan struct{})}
	return w, w.Restart()
}

// Restart opens the port again, at the same address.
func (w *Wire) Restart() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", w.Addr)
	if err != nil {
		return err
	}
	w.listener, w.Addr = listener, listener.Addr().String()
	go w.accept(listener)
	return nil
}

// Stop closes the port and cuts all connections. New connections are refused.
func (w *Wire) Stop() {
	w.mu.Lock()
	if w.listener != nil {
		_ = w.listener.Close()
		w.listener = nil
	}
	w.mu.Unlock()
	w.Cut()
}

// Cut resets the connections that are open. New ones pass.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for end := range w.ends {
		reset(end)
	}
	clear(w.ends)
}

// Close closes the wire. It cannot be restarted.
func (w *Wire) Close() {
	w.Stop()
	w.Suffer(Trouble{})
}

// Suffer sets the trouble.
func (w *Wire) Suffer(trouble Trouble) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble = trouble
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *Wire) now() (Trouble, chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trouble, w.changed
}

func (w *Wire) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go w.connect(client)
	}
}

func (w *Wire) connect(client net.Conn) {
	server, err := net.DialTimeout("tcp", w.target, 10*time.Second)
	if err != nil {
		reset(client)
		return
	}
	w.mu.Lock()
	w.ends[client], w.ends[server] = true, true
	w.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { w.pass(client, server, false) })
	both.Go(func() { w.pass(server, client, true) })
	both.Wait()
	w.mu.Lock()
	delete(w.ends, client)
	delete(w.ends, server)
	w.mu.Unlock()
}

// pass copies one direction until either end is done; then both are closed.
func (w *Wire) pass(from, to net.Conn, answers bool) {
	defer from.Close()
	defer to.Close()
	passed := 0 // bytes, since there was trouble with them
	for buffer := make([]byte, 1<<10); ; {
		n, err := from.Read(buffer)
		trouble := w.await(answers)
		if trouble.Half == 0 || !answers {
			passed = 0
		} else if passed += n; passed > trouble.Half {
			_, _ = to.Write(buffer[:max(0, n-(passed-trouble.Half))])
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// await returns when the direction is no longer stalled.
func (w *Wire) await(answers bool) Trouble {
	trouble, changed := w.now()
	for trouble.Stall || answers && trouble.StallAnswers {
		<-changed
		trouble, changed = w.now()
	}
	if answers && trouble.Pause > 0 {
		select {
		case <-time.After(trouble.Pause):
		case <-changed:
		}
	}
	return trouble
}

// reset closes a connection with RST, so that the other end gets an error.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
