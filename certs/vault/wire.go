// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"net/http"

	"github.com/hashicorp/vault/api"
)

// wire makes HTTP calls to one Vault. Each has a timeout and is reported to Config.Observe and to the breaker.
type wire struct {
	config  Config
	pool    *http.Transport
	guarded http.RoundTripper // pool behind guard
	breaker breaker
}

func newWire(c Config) *wire {
	pool := newTransport(c)
	return &wire{config: c, pool: pool, guarded: guard{pool}}
}

// client returns a client with its own token that shares the connection pool.
func (w *wire) client(token string) (*api.Client, error) {
	client, err := api.NewClient(&api.Config{
		Address: w.config.Server, MaxRetries: 0, DisableRedirects: true,
		HttpClient: &http.Client{Transport: w.guarded, CheckRedirect: noRedirect},
		CheckRetry: func(context.Context, *http.Response, error) (bool, error) { return false, nil },
	})
	if err != nil {
		return nil, &fault{problem: "the client could not be created", fix: "check server and the VAULT_ environment variables"}
	}
	// The library reads token, namespace, headers and wrapping from VAULT_ environment variables, which must not apply here.
	headers := http.Header{api.RequestHeaderName: {"true"}, "User-Agent": {w.config.UserAgent}}
	if w.config.Namespace != "" {
		headers.Set(api.NamespaceHeaderName, w.config.Namespace)
	}
	client.SetHeaders(headers)
	client.SetToken(token)
	client.SetWrappingLookupFunc(func(string, string) string { return "" })
	return client, nil
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// do makes one call. It returns the raw error, for classify.
func (w *wire) do(ctx context.Context, op string, exchange func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, w.config.Timeout)
	defer cancel()
	start := w.config.Now()
	err := exchange(ctx)
	end := w.config.Now()
	if err == nil {
		w.breaker.note(end, op, nil)
		w.config.Observe(op, http.StatusOK, end.Sub(start), nil)
		return nil
	}
	known := classify(op, err)
	switch {
	case !known.unanswered():
		w.breaker.note(end, op, nil)
	case !known.canceled():
		w.breaker.note(end, op, known)
	}
	w.config.Observe(op, known.Status, end.Sub(start), known)
	return err
}
