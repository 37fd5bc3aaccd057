// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"apisix-certs.io/apisix-certs/test/cluster"
)

const (
	hold = 2 * time.Second // as long as most faults last: several attempts of some calls, one of others
	none = -1              // the fault is over when it was felt
)

func vaultFaults() []fault {
	rows := []fault{
		{name: "down", begin: stopped(vaultWire)},
		{name: "sealed", begin: sealed},
		{name: "connections cut", begin: cutting(atSignature, vaultWire), lost: 1, mayLose: 2},
		{name: "accepts requests and does not respond", begin: suffers(vaultWire, cluster.Trouble{Stall: true})},
		{name: "signs, and responds late", begin: suffers(vaultWire, cluster.Trouble{StallAnswers: true})},
		{name: "slow: a kilobyte a second", begin: suffers(vaultWire, cluster.Trouble{Pause: time.Second})},
		{name: "responses are cut off", begin: halves, lost: 1, mayLose: 2},
		{name: "signs, and the response is lost", begin: loses(atSignature, vaultWire), lost: 1, work: renewHeld},
		{name: "429", begin: answers(atSignature, status(429, `{"errors":["request path \"pki/sign/any\": rate limit quota exceeded"]}`))},
		{name: "403 by policy", begin: answers(atSignature, status(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`))},
		{name: "403 invalid token", begin: answers(atSignature, status(403, `{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}`))},
		{name: "400", begin: answers(atSignature, status(400, `{"errors":["common name not allowed by this role"]}`))},
		{name: "500 to everything", begin: answers(point{tap: vaultTap, match: every}, status(500, `{"errors":["internal error"]}`))},
		{name: "a page of HTML", begin: answers(atSignature, page(200))},
		{name: "a page of HTML with 502", begin: answers(atSignature, page(502))},
		{name: "5 MB", begin: answers(atSignature, huge)},
		{name: "an empty response with 200", begin: answers(atSignature, status(200, ""))},
		{name: "not JSON", begin: answers(atSignature, status(200, `{"data":{"certificate":"-----BEGIN`))},
		{name: "not a certificate", begin: answers(atSignature, status(200, `{"data":{"certificate":"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"}}`))},
		{name: "a shorter lifetime than requested", begin: shorter, work: renewHeld, lost: 1},
		{name: "down in a first issue", begin: stopped(vaultWire), work: issue},
		{name: "down while the Secret is deleted", begin: stopped(vaultWire), work: deleteSecret},
		{name: "down and a renewal in a controller that is killed", begin: both(stopped(vaultWire), killed)},
	}
	forgeries := map[string]forgery{
		"for another key": {key: true},
		"for other names": {change: func(c *x509.Certificate) { c.DNSNames = []string{"other.example.com"} }},
		"expired": {change: func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = c.NotBefore.Add(-24*time.Hour), time.Now().Add(-time.Minute)
		}},
		"of a clock an hour ahead":       {change: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }},
		"for clients only":               {change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }},
		"with a CA that did not sign it": {chain: true},
	}
	for _, name := range slices.Sorted(maps.Keys(forgeries)) {
		rows = append(rows, fault{name: "a certificate " + name, begin: forging(forgeries[name]), short: forgeries[name].key})
	}
	for i := range rows {
		rows[i].part, rows[i].hold = "Vault", hold
	}
	return rows
}

func every(cluster.Call) bool { return true }

func vaultWire(w *world) *cluster.Wire { return w.vaultWire }

// stopped refuses connections.
func stopped(wire func(*world) *cluster.Wire) func(*scene) *trouble {
	return func(s *scene) *trouble {
		wire(s.world).Stop()
		return &trouble{end: func() { s.must(wire(s.world).Restart()) }}
	}
}

// suffers lets a wire have a trouble.
func suffers(wire func(*world) *cluster.Wire, what cluster.Trouble) func(*scene) *trouble {
	return func(s *scene) *trouble {
		wire(s.world).Suffer(what)
		return &trouble{end: func() { wire(s.world).Suffer(cluster.Trouble{}) }}
	}
}

// answers lets somebody else answer calls in the place of the server.
func answers(p point, handler http.Handler) func(*scene) *trouble {
	return func(s *scene) *trouble {
		felt := make(chan struct{})
		var n atomic.Int64
		p.tap(s.world).Before(func(r *http.Request) http.Handler {
			if !p.match(cluster.CallOf(r)) {
				return nil
			}
			if n.Add(1) == 1 {
				close(felt)
			}
			return handler
		})
		return &trouble{
			felt: func() { s.await(felt, "nothing was asked") },
			end:  func() { p.tap(s.world).Before(nil) },
		}
	}
}

// loses cuts the connections once, when the server has done what was asked.
func loses(p point, wire func(*world) *cluster.Wire) func(*scene) *trouble { return cuts(p, wire, 1) }

// cutting cuts the connections whenever the server has done what was asked.
func cutting(p point, wire func(*world) *cluster.Wire) func(*scene) *trouble {
	return cuts(p, wire, math.MaxInt64)
}

func cuts(p point, wire func(*world) *cluster.Wire, most int64) func(*scene) *trouble {
	return func(s *scene) *trouble {
		felt := make(chan struct{})
		var n, taken atomic.Int64
		p.tap(s.world).After(func(c cluster.Call) {
			if !p.match(c) {
				return
			}
			nth := n.Add(1)
			if nth <= most {
				wire(s.world).Cut() // nothing of this answer has gone yet
				taken.Add(int64(count(signature(c))))
			}
			if nth == 1 {
				close(felt)
			}
		})
		return &trouble{
			felt: func() { s.await(felt, "nothing was asked") },
			end:  func() { p.tap(s.world).After(nil) },
			took: func() int { return int(taken.Load()) },
		}
	}
}

// halves ends all that Vault says after 300 bytes, which no certificate is as short as.
func halves(s *scene) *trouble {
	felt := make(chan struct{})
	var taken atomic.Int64
	s.vault.After(func(c cluster.Call) {
		if signature(c) && taken.Add(1) == 1 {
			close(felt)
		}
	})
	s.vaultWire.Suffer(cluster.Trouble{Half: 300})
	return &trouble{
		felt: func() { s.await(felt, "nothing was signed") },
		end: func() {
			s.vault.After(nil)
			s.vaultWire.Suffer(cluster.Trouble{})
		},
		took: func() int { return int(taken.Load()) },
	}
}

// both begins one trouble after the other, and ends them so too.
func both(first, second func(*scene) *trouble) func(*scene) *trouble {
	return func(s *scene) *trouble {
		one, two := first(s), second(s)
		return &trouble{
			felt: func() {
				for _, t := range []*trouble{one, two} {
					if t.felt != nil {
						t.felt()
					}
				}
			},
			end: func() {
				for _, t := range []*trouble{one, two} {
					if t.end != nil {
						t.end()
					}
				}
			},
		}
	}
}

// killed kills the controller a moment after the work was asked for.
func killed(s *scene) *trouble {
	return &trouble{
		felt: func() {
			time.Sleep(500 * time.Millisecond)
			s.controller.Kill()
		},
		end: func() { s.must(s.revive()) },
	}
}

func sealed(s *scene) *trouble {
	s.must(s.Vault.Seal(s.Context()))
	return &trouble{end: func() { s.must(s.Vault.Unseal(s.Context())) }}
}

func forging(wrong forgery) func(*scene) *trouble {
	return func(s *scene) *trouble { return answers(atSignature, newForger(s.T).answer(wrong))(s) }
}

// shorter has Vault sign for a shorter time than asked: what ends before the certificate that is there is not taken.
func shorter(s *scene) *trouble {
	s.vault.Before(func(r *http.Request) http.Handler {
		if !sign(cluster.Call{Path: r.URL.Path}) {
			return nil
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			s.Error(err)
			return nil
		}
		body["ttl"] = "2h"
		data, _ := json.Marshal(body)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(string(data))), int64(len(data))
		return nil
	})
	return &trouble{end: func() { s.vault.Before(nil) }}
}

func status(code int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	})
}

func page(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		fmt.Fprint(w, "<html><body>Bad Gateway</body></html>")
	})
}

var huge = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"data":{"certificate":%q}}`, strings.Repeat("A", 5<<20))
})
