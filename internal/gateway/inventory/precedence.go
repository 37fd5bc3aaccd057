// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"slices"
	"strings"
)

// wildcardLabel replaces the asterisk of a wildcard in a handshake.
const wildcardLabel = "apisix-certs-proof"

// ServerName returns the name to request in a handshake for host. A wildcard is verified with a generated label.
func ServerName(host string) string { return strings.Replace(host, "*", wildcardLabel, 1) }

// Rivals returns the enabled objects, except own ones, that APISIX may serve for host: those with the same name, and those
// with a name of higher precedence. An exact name precedes a wildcard, and a longer wildcard a shorter one.
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

// precedence returns the names by which APISIX looks up host, in its order, down to host itself. For a wildcard they are
// those of the generated host with which it is verified.
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

// PrecedingName returns the object's name that precedes or equals host, or an empty string.
func (o Object) PrecedingName(host string) string {
	for _, name := range precedence(host) {
		if slices.Contains(o.Hosts, name) {
			return name
		}
	}
	return ""
}
