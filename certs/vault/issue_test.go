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
	f := newFakeVault(t)
	c := f.config()
	c.Namespace, c.UserAgent = "team", "tester/1"
	s := open(t, c)
	request, key := newRequest(t, spec)
	answer, err := s.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if warnings, err := certs.CheckAnswer(answer.Bundle, spec, key.Public(), now); err != nil || warnings != nil {
		t.Errorf("CheckAnswer: %v, %v", warnings, err)
	}
	if !bytes.Equal(answer.CertPEM, answer.Bundle.CertPEM()) || !bytes.Equal(answer.CAPEM, answer.Bundle.CAPEM()) {
		t.Error("the PEM is not the bundle's")
	}
	want := map[string]any{
		"csr": string(request.CSRPEM), "common_name": "www.example.com", "alt_names": "www.example.com",
		"ttl": "86400s", "format": "pem", "exclude_cn_from_sans": true,
	}
	if diff := cmp.Diff(want, f.bodies[0]); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if f.headers.Get("X-Vault-Namespace") != "team" || f.headers.Get("User-Agent") != "tester/1" {
		t.Errorf("headers %v", f.headers)
	}
}

// TestIssueBodyLists: a URI may have a comma, at which Vault splits a text.
func TestIssueBodyLists(t *testing.T) {
	f := newFakeVault(t)
	s := open(t, f.config())
	request, _ := newRequest(t, certs.Spec{
		DNSNames: []string{"a.example.com", "b.example.com"}, EmailAddresses: []string{"ops@example.com"},
		IPAddresses: []string{"192.0.2.1", "2001:db8::1"}, URIs: []string{"spiffe://example.org/a,b", "spiffe://example.org/c"},
	})
	if _, err := s.Issue(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"csr": string(request.CSRPEM), "common_name": "a.example.com", "format": "pem", "exclude_cn_from_sans": true,
		"alt_names": "a.example.com,b.example.com,ops@example.com",
		"ip_sans":   []any{"192.0.2.1", "2001:db8::1"}, "uri_sans": []any{"spiffe://example.org/a,b", "spiffe://example.org/c"},
	}
	if diff := cmp.Diff(want, f.bodies[0]); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

func TestIssueManyAtOnce(t *testing.T) {
	f := newFakeVault(t)
	c := f.config()
	c.MaxInFlight = 4
	s := open(t, c)
	var connections counter
	connections.watch(s)
	request, _ := newRequest(t, spec)
	if failed := issueMany(s, request, 500); failed != 0 {
		t.Errorf("%d calls failed", failed)
	}
	if n := f.called("auth/approle/login"); n != 1 {
		t.Errorf("%d logins", n)
	}
	if n := connections.most.Load(); n > 4 {
		t.Errorf("%d connections", n)
	}
	if n := f.called("pki/sign/web"); n != 500 {
		t.Errorf("%d calls", n)
	}
}

func issueMany(s *Session, request Request, n int) int64 {
	var failed atomic.Int64
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			if _, err := s.Issue(context.Background(), request); err != nil {
				failed.Add(1)
			}
		})
	}
	wait.Wait()
	return failed.Load()
}

func TestIssueLimits(t *testing.T) {
	f := newFakeVault(t)
	release := make(chan struct{})
	f.answer("pki/sign/web", func(w http.ResponseWriter, r *http.Request) { <-release; f.sign(w, r) })
	c := f.config()
	c.MaxInFlight = 1
	var waits atomic.Int64
	c.Waited = func() { waits.Add(1) }
	s := open(t, c)
	request, _ := newRequest(t, spec)
	done := make(chan error)
	go func() { _, err := s.Issue(context.Background(), request); done <- err }()
	for f.called("pki/sign/web") == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Issue(ctx, request); kindOfError(t, err) != Transient || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("over the limit: %v", err)
	}
	if n := waits.Load(); n != 1 {
		t.Errorf("%d waits were told", n)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := f.called("pki/sign/web"); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestIssueRate(t *testing.T) {
	f := newFakeVault(t)
	c := f.config()
	c.RatePerSecond = 100
	s := open(t, c)
	request, _ := newRequest(t, spec)
	start := time.Now()
	if failed := issueMany(s, request, 11); failed != 0 {
		t.Errorf("%d calls failed", failed)
	}
	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("11 calls at 100/s took %s", took)
	}
}
