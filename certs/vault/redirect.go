// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// follow repeats a request at the address to which a standby of Vault redirects it with status 307. It does so once,
// and only to the same scheme and to a server of the same cluster, because the request contains the token. Other
// redirects are transient errors: they end when standbys can reach the active node again.
func (g guard) follow(resp *http.Response, repeat func() (*http.Request, error)) (*http.Response, error) {
	_ = resp.Body.Close()
	from := resp.Request.URL
	to, err := resp.Location()
	if err != nil {
		return nil, &fault{problem: "a redirect has no Location", fix: "check that server is Vault's address"}
	}
	if to.Scheme != from.Scheme {
		return nil, &fault{status: http.StatusTemporaryRedirect, transient: true, problem: "the server redirects from " + from.Scheme + " to " + to.Scheme + ", which is not followed",
			fix: "if this persists, set server to Vault's address with the correct scheme, or correct the nodes' api_addr"}
	}
	api := from.Path[strings.Index(from.Path, "/v1/"):]
	base, found := strings.CutSuffix(to.Path, api)
	if !found || to.Host == from.Host || !g.sameCluster(resp.Request, to, base) {
		return nil, &fault{status: http.StatusTemporaryRedirect, transient: true, problem: "the server redirects to an address that is not a node of the same cluster",
			fix: "if this persists, set server to Vault's address, or check the nodes' api_addr and that the controller can reach them"}
	}
	again, err := repeat()
	if err != nil {
		return nil, err
	}
	again.URL.Host, again.Host, again.URL.Path, again.URL.RawPath = to.Host, to.Host, to.Path, ""
	second, err := g.next.RoundTrip(again)
	if err == nil && second.StatusCode == http.StatusTemporaryRedirect {
		_ = second.Body.Close()
		return nil, &fault{status: http.StatusTemporaryRedirect, transient: true, problem: "the Vault nodes redirect to each other",
			fix: "if this persists, check that the cluster has an active node, and the nodes' api_addr"}
	}
	return second, err
}

// sameCluster compares the cluster IDs of both servers of a redirect, without sending a token.
func (g guard) sameCluster(r *http.Request, to *url.URL, base string) bool {
	own := strings.TrimSuffix(r.URL.Path, r.URL.Path[strings.Index(r.URL.Path, "/v1/"):])
	cluster := g.cluster(r, r.URL.Host, own)
	return cluster != "" && cluster == g.cluster(r, to.Host, base)
}

func (g guard) cluster(r *http.Request, host, base string) string {
	u := url.URL{Scheme: r.URL.Scheme, Host: host, Path: base + "/v1/sys/health", RawQuery: "standbyok=true&perfstandbyok=true"}
	health, err := http.NewRequestWithContext(r.Context(), http.MethodGet, u.String(), nil)
	if err != nil {
		return ""
	}
	health.Header.Set("User-Agent", r.UserAgent())
	resp, err := g.next.RoundTrip(health)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	var said struct {
		Cluster string `json:"cluster_id"`
	}
	if resp.StatusCode != http.StatusOK || json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&said) != nil {
		return ""
	}
	return said.Cluster
}

// repeatable makes the body of r readable a second time, and returns a function that copies r.
func repeatable(r *http.Request) (repeat func() (*http.Request, error), err error) {
	var body []byte
	if r.Body != nil && r.Body != http.NoBody {
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	return func() (*http.Request, error) {
		again := r.Clone(r.Context())
		if body != nil {
			again.Body = io.NopCloser(bytes.NewReader(body))
		}
		return again, nil
	}, nil
}
