// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// The public keys of APISIX's default configuration.
const (
	DefaultAdminKey  = "edd1c9f034335f136f87ad84b625c8f1"
	DefaultViewerKey = "4054f7cf07e344346cd3f287985e76a2"
)

// Options configure a [Server]. The zero value is complete.
type Options struct {
	AdminAddr  string             // of the Admin API, plain HTTP; empty means a free port of 127.0.0.1
	TLSAddr    string             // of the TLS port; empty means a free port of 127.0.0.1
	AdminKey   string             // empty means DefaultAdminKey
	ViewerKey  string             // empty means DefaultViewerKey
	Standalone bool               // API-driven standalone mode: configs instead of ssl objects
	Release    Release            // of APISIX; see SetRelease
	Env        map[string]string  // values of $env:// references
	Clock      clock.PassiveClock // nil means the system's
	Log        *slog.Logger       // receives a line for each Admin API call and failed handshake; nil means none
}

// Server is a running imitation of APISIX. Its methods are safe for concurrent use.
type Server struct {
	options Options
	store   *store
	served  *sniIndex
	configs *configs
	secrets *resolver
	calls   callLog
	faults  faults
	keys    atomic.Pointer[keyring]
	age     atomic.Pointer[Release]
	log     *slog.Logger

	mu        sync.Mutex // guards the fields below
	adminAddr string
	tlsAddr   string
	running   []*http.Server
}

// NewServer returns a running server, or the error of its listeners. Close it when done.
func NewServer(options Options) (*Server, error) {
	options.AdminKey = cmp.Or(options.AdminKey, DefaultAdminKey)
	options.ViewerKey = cmp.Or(options.ViewerKey, DefaultViewerKey)
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	s := &Server{
		options:   options,
		store:     newStore(),
		served:    newSNIIndex(options.Clock),
		configs:   newConfigs(),
		log:       options.Log,
		adminAddr: cmp.Or(options.AdminAddr, "127.0.0.1:0"),
		tlsAddr:   cmp.Or(options.TLSAddr, "127.0.0.1:0"),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.keys.Store(&defaultKeyring)
	s.SetRelease(options.Release)
	s.secrets = newResolver(options.Env, s.store, options.Clock)
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, nil
}

// start listens on both ports and stores the addresses for a restart.
func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return errors.New("apisixtest: already running")
	}
	admin, err := listen(s.adminAddr)
	if err != nil {
		return err
	}
	gateway, err := listen(s.tlsAddr)
	if err != nil {
		_ = admin.Close()
		return err
	}
	s.adminAddr, s.tlsAddr = admin.Addr().String(), gateway.Addr().String()
	s.serve(admin, &http.Server{Handler: http.HandlerFunc(s.serveAdmin)})
	s.serve(s.secure(gateway), &http.Server{Handler: http.HandlerFunc(serveGateway), ConnContext: withConnection})
	return nil
}

func (s *Server) serve(listener net.Listener, server *http.Server) {
	server.ReadHeaderTimeout = time.Minute
	server.ErrorLog = log.New(errorLog{s.log}, "", 0)
	s.running = append(s.running, server)
	go func() { _ = server.Serve(listener) }()
}

// listen retries for a while, as connections of a previous run may still use the port.
func listen(addr string) (net.Listener, error) {
	var listener net.Listener
	var err error
	for range 20 {
		if listener, err = net.Listen("tcp", addr); err == nil {
			return listener, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil, fmt.Errorf("apisixtest: %w", err)
}

// Stop closes both ports and all connections. Stored objects are preserved, as in etcd.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, server := range s.running {
		_ = server.Close()
	}
	s.running = nil
}

// Restart stops the server and starts it on the same ports. As after a reload of APISIX, objects with the same name are
// then served in the order of their etcd keys.
func (s *Server) Restart() error {
	s.Stop()
	s.served.reload()
	s.secrets.forget()
	return s.start()
}

// Close stops the server.
func (s *Server) Close() { s.Stop() }

// AdminURL returns the base URL of the Admin API, "http://127.0.0.1:PORT".
func (s *Server) AdminURL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.adminAddr
}

// TLSAddr returns HOST:PORT of the TLS listener.
func (s *Server) TLSAddr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tlsAddr
}

// AdminKey returns the key of the Admin API.
func (s *Server) AdminKey() string { return s.options.AdminKey }

// errorLog forwards what net/http logs about broken connections.
type errorLog struct{ log *slog.Logger }

var _ io.Writer = errorLog{}

func (e errorLog) Write(line []byte) (int, error) {
	e.log.Debug(string(line))
	return len(line), nil
}
