// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/apisix"
)

// Labels of own ssl objects. APISIX takes any key, and values of 1 to 256 characters without white space, which the
// names of Kubernetes objects are.
const (
	labelManagedBy = "managed-by"
	labelCluster   = "apisix-certs.io/cluster"
	labelNamespace = "apisix-certs.io/namespace"
	labelName      = "apisix-certs.io/name"
	labelUID       = "apisix-certs.io/uid"

	managedBy = "apisix-certs"
)

// Reference is a pair that the gateway reads from a key-value engine of Vault: "$secret://vault/ID/PATH/KEY".
type Reference struct {
	Cert, Key string
	// Secret is the object of the gateway that says where that Vault is, kept beside the ssl object.
	Secret apisix.VaultSecret
	// Old: the gateway may read the pair there until it gets another, and nothing is written for it: what Secret should say
	// is not known any more.
	Old bool
}

// ID is the id of the target's own ssl object. It depends on the cluster and the ApisixCertificate's UID alone, and has
// 160 bits, so that it is the same after a restart and different for every other object.
func (g *Gateway) ID(t Target) string {
	sum := sha256.Sum256([]byte(g.Cluster + "\x00" + t.UID))
	return "ac-" + hex.EncodeToString(sum[:20])
}

func (g *Gateway) labels(t Target) map[string]string {
	return map[string]string{
		labelManagedBy: managedBy, labelCluster: g.Cluster,
		labelNamespace: t.Namespace, labelName: t.Name, labelUID: t.UID,
	}
}

// observeOwn tells how the target's own object stands, and which of its hosts somebody else has.
func (g *Gateway) observeOwn(t Target) State {
	s := State{Mode: Own}
	object, ok := g.inventory.get(g.ID(t))
	if ok {
		if object.holds(t) {
			object.Serial = t.Serial // the list does not tell that of a reference
		}
		s.Objects = []Object{object}
	}
	s.Left = g.leftBehind(t)
	for _, host := range t.Hosts {
		if slices.Contains(object.Hosts, host) {
			continue // ours already: a renewal must not stop because somebody came after us
		}
		if id := g.taken(t, host); id != "" {
			s.Blocked = append(s.Blocked, host)
			if s.Conflict == nil {
				s.Conflict = &Conflict{Host: host, ID: id}
			}
		}
	}
	return s
}

// taken gives the id of an enabled object of somebody else with the host: APISIX would serve whichever came first.
func (g *Gateway) taken(t Target, host string) string {
	others := slices.DeleteFunc(g.inventory.withHost(host), func(o Object) bool {
		return o.ID == g.ID(t) || !o.Enabled || g.ours(o, t) || g.before(o, t)
	})
	if len(others) == 0 {
		return ""
	}
	return slices.MinFunc(others, byID).ID
}

// ours tells whether o belongs to an ApisixCertificate of this cluster. One on its way out or about to lose the host is
// no reason to hold back: who owns a host within the cluster is decided before the push. Two clusters may have been
// given one name, so the UID must be known here, where that can be told.
func (g *Gateway) ours(o Object, t Target) bool {
	return o.labels.of(labelManagedBy) == managedBy && o.labels.of(labelCluster) == g.Cluster &&
		(t.Known == nil || t.Known(o.labels.of(labelNamespace), o.labels.of(labelName), o.labels.of(labelUID)))
}

// Plan tells what to do so that this gateway holds the target.
func (g *Gateway) Plan(s State, t Target) Action { return Plan(s, t, g.ID(t), g.labels(t)) }

// planOwn is Plan for own mode.
func planOwn(s State, t Target, id string, labels map[string]string) Action {
	t = s.without(t)
	switch {
	case len(t.Hosts) == 0:
		return Action{Verb: Refuse}
	case len(s.Objects) == 1 && s.Objects[0].asWanted(t, labels) && len(s.Left) == 0:
		return Action{Verb: Keep}
	case t.keyless():
		return Action{Verb: Renew}
	}
	return Action{Verb: Put, IDs: []string{id}}
}

// asWanted tells whether an own object is as it is written.
func (o Object) asWanted(t Target, labels map[string]string) bool {
	return o.holds(t) && o.Enabled && !o.strange && o.client == clientDigest(t.Client) &&
		sameSet(o.Hosts, t.Hosts) && o.labels.have(labels)
}

// without is the target without the hosts that somebody else has.
func (s State) without(t Target) Target {
	if len(s.Blocked) > 0 {
		t.Hosts = slices.DeleteFunc(slices.Clone(t.Hosts), func(host string) bool { return slices.Contains(s.Blocked, host) })
	}
	return t
}

// Hosts are those of the target's hosts that can be served.
func (s State) Hosts(t Target) []string { return s.without(t).Hosts }

// put writes the target's own object whole (PUT /apisix/admin/ssls/ID), and the object of its Vault before it.
func (g *Gateway) put(ctx context.Context, s State, t Target) (State, error) {
	t = s.without(t)
	ssl := apisix.SSL{ID: g.ID(t), SNIs: t.Hosts, Cert: string(t.Cert), Key: string(t.Key), Labels: g.labels(t), Client: t.Client}
	if r := t.Reference; r != nil && !r.Old {
		ssl.Cert, ssl.Key = r.Cert, r.Key
		if err := g.keepVaultSecret(ctx, r.Secret, true); err != nil {
			return s, err
		}
	} else if err := apisix.CheckPair(t.Cert, t.Key, g.Clock.Now()); err != nil {
		return s, err
	}
	created, err := g.putSSL(ctx, ssl)
	if err != nil {
		return s, fmt.Errorf("put ssl object %s: %w", ssl.ID, err)
	}
	if created && len(s.Objects) > 0 {
		g.Doubt() // it was thought to be there, so others may be gone too
	}
	object := objectOf(&ssl)
	if object.Reference != "" {
		object.Serial = t.Serial
	}
	g.inventory.record(object)
	s.Objects = []Object{object}
	for _, id := range s.Left {
		if err := g.delete(ctx, id); err != nil {
			return s, err
		}
	}
	s.Left = nil
	return s, nil
}

func (g *Gateway) putSSL(ctx context.Context, ssl apisix.SSL) (created bool, err error) {
	done, err := g.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	return g.Admin.PutSSL(ctx, ssl)
}

// keepVaultSecret writes the gateway's object of a Vault where it is not as it should be, or always.
func (g *Gateway) keepVaultSecret(ctx context.Context, want apisix.VaultSecret, always bool) error {
	if !always {
		have, err := g.Admin.GetVaultSecret(ctx, want.ID)
		if err == nil && *have == want {
			return nil
		}
		if err != nil && !apisix.IsNotFound(err) {
			return fmt.Errorf("get secret object vault/%s: %w", want.ID, err)
		}
	}
	if err := g.Admin.PutVaultSecret(ctx, want); err != nil {
		return fmt.Errorf("put secret object vault/%s: %w", want.ID, err)
	}
	return nil
}

// removeOwn deletes the target's own object, and the object of its Vault. The object is read first, as its inventory
// may be old and the label tells whether it is ours.
func (g *Gateway) removeOwn(ctx context.Context, t Target) error {
	id := g.ID(t)
	ssl, err := g.Admin.GetSSL(ctx, id)
	switch {
	case apisix.IsNotFound(err):
		g.inventory.forget(id)
	case err != nil:
		return fmt.Errorf("get ssl object %s: %w", id, err)
	case ssl.Labels[labelUID] == t.UID:
		if err := g.delete(ctx, id); err != nil {
			return err
		}
	}
	if t.Reference == nil {
		return nil
	}
	return g.ForgetVault(ctx, t)
}

// ForgetVault deletes the object that tells the gateway where the target's Vault is (DELETE /apisix/admin/secrets/vault/ID).
// That there is none is no error.
func (g *Gateway) ForgetVault(ctx context.Context, t Target) error {
	if mode, err := g.FindMode(ctx); err != nil || mode == Secret {
		return err
	}
	if err := g.Admin.DeleteVaultSecret(ctx, g.ID(t)); err != nil && !apisix.IsNotFound(err) {
		return fmt.Errorf("delete secret object vault/%s: %w", g.ID(t), err)
	}
	return nil
}

// References is what the target's own object has now in the place of certificate and key where those are references, in
// one text, empty where they are not (GET /apisix/admin/ssls/ID).
func (g *Gateway) References(ctx context.Context, t Target) (string, error) {
	if mode, err := g.FindMode(ctx); err != nil || mode == Secret {
		return "", err
	}
	ssl, err := g.Admin.GetSSL(ctx, g.ID(t))
	switch {
	case apisix.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("get ssl object %s: %w", g.ID(t), err)
	}
	if !strings.HasPrefix(ssl.Cert, "$") {
		return "", nil
	}
	return ssl.Cert + "\n" + ssl.Key, nil
}

// Withdraw deletes the target's own object where the inventory has one: none of its hosts is left.
func (g *Gateway) Withdraw(ctx context.Context, t Target) error {
	mode, err := g.FindMode(ctx)
	if err != nil || mode != Own {
		return err
	}
	if err := g.fresh(ctx); err != nil {
		return err
	}
	if _, ok := g.inventory.get(g.ID(t)); !ok {
		return nil
	}
	return g.removeOwn(ctx, t)
}

// keyless tells whether the target cannot be written: its key is kept at the gateway alone.
func (t Target) keyless() bool {
	return len(t.Key) == 0 && (t.Reference == nil || t.Reference.Old)
}

// Format keeps the key out of fmt's verbs.
func (t Target) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "target %s/%s %v", t.Namespace, t.Name, t.Hosts)
}

// MarshalJSON keeps the key out of JSON.
func (t Target) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", fmt.Sprint(t)), nil }

// Format keeps the token of the Vault out of fmt's verbs.
func (r Reference) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.Cert) }
