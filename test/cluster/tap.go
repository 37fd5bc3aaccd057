// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/cert"
)

// Tap is a proxy in front of one server, which counts requests and can intercept them: a test can see how many requests the
// controller sends, and stop it at any of them.
//
//	tap, err := cluster.NewTap(c.Vault.Address, nil)
//	...
//	defer tap.Close()
//	... // tap.URL is the server's address now
//	signs := tap.Count(func(c cluster.Call) bool { return strings.Contains(c.Path, "/sign/") })
//
// It records no bodies, and no headers other than User-Agent.
type Tap struct {
	// URL is the base URL to use instead of the server's.
	URL string
	// CA is the PEM certificate to trust. Nil if the server, and so the tap, uses plain HTTP.
	CA []byte
	// Finishes lets requests complete for up to a minute after the client has disconnected, and counts them. Set it before the
	// first request.
	Finishes bool

	addr string
	tls  *tls.Config // nil for plain HTTP

	mu     sync.Mutex
	proxy  *httputil.ReverseProxy
	server *http.Server // nil while stopped
	calls  []Call
	before func(*http.Request) http.Handler
	after  func(Call)
}

// Call is a request with a response. It has neither bodies nor keys.
type Call struct {
	Method, Path, UserAgent string
	DryRun                  bool // at the API server: nothing is written
	Status                  int
	Time                    time.Time // of the response
}

// CallOf returns the Call of a request without a response.
func CallOf(r *http.Request) Call {
	return Call{Method: r.Method, Path: r.URL.Path, UserAgent: r.UserAgent(), DryRun: r.URL.Query().Has("dryRun")}
}

// Writes reports whether the method of the call can change something.
func (c Call) Writes() bool { return c.Method != http.MethodGet && c.Method != http.MethodHead }

// NewTap starts a tap in front of the server at the base URL target. transport sends the requests. Nil: the default transport.
func NewTap(target string, transport http.RoundTripper) (*Tap, error) {
	base, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	t := &Tap{addr: "127.0.0.1:0"}
	t.proxy = t.proxyTo(base, transport)
	if base.Scheme == "https" {
		if err := t.makeCertificate(); err != nil {
			return nil, err
		}
	}
	if err := t.Restart(); err != nil {
		return nil, err
	}
	t.URL = base.Scheme + "://" + t.addr
	return t, nil
}

// Retarget changes the server behind the tap. It must use TLS if the first one did.
func (t *Tap) Retarget(target string, transport http.RoundTripper) error {
	base, err := url.Parse(target)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.proxy = t.proxyTo(base, transport)
	return nil
}

// NewKubeTap starts a tap in front of the API server.
func (c *Cluster) NewKubeTap() (*Tap, error) {
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(c.Kube.Config))
	if err != nil {
		return nil, err
	}
	return NewTap(c.Kube.Config.Host, transport)
}

// NewTaps starts a tap in front of each server that a controller uses.
func (c *Cluster) NewTaps() (kube, vault, admin *Tap, err error) {
	if kube, err = c.NewKubeTap(); err != nil {
		return nil, nil, nil, err
	}
	if vault, err = NewTap(c.Vault.Address, nil); err != nil {
		return nil, nil, nil, err
	}
	admin, err = NewTap(c.Gateway.AdminURL, nil)
	return kube, vault, admin, err
}

func (t *Tap) proxyTo(base *url.URL, transport http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(base) },
		Transport:      transport,
		FlushInterval:  -1, // watches
		ErrorLog:       log.New(io.Discard, "", 0),
		ModifyResponse: t.answered,
	}
}

func (t *Tap) makeCertificate() error {
	certificate, key, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	t.CA, t.tls = certificate, &tls.Config{Certificates: []tls.Certificate{pair}}
	return err
}

// Stop closes the port and all connections, as an outage does.
func (t *Tap) Stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.server != nil {
		_ = t.server.Close()
		t.server = nil
	}
}

// Restart opens the port again, at the same address.
func (t *Tap) Restart() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	listener, err := net.Listen("tcp", t.addr)
	if err != nil {
		return err
	}
	t.addr = listener.Addr().String()
	t.server = &http.Server{Handler: http.HandlerFunc(t.serve), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	t.server.TLSConfig = t.tls.Clone()
	go func(s *http.Server) {
		if s.TLSConfig != nil {
			_ = s.ServeTLS(listener, "", "")
			return
		}
		_ = s.Serve(listener)
	}(t.server)
	return nil
}

// Close closes the tap. It cannot be restarted.
func (t *Tap) Close() { t.Stop() }

// Before sets a function that is called with each request before the server receives it. If it returns a handler, the handler
// responds and the server does not receive the request. The function can block. Nil removes it.
func (t *Tap) Before(decide func(*http.Request) http.Handler) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.before = decide
}

// After sets a function that is called with each response before the client receives it. It can block. Nil removes it.
func (t *Tap) After(see func(Call)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.after = see
}

// Calls returns the matching calls since the start or the last Reset. A nil match matches all.
func (t *Tap) Calls(match func(Call) bool) []Call {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.calls), func(c Call) bool { return match != nil && !match(c) })
}

// Count returns the number of Calls.
func (t *Tap) Count(match func(Call) bool) int { return len(t.Calls(match)) }

// Reset forgets the calls so far.
func (t *Tap) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = nil
}

func (t *Tap) serve(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	before, proxy := t.before, t.proxy
	t.mu.Unlock()
	if before != nil {
		if instead := before(r); instead != nil {
			instead.ServeHTTP(w, r)
			return
		}
	}
	if t.Finishes {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), time.Minute)
		defer cancel()
		r = r.WithContext(ctx)
	}
	proxy.ServeHTTP(w, r)
}

// answered is called with each response of the server.
func (t *Tap) answered(r *http.Response) error {
	call := CallOf(r.Request)
	call.Status, call.Time = r.StatusCode, time.Now()
	t.mu.Lock()
	t.calls = append(t.calls, call)
	after := t.after
	t.mu.Unlock()
	if after != nil {
		after(call)
	}
	return nil
}
