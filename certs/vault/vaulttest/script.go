// SPDX-License-Identifier: Apache-2.0

package vaulttest

import (
	"maps"
	"net/http"
	"slices"
)

// Answer scripts what a path, without "/v1/", answers; nil lets the Vault answer again.
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

// SetTokenTTL is the life of tokens from the next login or renewal on, in seconds.
func (v *Vault) SetTokenTTL(seconds int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lease = seconds
}

// AddToken makes a token as an operator does, which may do all.
func (v *Vault) AddToken(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tokens[name] = &token{allowed: true}
}

// LoginsMay says whether the policies that logins give from now on allow the path. Tokens that are there keep theirs, as
// where policies are put on or taken from a role of an auth method.
func (v *Vault) AllowNewTokens(do bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.allowNew = do
}

// Deny takes paths out of every token's policy; Allow puts them back. Paths of a token itself, such as
// "sys/capabilities-self", can be denied too, as where tokens lack the policy "default".
func (v *Vault) Deny(paths ...string) { v.deny(true, paths) }

// Allow undoes Deny.
func (v *Vault) Allow(paths ...string) { v.deny(false, paths) }

func (v *Vault) deny(is bool, paths []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, path := range paths {
		v.denied[path] = is
	}
}

// Forget makes Vault forget all tokens, as after its storage was wiped: no lease is revoked.
func (v *Vault) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, holder := range v.tokens {
		holder.expired = true
	}
}

// EndTokens ends all tokens as their max TTL does: the certificates of their leases are revoked.
func (v *Vault) ExpireTokens() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, holder := range v.tokens {
		v.expire(holder)
	}
}

// Seal seals or unseals.
func (v *Vault) Seal(is bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sealed = is
}

// Hang makes every call wait until Hang(false), or until its client gives up.
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

// Calls is how often a path, without "/v1/", was called.
func (v *Vault) Calls(path string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls[path]
}

// Tokens is how many tokens logins have made.
func (v *Vault) Tokens() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.tokens)
}

// Bodies are those of the requests that were signed, in their order.
func (v *Vault) Bodies() []map[string]any {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.bodies)
}

// Header is that of the last call.
func (v *Vault) Header() http.Header {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.header
}

// Revoked is how many certificates were revoked, by hand or with their leases.
func (v *Vault) Revoked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.revoked)
}
