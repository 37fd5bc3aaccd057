// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/hashicorp/vault/api"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// Session is a connection to one Vault as one identity for one role. It is safe for concurrent use; see the package.
type Session struct {
	config Config
	path   rolePath
	pool   *http.Transport

	line     line // before inFlight and pace
	inFlight *semaphore.Weighted
	pace     *rate.Limiter

	logins singleflight.Group
	ended  context.Context // done once the Session is closed
	end    context.CancelFunc

	mu      sync.Mutex
	login   *login // nil before the first and after a refused token
	refused *Error // the last login's set-up error
	retryAt int64  // when to try after refused, in Unix nanoseconds
	lastCA  []*x509.Certificate
	ref     string // of the role's issuer, once Check has read it
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
	s := &Session{
		config: c, path: path, pool: newTransport(c),
		inFlight: semaphore.NewWeighted(int64(c.MaxInFlight)), pace: rate.NewLimiter(rate.Inf, 1),
	}
	if c.RatePerSecond > 0 {
		s.pace.SetLimit(rate.Limit(c.RatePerSecond))
	}
	s.ended, s.end = context.WithCancel(context.Background())
	return s, nil
}

// String names server and path, and nothing of the login.
func (s *Session) String() string {
	return "vault session (" + s.config.Server + ", " + s.config.Path + ")"
}

// Format writes String for every verb: fmt must not walk through a Session in use.
func (s *Session) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// Close gives up logins under way, revokes a token that a login made, waiting for that at most 2 s, and closes idle
// connections. Calls after it fail. It may be called more than once.
func (s *Session) Close() {
	s.end()
	s.logOut()
	s.pool.CloseIdleConnections()
}

// call makes one authenticated call, and repeats it once after a new login where Vault does not know the token.
func (s *Session) call(ctx context.Context, op string, do func(context.Context, *api.Client) error) error {
	for attempt := 0; ; attempt++ {
		l, err := s.current(ctx)
		if err != nil {
			return err
		}
		raw := s.observed(ctx, op, func(ctx context.Context) error { return do(ctx, l.client) })
		if raw == nil {
			return nil
		}
		if !tokenRefused(raw) {
			return classify(op, raw)
		}
		if attempt > 0 {
			return classify(opLogin, raw)
		}
		s.drop(l)
	}
}

// observed runs one HTTP exchange within the time-out. It returns the raw error.
func (s *Session) observed(ctx context.Context, op string, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	start := s.config.Now()
	err := do(ctx)
	status := http.StatusOK
	var shown error
	if err != nil {
		known := classify(op, err)
		status, shown = known.Status, known
	}
	s.config.Observe(op, status, s.config.Now().Sub(start), shown)
	return err
}
