// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

// TestOneCallProbes: 150 callers of a Vault that never responds occupy one worker at a time, and not all
// the time. All continue once it responds.
func TestOneCallProbes(t *testing.T) {
	f, at := newVault(t), &clock{}
	c := configOf(f)
	c.Now, c.Timeout = at.now, 50*time.Millisecond
	s := open(t, c)
	request, _ := newRequest(t, spec)
	f.Hang(true)
	if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Transient {
		t.Fatal(err)
	}
	held := time.Duration(0)
	for range 10 {
		var mu sync.Mutex
		var wait sync.WaitGroup
		tried, latest := 0, time.Time{}
		for range 150 {
			wait.Go(func() {
				began := time.Now()
				_, err := s.Issue(t.Context(), request)
				var busy *BusyError
				mu.Lock()
				defer mu.Unlock()
				switch {
				case !errors.As(err, &busy):
					tried++
					held += time.Since(began)
				case busy.Cause == nil || !busy.NotBefore.After(at.now()):
					t.Errorf("%+v", busy)
				case busy.NotBefore.After(latest):
					latest = busy.NotBefore
				}
			})
		}
		wait.Wait()
		if tried > 1 {
			t.Errorf("%d tried at the same time", tried)
		}
		if in := latest.Sub(at.now()); in > maxPause+2*150*retrySpacing+time.Second {
			t.Errorf("one is to come again in %s", in)
		}
		at.step(maxPause)
	}
	t.Logf("measure: breaker callers=150 rounds=10 tries=%d held=%s", f.Calls("auth/approle/login"), held.Round(time.Millisecond))
	f.Hang(false)
	until(t, func() bool { // a login may be under way that is lost
		at.step(maxPause)
		_, err := s.Issue(t.Context(), request)
		return err == nil
	})
}

// TestOneCallIsBounded: a login and a signature together take the time-out at most.
func TestOneCallIsBounded(t *testing.T) {
	f := newVault(t)
	c := configOf(f)
	c.Timeout = 300 * time.Millisecond
	s := open(t, c)
	slow := 200 * time.Millisecond
	f.SetHandler("auth/approle/login", func(w http.ResponseWriter, _ *http.Request) { time.Sleep(slow); f.LogIn(w) })
	f.SetHandler("pki/sign/web", func(w http.ResponseWriter, r *http.Request) { time.Sleep(slow); f.Sign(w, r) })
	request, _ := newRequest(t, spec)
	request.FinishAfterCancel = true
	began := time.Now()
	if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Transient {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 390*time.Millisecond {
		t.Errorf("took %s", took)
	}
}

// TestSlowElsewhere: responses to other calls do not close the breaker while signing hangs.
func TestSlowElsewhere(t *testing.T) {
	f, at := newVault(t), &clock{}
	c := configOf(f)
	c.Now, c.Timeout = at.now, 50*time.Millisecond
	s := open(t, c)
	request, _ := newRequest(t, spec)
	f.SetHandler("pki/sign/web", hang)
	if _, err := s.Issue(t.Context(), request); kindOfError(t, err) != Transient {
		t.Fatal(err)
	}
	if _, err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	var busy *BusyError
	if _, err := s.Issue(t.Context(), request); !errors.As(err, &busy) || busy.Cause == nil {
		t.Errorf("%v", err)
	}
	f.SetHandler("pki/sign/web", vaulttest.ErrorHandler(503, "Vault is sealed"))
	at.step(maxPause)
	for range 2 { // an answer is an answer
		if _, err := s.Issue(t.Context(), request); errors.As(err, &busy) {
			t.Errorf("%v", err)
		}
	}
}

// TestBreakerCanceled: that a caller gives up says nothing of Vault.
func TestBreakerCanceled(t *testing.T) {
	var b breaker
	for i, pause := range []time.Duration{initialPause, 2 * initialPause, 4 * initialPause, 8 * initialPause, maxPause, maxPause} {
		at := now.Add(time.Duration(i) * time.Minute)
		b.note(at, opSign, &Error{})
		b.note(at.Add(time.Millisecond), opSign, &Error{}) // another that was in flight
		if got := b.opensAt.Sub(at); got != pause {
			t.Errorf("failure %d: %s, want %s", i, got, pause)
		}
	}
	if cause, _ := b.enter(now.Add(time.Hour)); cause != nil {
		t.Error("none may try")
	}
	if cause, at := b.enter(now.Add(time.Hour)); cause == nil || !at.After(now.Add(time.Hour)) {
		t.Error("two try at the same time")
	}
	b.release(now, opSign, &Error{Kind: Transient, cause: context.Canceled})
	if cause, _ := b.enter(now.Add(time.Hour)); cause != nil {
		t.Error("none may try after one gave up")
	}
}
