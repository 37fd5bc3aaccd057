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

// Proof is the result of handshakes with a gateway.
type Proof = proof.Proof

// Cause is why a host is not served.
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
	UnfitKey   = Cause("unfit key")  // the ssl object has the certificate, and no other object precedes it
	Unreadable = Cause("unreadable") // as UnfitKey, for an ssl object that references a Vault
)

// Prove connects to the gateway's TLS port for the hosts and compares the leaf served with fingerprint. It retries briefly
// while an older one is served.
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

// Proven returns the Proof of earlier handshakes, for a caller that knows that nothing has changed since. ok is false if no
// TLS address is known any more.
func (g *Gateway) Proven(serial string) (p Proof, ok bool) {
	if port := g.TLSPort(); len(port.Addrs) == 0 {
		return p, false
	}
	return Proof{Attempted: true, Served: true, Serial: serial}, true
}

// Explain adds the cause to a failed proof, from the inventory, which is read again if it is older than a few seconds. A
// proof that the gateway's objects cannot explain is returned unchanged.
func (g *Gateway) Explain(ctx context.Context, s State, t Target, p Proof) Proof {
	if !p.Fixable() || !s.hasObjects || g.Reread(ctx, RereadAge) != nil {
		return p
	}
	cause, problem := diagnose(&g.parts.inventory, s, t, p)
	p.Cause, p.Problem = cause, p.Problem+": "+problem
	return p
}

// diagnose returns why the gateway serves another certificate, or none, for the proof's host, and how to fix it.
func diagnose(known *inventory.Inventory, s State, t Target, p Proof) (Cause, string) {
	mine := map[string]bool{}
	for _, o := range slices.Concat(s.Objects, s.Former) {
		mine[o.ID] = true
	}
	object, found := servingObject(known, s, p.Host)
	if rivals := known.Rivals(p.Host, func(o Object) bool { return mine[o.ID] }); len(rivals) > 0 {
		o := slices.MinFunc(rivals, inventory.ByID)
		return p.Cause, "ssl object " + o.ID + ", which does not belong to this certificate, has " + describePrecedence(o, p.Host) + "; delete it, or remove the host from one of the two"
	}
	switch {
	case !found:
		return p.Cause, "the gateway no longer has an ssl object of this certificate for the host; it is being written again"
	case !object.Enabled:
		return p.Cause, "ssl object " + object.ID + " is disabled (status 0); enable it"
	case !t.matches(object):
		return p.Cause, "ssl object " + object.ID + " has another certificate; another client writes it too"
	case p.Cause == NoCertificate && t.VaultReference != nil:
		return Unreadable, "the gateway cannot read the secret that ssl object " + object.ID + " references; check that it can reach Vault and that the token in spec.vaultKV can read the secret"
	case p.Cause == NoCertificate:
		return UnfitKey, "the key in ssl object " + object.ID + " does not match its certificate, or the gateway has not loaded it; check the gateway's error log"
	}
	return p.Cause, "ssl object " + object.ID + " has the right certificate, so the TLS address belongs to another gateway or the gateway has lost its connection to etcd; check --apisix-tls-addr and the gateway's error log"
}

// servingObject returns the object of the state, as in the inventory now, that should be served for host.
func servingObject(known *inventory.Inventory, s State, host string) (Object, bool) {
	for _, o := range slices.Concat(s.Objects, s.Former) {
		if now, ok := known.Get(o.ID); ok && slices.Contains(now.Hosts, host) {
			return now, true
		}
	}
	return Object{}, false
}

// describePrecedence names the SNI of an object that precedes or equals host.
func describePrecedence(o Object, host string) string {
	switch name := o.PrecedingName(host); name {
	case "":
		return "another SNI"
	case host:
		return "the same SNI"
	default:
		return "the SNI " + name + ", which has precedence"
	}
}
