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

// Session is a connection to one Vault as one identity for one role. It is safe for concurrent use; see the package.
type Session struct {
	config  Config
	path    rolePath
	wire    *wire
	tokens  *tokens
	limiter *limiter
	history history
}

// Open makes a Session and does not call Vault. Config's first fault is the error, a certs.FieldError.
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

// String names server and path, and nothing of the login.
func (s *Session) String() string {
	return "vault session (" + s.config.Server + ", " + s.config.Path + ")"
}

// Format writes String for every verb: fmt must not walk through a Session in use.
func (s *Session) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// Close gives up logins under way, revokes a token that a login made, waiting for that at most 2 s, and closes idle
// connections. A token is not revoked where certificates would be with it, see Status.Leases. Calls after Close fail. It
// may be called more than once.
func (s *Session) Close() {
	s.tokens.close()
	s.wire.pool.CloseIdleConnections()
}

// Server is Vault's address as configured.
func (s *Session) Server() string { return s.config.Server }

// Namespace is that of Vault Enterprise; empty for none.
func (s *Session) Namespace() string { return s.config.Namespace }

// access is a call with a token.
type access struct {
	op string
	// extra: the Session does without it where it is not allowed.
	extra bool
	// deniedAll reports, after the call was answered, that the token may not do what it is needed for. Nil: it may.
	deniedAll func() bool
}

// call makes one authenticated call, and repeats it once with another login where that may help, see tokens.another.
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

// reserved makes a call in a place of the issuer's, within Config.Timeout in all, or returns a BusyError at once.
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

// admit lets a call pass that Vault is likely to answer and that the limits leave a place for. The error is a *BusyError.
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

// leave ends a call that admit let pass; unused says that nothing was asked of Vault.
func (s *Session) release(held *slot, op string, unused bool, err error) {
	held.release(unused)
	if unused {
		err = nil // is the caller's
	}
	s.wire.breaker.release(s.config.Now(), op, err)
}
