// SPDX-License-Identifier: Apache-2.0

package vaulttest

import (
	"maps"
	"net/http"
	"slices"
)

// SetHandler sets the handler of a path, without "/v1/". Nil restores the default.
func (v *Vault) SetHandler(path string, h http.HandlerFunc) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.handlers[path] = h
}

// SetRole changes fields of the role "web".
func (v *Vault) SetRole(fields map[string]any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	maps.Copy(v.role, fields)
}

// SetTokenTTL sets the TTL of tokens, in seconds, for logins and renewals from now on.
func (v *Vault) SetTokenTTL(seconds int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lease = seconds
}

// AddToken creates a token that is allowed to do everything.
func (v *Vault) AddToken(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tokens[name] = &token{allowed: true}
}

// AllowNewTokens sets whether tokens of future logins are allowed to use the path. Existing tokens keep their
// policies, as when policies are added to or removed from a role of an auth method.
func (v *Vault) AllowNewTokens(allow bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.allowNew = allow
}

// Deny denies paths to every token. Paths of the token itself, such as "sys/capabilities-self", can also be denied,
// as for tokens without the policy "default".
func (v *Vault) Deny(paths ...string) { v.deny(true, paths) }

// Allow reverts Deny.
func (v *Vault) Allow(paths ...string) { v.deny(false, paths) }

func (v *Vault) deny(is bool, paths []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, path := range paths {
		v.denied[path] = is
	}
}

// Forget makes Vault forget all tokens without revoking leases, as if its storage was deleted.
func (v *Vault) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, holder := range v.tokens {
		holder.expired = true
	}
}

// ExpireTokens expires all tokens, as at their max TTL. The certificates of their leases are revoked.
func (v *Vault) ExpireTokens() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, holder := range v.tokens {
		v.expire(holder)
	}
}

// Seal seals or unseals Vault.
func (v *Vault) Seal(is bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sealed = is
}

// Hang makes every call wait until Hang(false) or until its client cancels.
func (v *Vault) Hang(is bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if is && v.hung == nil {
		v.hung = make(chan struct{})
	}
	if !is && v.hung != nil {
		close(v.hung)
		v.hung = nil
	}
}

// Calls returns how often a path, without "/v1/", was called.
func (v *Vault) Calls(path string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls[path]
}

// Tokens returns the number of tokens created.
func (v *Vault) Tokens() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.tokens)
}

// Bodies returns the bodies of requests that were signed, in order.
func (v *Vault) Bodies() []map[string]any {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.bodies)
}

// Header returns the header of the last call.
func (v *Vault) Header() http.Header {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.header
}

// Revoked returns the number of revoked certificates, including those revoked with their leases.
func (v *Vault) Revoked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.revoked)
}
