// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"
)

// Session is a connection to one Vault with one login, for one role. It is safe for concurrent use. See the package
// documentation.
type Session struct {
	config  Config
	path    rolePath
	wire    *wire
	tokens  *tokens
	limiter *limiter
	history history
}

// Open creates a Session. It does not call Vault. The error is the first one that Config.Validate returns, a
// certs.FieldError.
func Open(c Config) (*Session, error) {
	if problems := c.Validate(); len(problems) > 0 {
		return nil, problems[0]
	}
	path, fault := parsePath(c.Path)
	if fault != nil {
		return nil, fault
	}
	c = c.withDefaults()
	s := &Session{config: c, path: path, wire: newWire(c), limiter: newLimiter(c)}
	s.tokens = newTokens(s.wire, s.history.noteLogin)
	return s, nil
}

// String returns server and path, and nothing about the login.
func (s *Session) String() string {
	return "vault session (" + s.config.Server + ", " + s.config.Path + ")"
}

// Format writes String for every verb, because fmt must not read the fields of a Session in use.
func (s *Session) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// Close cancels logins in progress, revokes the token if it came from a login, for which it waits at most 2 s, and
// closes idle connections. It does not revoke a token with which certificates would be revoked: see
// Status.GeneratesLeases. Calls after Close fail. Close may be called more than once.
func (s *Session) Close() {
	s.tokens.close()
	s.wire.pool.CloseIdleConnections()
}

// Server returns the configured address of Vault.
func (s *Session) Server() string { return s.config.Server }

// Namespace returns the configured Vault Enterprise namespace, or an empty string.
func (s *Session) Namespace() string { return s.config.Namespace }

// access describes a call with a token.
type access struct {
	op string
	// extra means that the call is optional: the Session works without it.
	extra bool
	// deniedAll reports, after a response, whether the token lacks the permission that it needs. If it is nil, it
	// does not.
	deniedAll func() bool
}

// call makes one authenticated call. It repeats it once with another login if that may help: see tokens.dropRefused.
func (s *Session) call(ctx context.Context, a access, do func(context.Context, *login) error) error {
	for attempt := 0; ; attempt++ {
		l, err := s.tokens.current(ctx)
		if err != nil {
			return err
		}
		err = s.wire.do(ctx, a.op, func(ctx context.Context) error { return do(ctx, l) })
		if err == nil {
			s.tokens.allowed(l, a.op)
		}
		refused := denied(err) || err == nil && a.deniedAll != nil && a.deniedAll()
		if refused && attempt == 0 && s.tokens.dropRefused(l, a.op, tokenRefused(err), a.extra && err != nil) {
			continue
		}
		switch {
		case err == nil:
			return nil
		case tokenRefused(err):
			return classify(opLogin, err)
		case refused && a.extra && s.tokens.lostPermission(l, a.op):
			return &Error{Op: opLogin, Status: http.StatusForbidden, Kind: Setup,
				Message: "the token has lost permissions, so it has expired or its policy has changed: configure a valid token"}
		}
		return classify(a.op, err)
	}
}

// callInSlot makes a call that counts as in flight, within Config.Timeout, or returns a *BusyError immediately.
func (s *Session) callInSlot(ctx context.Context, op string, do func(context.Context, *api.Client) error) (err error) {
	held, err := s.acquire(s.limiter.enterUnrated)
	if err != nil {
		return err
	}
	defer func() { s.release(held, op, false, err) }()
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	return s.call(ctx, access{op: op}, func(ctx context.Context, l *login) error { return do(ctx, l.client) })
}

// acquire acquires a slot if Vault is expected to respond and the limits allow it. The error is a *BusyError.
func (s *Session) acquire(enter func() (*slot, time.Time)) (*slot, error) {
	now := s.config.Now()
	cause, notBefore := s.wire.breaker.enter(now)
	if cause != nil {
		return nil, &BusyError{NotBefore: notBefore, Cause: cause}
	}
	held, notBefore := enter()
	if held == nil {
		s.wire.breaker.release(now, "", nil)
		return nil, &BusyError{NotBefore: notBefore}
	}
	return held, nil
}

// release ends a call that acquire admitted. unused means that no request was sent to Vault.
func (s *Session) release(held *slot, op string, unused bool, err error) {
	held.release(unused)
	if unused {
		err = nil // an error of the caller, not of Vault
	}
	s.wire.breaker.release(s.config.Now(), op, err)
}
