// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
)

// Explain adds to a failed proof what is in the way, from the inventory; it reads that anew where it is older than
// some seconds. A proof that the objects of the gateway have nothing to do with stays as it is.
func (g *Gateway) Explain(ctx context.Context, s State, t Target, p Proof) Proof {
	if !p.Mendable() || s.Mode == Secret || g.Reread(ctx, RereadAge) != nil {
		return p
	}
	cause, problem := g.inTheWay(s, t, p)
	p.Cause, p.Problem = cause, p.Problem+": "+problem
	return p
}

// inTheWay says why the gateway serves something else, or nothing, for the proof's host, and how to mend that.
func (g *Gateway) inTheWay(s State, t Target, p Proof) (Cause, string) {
	mine := map[string]bool{}
	for _, o := range s.Objects {
		mine[o.ID] = true
	}
	object, found := g.carrier(s, p.Host)
	if rivals := g.inventory.rivals(p.Host, func(o Object) bool { return mine[o.ID] }); len(rivals) > 0 {
		o := slices.MinFunc(rivals, byID)
		name := o.nameBefore(p.Host)
		return p.Cause, "ssl object " + o.ID + ", which is not of this certificate, has " + name + ": delete it, or take the host out of one of the two"
	}
	switch {
	case !found:
		return p.Cause, "the gateway has no ssl object of this certificate for the host any more: it is written again"
	case !object.Enabled:
		return p.Cause, "ssl object " + object.ID + " is disabled (status 0): enable it"
	case !object.holds(t):
		return p.Cause, "ssl object " + object.ID + " holds another certificate: somebody else writes it too"
	case p.Cause == NoCertificate && t.Reference != nil:
		return Unreadable, "the gateway cannot read what ssl object " + object.ID + " refers to: check that it reaches Vault and that the token in spec.vaultKV may read there"
	case p.Cause == NoCertificate:
		return UnfitKey, "the key in ssl object " + object.ID + " does not belong to its certificate, or the gateway has not read it: see the gateway's error log"
	}
	return p.Cause, "ssl object " + object.ID + " holds the right certificate, so the TLS address is of another gateway or the gateway has lost its etcd: compare --apisix-tls-addr and the gateway's error log"
}

// carrier is the object among the state's, as the inventory has it now, that should be served for host.
func (g *Gateway) carrier(s State, host string) (Object, bool) {
	for _, o := range s.Objects {
		if now, ok := g.inventory.get(o.ID); ok && slices.Contains(now.Hosts, host) {
			return now, true
		}
	}
	return Object{}, false
}

// nameBefore is the object's name by which it comes before host, or beside it.
func (o Object) nameBefore(host string) string {
	for _, name := range precedence(host) {
		if slices.Contains(o.Hosts, name) {
			if name == host {
				return "the same SNI"
			}
			return "the SNI " + name + ", which comes first"
		}
	}
	return "another SNI"
}
