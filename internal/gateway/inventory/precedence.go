// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"slices"
	"strings"
)

// wildcardLabel stands for the asterisk of a wildcard in a handshake.
const wildcardLabel = "apisix-certs-proof"

// ServerName is the name that a handshake requests for host: a wildcard is proven by a made-up label.
func ServerName(host string) string { return strings.Replace(host, "*", wildcardLabel, 1) }

// Rivals are the enabled objects, but for the own ones, that APISIX may serve for host: those with the same name, and
// those that come before it. An exact name comes before a wildcard, and a longer wildcard before a shorter one.
func (v *Inventory) Rivals(host string, own func(Object) bool) []Object {
	var found []Object
	for _, name := range precedence(host) {
		for _, o := range v.WithHost(name) {
			if o.Enabled && !own(o) {
				found = append(found, o)
			}
		}
		if name == host {
			break
		}
	}
	return found
}

// precedence are the names under which APISIX looks for host, in its order, down to host itself. For a wildcard they
// are those of the made-up host with which it is proven.
func precedence(host string) []string {
	requested := ServerName(host)
	names := []string{requested}
	for i := range requested {
		if names[len(names)-1] == host {
			break
		}
		names = append(names, "*"+requested[i:])
	}
	return names
}

// NameBefore is the object's name by which it comes before host, or beside it; empty: none.
func (o Object) PrecedingName(host string) string {
	for _, name := range precedence(host) {
		if slices.Contains(o.Hosts, name) {
			return name
		}
	}
	return ""
}
