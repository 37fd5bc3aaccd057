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

// tokens is where a Session's token comes from: one login for all its callers, renewed while it can be, and another one
// where Vault refuses it.
type tokens struct {
	wire    *wire
	onLogin func() // hears of each new token
	logins  singleflight.Group
	ctx     context.Context // done once the Session is closed
	cancel  context.CancelFunc

	mu          sync.Mutex
	login       *login // nil before the first and after a refused token
	refused     *Error // the last login's set-up error
	retryAt     time.Time
	everAllowed map[string]bool // operations that a token of the Session was allowed
}

// login is a token and the client that uses it. It never changes, but for its record.
type login struct {
	client     *api.Client
	configured bool // by the issuer, and not made by a login
	renewable  bool
	ttl        time.Duration // 0 for a token without end
	renewAt    time.Time     // two thirds of the life; zero without end
	expiresAt  time.Time     // zero without end
	*record
}

// record is what became of a token. Renewals do not begin another.
type record struct {
	madeAt time.Time

	mu       sync.Mutex
	accepted bool // Vault has taken it at least once
	leases   int  // certificates that end with it, and signatures of which that is not known
}

const (
	// refusedPause is how long a set-up error of a login answers for others, so that a thousand certificates with one wrong
	// password do not knock a thousand times.
	loginErrorTTL = 5 * time.Second
	// loginPause is how old a token must be for a refusal to be worth another login: policies may have been put on the role
	// of the auth method since, and Vault before 1.16 and OpenBao refuse a dead token in the words of a policy.
	minTokenAge = time.Minute
)

var errClosed = errors.New("session closed")

func newTokens(w *wire, loggedIn func()) *tokens {
	t := &tokens{wire: w, onLogin: loggedIn, everAllowed: map[string]bool{}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

func (t *tokens) now() time.Time { return t.wire.config.Now() }

// given reports whether the issuer has a token and no way to log in.
func (t *tokens) configured() bool {
	_, given := t.wire.config.Auth.(TokenAuth)
	return given
}

// fresh reports whether l may be used without a renewal.
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

// signing notes a signature that is asked for with the token. Until settled reports that it has no lease, it may have one.
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

// current is the login to use. All who need a new one wait for the same one.
func (t *tokens) current(ctx context.Context) (*login, error) {
	if l, err := t.known(); l.fresh(t.now()) || err != nil {
		return l, err
	}
	result := t.logins.DoChan("login", func() (any, error) {
		// Another may have got one between the look above and this.
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

// known is the login at hand, fresh or not, or the error that still answers for one.
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

// allowed notes that Vault let l do op.
func (t *tokens) allowed(l *login, op string) {
	l.markAccepted()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.everAllowed[op] = true
}

// another reports whether a call that Vault refused l is worth repeating with another login, and drops l then. unknown is
// that Vault does not know the token; extra that a Session does without the call where it is not allowed. A token younger
// than loginPause is as good as a new one, so that refusals bring at most one login a minute.
func (t *tokens) dropRefused(l *login, op string, unknown, extra bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.login != l {
		return true // another caller has seen to it
	}
	switch {
	case l.configured && !unknown: // there is no other
		return false
	case unknown && (l.configured || l.isAccepted()): // it has ended, or its number of uses has
	case t.now().Sub(l.madeAt) < minTokenAge:
		return false
	case !unknown && extra && !t.everAllowed[op]: // as ever
		return false
	}
	t.login = nil
	return true
}

// lost reports whether a token of the Session could do op before. Where logins make tokens, this one cannot, and it is
// not worth another login again.
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

// renew gives nil where logging in is better: no life left, not renewable, refused. While Vault does not answer the old
// token is used to its end.
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

// newLogin counts the life from now. A renewal that gave less than half of the life before nears the token's max TTL, so
// the next time is a login.
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

// close gives up logins under way and revokes a token that a login made, waiting for that at most 2 s; its failure only
// leaves the token to its end. A token that has leases is left to its end in any case: Vault revokes their certificates
// with it.
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
