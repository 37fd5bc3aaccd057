// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"golang.org/x/sync/singleflight"
)

// tokens provides a Session's token: one login for all callers, renewed while possible, and replaced if Vault refuses
// it.
type tokens struct {
	wire    *wire
	onLogin func() // called for each new token
	logins  singleflight.Group
	ctx     context.Context // canceled when the Session is closed
	cancel  context.CancelFunc

	mu          sync.Mutex
	login       *login // nil before the first login and after a refused token
	refused     *Error // the setup error of the last login
	retryAt     time.Time
	everAllowed map[string]bool // operations that a token of the Session was allowed to do
}

// login is a token and its client. It is immutable, except for its record.
type login struct {
	client     *api.Client
	configured bool // in the issuer, not from a login
	renewable  bool
	ttl        time.Duration // 0 for a token that does not expire
	renewAt    time.Time     // after two thirds of the TTL; zero if it does not expire
	expiresAt  time.Time     // zero if it does not expire
	*record
}

// record is the state of a token. Renewals keep it.
type record struct {
	madeAt time.Time

	mu       sync.Mutex
	accepted bool // Vault has accepted it at least once
	leases   int  // certificates with leases of the token, and requests to sign of which that is not known yet
}

const (
	// loginErrorTTL is how long a setup error of a login is returned to other callers, so that many certificates with
	// one wrong password do not cause as many logins.
	loginErrorTTL = 5 * time.Second
	// minTokenAge is how old a token must be before a refusal causes another login. Policies may have been added to
	// the role of the auth method since the login, and Vault before 1.16 and OpenBao do not distinguish an expired
	// token from a policy.
	minTokenAge = time.Minute
)

var errClosed = errors.New("session closed")

func newTokens(w *wire, loggedIn func()) *tokens {
	t := &tokens{wire: w, onLogin: loggedIn, everAllowed: map[string]bool{}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

func (t *tokens) now() time.Time { return t.wire.config.Now() }

// configured reports whether the issuer has a token instead of a way to log in.
func (t *tokens) configured() bool {
	_, given := t.wire.config.Auth.(TokenAuth)
	return given
}

// fresh reports whether l can be used without a renewal.
func (l *login) fresh(now time.Time) bool {
	return l != nil && (l.renewAt.IsZero() || now.Before(l.renewAt))
}

func (r *record) markAccepted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted = true
}

func (r *record) isAccepted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

// signing records a request to sign with the token. Until settled reports that the certificate has no lease, it may
// have one.
func (r *record) signing() (settled func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leases++
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.leases--
	}
}

func (r *record) hasLeases() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.leases > 0
}

// current returns the login to use. Callers that need a new one share it.
func (t *tokens) current(ctx context.Context) (*login, error) {
	if l, err := t.known(); l.fresh(t.now()) || err != nil {
		return l, err
	}
	result := t.logins.DoChan("login", func() (any, error) {
		// Another caller may have logged in since the check above.
		l, err := t.known()
		if l.fresh(t.now()) || err != nil {
			return l, err
		}
		return t.refresh(l)
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

// known returns the existing login, fresh or not, or a recent setup error of a login.
func (t *tokens) known() (*login, error) {
	if t.ctx.Err() != nil {
		return nil, &Error{Op: opLogin, Kind: Transient, Message: errClosed.Error(), cause: errClosed}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused != nil && t.now().Before(t.retryAt) {
		return nil, t.refused
	}
	return t.login, nil
}

// allowed records that Vault allowed l to do op.
func (t *tokens) allowed(l *login, op string) {
	l.markAccepted()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.everAllowed[op] = true
}

// dropRefused reports whether a call for which Vault refused l is worth repeating with another login. If so, it drops
// l. unknown means that Vault does not know the token, and extra that the call is optional. A token younger than
// minTokenAge is as good as a new one, so refusals cause at most one login a minute.
func (t *tokens) dropRefused(l *login, op string, unknown, extra bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.login != l {
		return true // another caller has dropped or replaced it
	}
	switch {
	case l.configured && !unknown: // there is no other token
		return false
	case unknown && (l.configured || l.isAccepted()): // it has expired or reached its use limit
	case t.now().Sub(l.madeAt) < minTokenAge:
		return false
	case !unknown && extra && !t.everAllowed[op]: // it was never allowed
		return false
	}
	t.login = nil
	return true
}

// lostPermission reports whether an earlier token of the Session was allowed to do op. With a login method, this also
// means that another login is not worthwhile now.
func (t *tokens) lostPermission(l *login, op string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !l.configured {
		t.everAllowed[op] = false
	}
	return t.everAllowed[op]
}

// refresh renews old if it can, and logs in if not. It runs for all who wait, so under none of their contexts.
func (t *tokens) refresh(old *login) (*login, error) {
	l, err := t.renew(old)
	if l == nil && err == nil {
		l, err = t.logIn()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused = nil
	if err != nil {
		if err.Kind == Setup {
			t.refused, t.retryAt = err, t.now().Add(loginErrorTTL)
		}
		return nil, err
	}
	t.login = l
	return l, nil
}

func (t *tokens) logIn() (*login, *Error) {
	client, err := t.wire.client("")
	if err != nil {
		return nil, classify(opLogin, err)
	}
	var secret *api.Secret
	err = t.wire.do(t.ctx, opLogin, func(ctx context.Context) (err error) {
		secret, err = t.wire.config.Auth.login(ctx, client)
		return err
	})
	if err != nil {
		return nil, classify(opLogin, err)
	}
	return t.newLogin(secret.Auth, nil)
}

// renew renews a token. It returns nil if a login is better: the token has expired, is not renewable, or the renewal
// was refused. While Vault does not respond, the old token is used until it expires.
func (t *tokens) renew(old *login) (*login, *Error) {
	now := t.now()
	if old == nil || !old.renewable || !now.Before(old.expiresAt) {
		return nil, nil
	}
	var secret *api.Secret
	err := t.wire.do(t.ctx, opRenew, func(ctx context.Context) (err error) {
		secret, err = old.client.Auth().Token().RenewSelfWithContext(ctx, 0)
		return err
	})
	if err != nil {
		if classify(opRenew, err).Kind != Transient {
			return nil, nil
		}
		later := *old
		later.renewAt = now.Add(old.expiresAt.Sub(now) / 3)
		return &later, nil
	}
	if secret == nil || secret.Auth == nil {
		return nil, nil
	}
	secret.Auth.ClientToken = old.client.Token()
	return t.newLogin(secret.Auth, old)
}

// newLogin measures the TTL from now. If a renewal granted less than half of the previous TTL, the token approaches
// its max TTL, and the next step is a login.
func (t *tokens) newLogin(auth *api.SecretAuth, old *login) (*login, *Error) {
	client, err := t.wire.client(auth.ClientToken)
	if err != nil {
		return nil, classify(opLogin, err)
	}
	now, life := t.now(), time.Duration(auth.LeaseDuration)*time.Second
	l := &login{client: client, configured: t.configured(), ttl: life, renewable: auth.Renewable}
	if old == nil {
		l.record = &record{madeAt: now}
		t.onLogin()
	} else {
		l.record = old.record
		l.renewable = auth.Renewable && 2*life >= old.ttl
	}
	if life > 0 {
		l.renewAt, l.expiresAt = now.Add(life*2/3), now.Add(life)
	}
	return l, nil
}

// close cancels logins in progress and revokes a token that came from a login, for which it waits at most 2 s. If
// that fails, the token expires by itself. A token with leases is not revoked, because Vault would revoke their
// certificates.
func (t *tokens) close() {
	t.cancel()
	t.mu.Lock()
	l := t.login
	t.login = nil
	t.mu.Unlock()
	if l == nil || l.configured || l.hasLeases() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = t.wire.do(ctx, opLogout, func(ctx context.Context) error {
		return l.client.Auth().Token().RevokeSelfWithContext(ctx, "")
	})
}
