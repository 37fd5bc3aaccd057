// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs"
)

func TestIssue(t *testing.T) {
	f := newVault(t)
	c := configOf(f)
	c.Namespace, c.UserAgent = "team", "tester/1"
	s := open(t, c)
	request, key := newRequest(t, spec)
	response, err := s.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if warnings, err := certs.CheckResponse(response.Bundle, spec, key.Public(), now); err != nil || warnings != nil {
		t.Errorf("CheckResponse: %v, %v", warnings, err)
	}
	if !bytes.Equal(response.CertPEM, response.Bundle.CertPEM()) || !bytes.Equal(response.CAPEM, response.Bundle.CAPEM()) {
		t.Error("the PEM is not the bundle's")
	}
	csr, _ := request.CSR()
	want := map[string]any{
		"csr": string(csr), "common_name": "www.example.com", "alt_names": "www.example.com",
		"ttl": "86400s", "format": "pem", "exclude_cn_from_sans": true,
	}
	if diff := cmp.Diff(want, f.Bodies()[0]); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if f.Header().Get("X-Vault-Namespace") != "team" || f.Header().Get("User-Agent") != "tester/1" {
		t.Errorf("headers %v", f.Header())
	}
}

// TestIssueBodyLists: a URI may have a comma, at which Vault splits a text.
func TestIssueBodyLists(t *testing.T) {
	f := newVault(t)
	s := open(t, configOf(f))
	request, _ := newRequest(t, certs.Spec{
		DNSNames: []string{"a.example.com", "b.example.com"}, EmailAddresses: []string{"ops@example.com"},
		IPAddresses: []string{"192.0.2.1", "2001:db8::1"}, URIs: []string{"spiffe://example.org/a,b", "spiffe://example.org/c"},
	})
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	csr, _ := request.CSR()
	want := map[string]any{
		"csr": string(csr), "common_name": "a.example.com", "format": "pem", "exclude_cn_from_sans": true,
		"alt_names": "a.example.com,b.example.com,ops@example.com",
		"ip_sans":   []any{"192.0.2.1", "2001:db8::1"}, "uri_sans": []any{"spiffe://example.org/a,b", "spiffe://example.org/c"},
	}
	if diff := cmp.Diff(want, f.Bodies()[0]); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestIssueManyAtOnce(t *testing.T) {
	f := newVault(t)
	c := configOf(f)
	c.MaxInFlight = 4
	s := open(t, c)
	var connections counter
	connections.watch(s)
	request, _ := newRequest(t, spec)
	if failed := issueMany(s, request, 500); failed != 0 {
		t.Errorf("%d calls failed", failed)
	}
	if n := f.Calls("auth/approle/login"); n != 1 {
		t.Errorf("%d logins", n)
	}
	if n := connections.most.Load(); n > 4 {
		t.Errorf("%d connections", n)
	}
	if n := f.Calls("pki/sign/web"); n != 500 {
		t.Errorf("%d calls", n)
	}
}

// issueMany issues n certificates at once, and retries as callers do.
func issueMany(s *Session, request Request, n int) int64 {
	var failed atomic.Int64
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			if _, err := issuePatiently(s, request); err != nil {
				failed.Add(1)
			}
		})
	}
	wait.Wait()
	return failed.Load()
}

func issuePatiently(s *Session, request Request) (Response, error) {
	for tries := 0; ; tries++ {
		response, err := s.Issue(context.Background(), request)
		var busy *BusyError
		if !errors.As(err, &busy) || tries > 10_000 {
			return response, err
		}
		time.Sleep(max(time.Until(busy.NotBefore), time.Millisecond)) // the latter where the clock is the test's
	}
}

// TestIssueNeverWaits: a request that limits hold back is refused immediately, costs no key and no call, and is sent when it is repeated.
func TestIssueNeverWaits(t *testing.T) {
	f := newVault(t)
	release := make(chan struct{})
	f.SetHandler("pki/sign/web", func(w http.ResponseWriter, r *http.Request) { <-release; f.Sign(w, r) })
	c := configOf(f)
	c.MaxInFlight = 1
	var waits atomic.Int64
	c.OnThrottle = func() { waits.Add(1) }
	s := open(t, c)
	request, _ := newRequest(t, spec)
	done := make(chan error)
	go func() { _, err := s.Issue(context.Background(), request); done <- err }()
	until(t, func() bool { return f.Calls("pki/sign/web") == 1 })
	makes, keys := request.CSR, 0
	request.ID, request.CSR = "uid", func() ([]byte, error) { keys++; return makes() }
	for range 2 {
		var busy *BusyError
		if _, err := s.Issue(t.Context(), request); !errors.As(err, &busy) || !busy.NotBefore.After(now) || busy.Cause != nil {
			t.Errorf("over the limit: %v", err)
		}
		if err := s.Revoke(t.Context(), f.CA.Cert); !errors.As(err, &busy) {
			t.Errorf("another call over the limit: %v", err)
		}
	}
	if n := waits.Load(); n != 1 || keys != 0 {
		t.Errorf("%d waits were reported, %d keys made", n, keys)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := f.Calls("pki/sign/web"); n != 1 {
		t.Errorf("%d calls", n)
	}
	if _, err := s.Issue(t.Context(), request); err != nil || keys != 1 {
		t.Errorf("%v with %d keys", err, keys)
	}
}

// TestIssueNotTwice: a request is not sent again while it is under way.
func TestIssueNotTwice(t *testing.T) {
	f := newVault(t)
	s := open(t, configOf(f))
	request, _ := newRequest(t, spec)
	makes := request.CSR
	request.ID, request.CSR = "uid", func() ([]byte, error) {
		again := request
		again.CSR = makes
		var busy *BusyError
		if _, err := s.Issue(t.Context(), again); !errors.As(err, &busy) {
			t.Errorf("sent twice: %v", err)
		}
		return makes()
	}
	if _, err := s.Issue(t.Context(), request); err != nil || f.Calls("pki/sign/web") != 1 {
		t.Errorf("%d calls, %v", f.Calls("pki/sign/web"), err)
	}
}

// TestCSRFails: the error is the caller's own, and neither a call nor a turn is lost with it.
func TestCSRFails(t *testing.T) {
	f := newVault(t)
	c := configOf(f)
	c.RatePerSecond, c.MaxInFlight = 1, 1
	s := open(t, c)
	refused := errors.New("exceeded quota")
	for range 3 {
		if _, err := s.Issue(t.Context(), Request{Spec: spec, CSR: func() ([]byte, error) { return nil, refused }}); err != refused {
			t.Errorf("%v", err)
		}
	}
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(t.Context(), request); err != nil || f.Calls("pki/sign/web") != 1 {
		t.Errorf("%d calls, %v", f.Calls("pki/sign/web"), err)
	}
}

// TestURIWithComma: it is one name, not two, whatever the role takes names from.
func TestURIWithComma(t *testing.T) {
	f := newVault(t)
	one := spec
	one.URIs, one.IPAddresses = []string{"spiffe://example.org/a,b"}, []string{"::1", "10.0.0.1"}
	request, _ := newRequest(t, one)
	if _, err := open(t, configOf(f)).Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"spiffe://example.org/a,b"}, f.Bodies()[0]["uri_sans"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for range 5000 {
		if done() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("not within 5 s")
}
