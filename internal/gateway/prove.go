// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
	"apisix-certs.io/apisix-certs/internal/gateway/proof"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// Proof is what handshakes with a gateway showed.
type Proof = proof.Proof

// Cause is why a host is not proven.
type Cause = proof.Cause

// Causes, see package proof.
const (
	Unreachable      = proof.Unreachable
	NotTLS           = proof.NotTLS
	NoCertificate    = proof.NoCertificate
	TimedOut         = proof.TimedOut
	Failed           = proof.Failed
	OtherCertificate = proof.OtherCertificate
	// Of Explain:
	UnfitKey   = Cause("unfit key")  // the ssl object has the certificate, and nothing else is in the way
	Unreadable = Cause("unreadable") // the same for an ssl object that refers to a Vault
)

// Prove connects to the gateway's TLS port for the hosts and compares the leaf served with fingerprint. It asks again, for a
// moment, while an older one is served.
func (g *Gateway) Prove(ctx context.Context, hosts []string, fingerprint string) Proof {
	port := g.TLSPort()
	switch {
	case len(hosts) == 0, len(port.Addrs) == 0 && port.Problem == "":
		return Proof{}
	case len(port.Addrs) == 0:
		return Proof{Attempted: true, Problem: port.Problem, Cause: Unreachable}
	}
	p := g.parts.prover.Prove(ctx, port.Addrs, hosts, fingerprint)
	result := "served"
	if !p.Served {
		result = strings.ToLower(strings.ReplaceAll(string(p.Cause), " ", "_"))
	}
	metrics.Proof(g.Name, result)
	return p
}

// Proven is the Proof of handshakes that were made before, for who knows that nothing has changed since. Where it cannot be
// known any more, ok is false.
func (g *Gateway) Proven(serial string) (p Proof, ok bool) {
	if port := g.TLSPort(); len(port.Addrs) == 0 {
		return p, false
	}
	return Proof{Attempted: true, Served: true, Serial: serial}, true
}

// Explain adds to a failed proof what is in the way, from the inventory; it reads that again where it is older than some
// seconds. A proof that the objects of the gateway have nothing to do with stays unchanged.
func (g *Gateway) Explain(ctx context.Context, s State, t Target, p Proof) Proof {
	if !p.Fixable() || !s.hasObjects || g.Reread(ctx, RereadAge) != nil {
		return p
	}
	cause, problem := diagnose(&g.parts.inventory, s, t, p)
	p.Cause, p.Problem = cause, p.Problem+": "+problem
	return p
}

// inTheWay says why the gateway serves something else, or nothing, for the proof's host, and how to correct that.
func diagnose(known *inventory.Inventory, s State, t Target, p Proof) (Cause, string) {
	mine := map[string]bool{}
	for _, o := range slices.Concat(s.Objects, s.Former) {
		mine[o.ID] = true
	}
	object, found := servingObject(known, s, p.Host)
	if rivals := known.Rivals(p.Host, func(o Object) bool { return mine[o.ID] }); len(rivals) > 0 {
		o := slices.MinFunc(rivals, inventory.ByID)
		return p.Cause, "ssl object " + o.ID + ", which is not of this certificate, has " + describePrecedence(o, p.Host) + ": delete it, or take the host out of one of the two"
	}
	switch {
	case !found:
		return p.Cause, "the gateway has no ssl object of this certificate for the host any more: it is written again"
	case !object.Enabled:
		return p.Cause, "ssl object " + object.ID + " is disabled (status 0): enable it"
	case !t.matches(object):
		return p.Cause, "ssl object " + object.ID + " holds another certificate: somebody else writes it too"
	case p.Cause == NoCertificate && t.VaultReference != nil:
		return Unreadable, "the gateway cannot read what ssl object " + object.ID + " refers to: check that it reaches Vault and that the token in spec.vaultKV may read there"
	case p.Cause == NoCertificate:
		return UnfitKey, "the key in ssl object " + object.ID + " does not belong to its certificate, or the gateway has not read it: see the gateway's error log"
	}
	return p.Cause, "ssl object " + object.ID + " holds the right certificate, so the TLS address is of another gateway or the gateway has lost its etcd: compare --apisix-tls-addr and the gateway's error log"
}

// carrier is the object among the state's, as the inventory has it now, that should be served for host.
func servingObject(known *inventory.Inventory, s State, host string) (Object, bool) {
	for _, o := range slices.Concat(s.Objects, s.Former) {
		if now, ok := known.Get(o.ID); ok && slices.Contains(now.Hosts, host) {
			return now, true
		}
	}
	return Object{}, false
}

// before says by which of its names an object comes before host, or beside it.
func describePrecedence(o Object, host string) string {
	switch name := o.PrecedingName(host); name {
	case "":
		return "another SNI"
	case host:
		return "the same SNI"
	default:
		return "the SNI " + name + ", which comes first"
	}
}
