// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// secretTTL is how long APISIX caches the value of a reference.
const secretTTL = 300 * time.Second

var errUnresolved = errors.New("a reference does not resolve to a secret")

// resolver reads the values of references: $env://NAME and $secret://vault/ID/PATH/KEY, the latter from a key-value engine
// version 1. Like APISIX, it reads a value at the first handshake, and again when the secret object was written or the
// value is 300 s old.
type resolver struct {
	env   map[string]string
	store *store
	clock clock.PassiveClock
	http  *http.Client

	mu    sync.Mutex
	cache map[string]cached
}

type cached struct {
	value   string
	version int64 // of the secret object
	until   time.Time
}

func newResolver(env map[string]string, s *store, c clock.PassiveClock) *resolver {
	return &resolver{
		env: env, store: s, clock: c, cache: map[string]cached{}, http: &http.Client{Timeout: 5 * time.Second},
	}
}

// forget clears the cache, as a restart does.
func (r *resolver) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.cache)
}

// resolve returns p itself if it has no references.
func (r *resolver) resolve(p *pair) (*pair, error) {
	if !p.reference {
		return p, nil
	}
	cert, err := r.lookup(p.cert)
	if err != nil {
		return nil, err
	}
	key, err := r.lookup(p.key)
	if err != nil {
		return nil, err
	}
	chain, fault := parseCerts(cert)
	if fault != "" {
		return nil, errors.New(fault)
	}
	signer, fault := parseKey(key)
	if fault != "" {
		return nil, errors.New(fault)
	}
	resolved := newPair(chain, signer)
	return &resolved, nil
}

func (r *resolver) lookup(value string) (string, error) {
	if rest, ok := strings.CutPrefix(strings.Replace(value, "$ENV://", "$env://", 1), "$env://"); ok {
		name, key, _ := strings.Cut(rest, "/")
		return r.fromEnv(name, key)
	}
	if rest, ok := strings.CutPrefix(value, "$secret://vault/"); ok {
		return r.fromCache(value, rest)
	}
	if isReference(value) {
		return "", errUnresolved
	}
	return value, nil
}

// fromEnv reads a variable, or one field of a variable that is JSON.
func (r *resolver) fromEnv(name, key string) (string, error) {
	value, ok := r.env[name]
	if !ok {
		return "", errUnresolved
	}
	if key == "" {
		return value, nil
	}
	var fields map[string]string
	if err := json.Unmarshal([]byte(value), &fields); err != nil || fields[key] == "" {
		return "", errUnresolved
	}
	return fields[key], nil
}

func (r *resolver) fromCache(reference, rest string) (string, error) {
	id, path, _ := strings.Cut(rest, "/")
	object := r.store.get("secrets", "vault/"+id)
	slash := strings.LastIndexByte(path, '/')
	if object == nil || slash < 0 {
		return "", errUnresolved
	}
	now := r.clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.cache[reference]; ok && c.version == object.modified && now.Before(c.until) {
		return c.value, nil
	}
	value, err := r.fromVault(object.value, path[:slash], path[slash+1:])
	if err == nil {
		r.cache[reference] = cached{value: value, version: object.modified, until: now.Add(secretTTL)}
	}
	return value, err
}

// fromVault reads one field of a secret (GET /v1/PREFIX/PATH).
func (r *resolver) fromVault(config map[string]any, path, key string) (string, error) {
	url := fmt.Sprintf("%s/v1/%s/%s", text(config["uri"]), text(config["prefix"]), path)
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return "", errUnresolved
	}
	token, err := r.lookup(text(config["token"]))
	if err != nil {
		return "", err
	}
	request.Header.Set("X-Vault-Token", token)
	if namespace := text(config["namespace"]); namespace != "" {
		request.Header.Set("X-Vault-Namespace", namespace)
	}
	response, err := r.http.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var secret struct{ Data map[string]any }
	body := io.LimitReader(response.Body, 1<<20)
	if response.StatusCode != http.StatusOK || json.NewDecoder(body).Decode(&secret) != nil {
		return "", errUnresolved
	}
	if value := text(secret.Data[key]); value != "" {
		return value, nil
	}
	return "", errUnresolved
}
