// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/vault/api"
)

// login is a token and the client that uses it. It never changes.
type login struct {
	client    *api.Client
	renewable bool
	life      time.Duration // 0 for a token without end
	renewAt   time.Time     // two thirds of the life; zero without end
	endsAt    time.Time     // zero without end
}

// refusedPause is how long a set-up error of a login answers for others, so that a thousand certificates with one wrong
// password do not knock a thousand times.
const refusedPause = 5 * time.Second

var errClosed = errors.New("session closed")

// fresh tells whether l may be used without asking Vault first.
func (l *login) fresh(now time.Time) bool {
	return l != nil && (l.renewAt.IsZero() || now.Before(l.renewAt))
}

// current is the login to use. Whoever needs a new one waits for the same one.
func (s *Session) current(ctx context.Context) (*login, error) {
	if l, err := s.known(); l.fresh(s.config.Now()) || err != nil {
		return l, err
	}
	result := s.logins.DoChan("login", func() (any, error) {
		// Someone may have got one between the question above and this.
		l, err := s.known()
		if l.fresh(s.config.Now()) || err != nil {
			return l, err
		}
		return s.refresh(l)
	})
	select {
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*login), nil
	case <-ctx.Done():
		return nil, classify(opLogin, ctx.Err())
	}
}

// known is the login at hand, fresh or not, or the error that still answers for one.
func (s *Session) known() (*login, error) {
	if s.ended.Err() != nil {
		return nil, &Error{Op: opLogin, Kind: Transient, Message: errClosed.Error(), cause: errClosed}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != nil && s.config.Now().UnixNano() < s.retryAt {
		return nil, s.refused
	}
	return s.login, nil
}

// drop forgets l unless another has taken its place.
func (s *Session) drop(l *login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login == l {
		s.login = nil
	}
}

// refresh renews old if it can, and logs in if not. It runs for all who wait, so under none of their contexts.
func (s *Session) refresh(old *login) (*login, error) {
	l, err := s.renew(old)
	if l == nil && err == nil {
		l, err = s.logIn()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = nil
	if err != nil {
		if err.Kind == Setup {
			s.refused, s.retryAt = err, s.config.Now().Add(refusedPause).UnixNano()
		}
		return nil, err
	}
	s.login = l
	return l, nil
}

func (s *Session) logIn() (*login, *Error) {
	client, err := newAPIClient(s.config, s.pool, "")
	if err != nil {
		return nil, classify(opLogin, err)
	}
	var secret *api.Secret
	err = s.observed(s.ended, opLogin, func(ctx context.Context) (err error) {
		secret, err = s.config.Auth.login(ctx, client)
		return err
	})
	if err != nil {
		return nil, classify(opLogin, err)
	}
	return s.newLogin(secret.Auth, 0)
}

// renew gives nil where logging in is better: no life left, not renewable, refused. While Vault does not answer the old
// token is used to its end.
func (s *Session) renew(old *login) (*login, *Error) {
	now := s.config.Now()
	if old == nil || !old.renewable || !now.Before(old.endsAt) {
		return nil, nil
	}
	var secret *api.Secret
	err := s.observed(s.ended, opRenew, func(ctx context.Context) (err error) {
		secret, err = old.client.Auth().Token().RenewSelfWithContext(ctx, 0)
		return err
	})
	if err != nil {
		if classify(opRenew, err).Kind != Transient {
			return nil, nil
		}
		later := *old
		later.renewAt = now.Add(old.endsAt.Sub(now) / 3)
		return &later, nil
	}
	if secret == nil || secret.Auth == nil {
		return nil, nil
	}
	secret.Auth.ClientToken = old.client.Token()
	return s.newLogin(secret.Auth, old.life)
}

// newLogin counts the life from now. A renewal that gave less than half of the life before nears the token's max TTL,
// so the next time is a login.
func (s *Session) newLogin(auth *api.SecretAuth, before time.Duration) (*login, *Error) {
	client, err := newAPIClient(s.config, s.pool, auth.ClientToken)
	if err != nil {
		return nil, classify(opLogin, err)
	}
	life := time.Duration(auth.LeaseDuration) * time.Second
	l := &login{client: client, life: life, renewable: auth.Renewable && 2*life >= before}
	if life > 0 {
		now := s.config.Now()
		l.renewAt, l.endsAt = now.Add(life*2/3), now.Add(life)
	}
	return l, nil
}

// logOut revokes a token that was made by a login; its failure only leaves the token to its end.
func (s *Session) logOut() {
	s.mu.Lock()
	l := s.login
	s.login = nil
	s.mu.Unlock()
	if _, given := s.config.Auth.(TokenAuth); l == nil || given {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = s.observed(ctx, opLogout, func(ctx context.Context) error {
		return l.client.Auth().Token().RevokeSelfWithContext(ctx, "")
	})
}
