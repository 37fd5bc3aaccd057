// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// ours are this controller's own ssl objects at one gateway: those with the labels of this cluster and of an
// ApisixCertificate's UID.
type ours struct {
	inventory.Remote
	cluster string
}

// ownID returns the id of an own ssl object. It depends only on the cluster and the ApisixCertificate's UID, and has 160
// bits, so it is the same after a restart and unique.
func ownID(cluster, uid string) string {
	sum := sha256.Sum256([]byte(cluster + "\x00" + uid))
	return "ac-" + hex.EncodeToString(sum[:20])
}

func (o ours) id(t Target) string { return ownID(o.cluster, t.UID) }

func (o ours) ownLabels(t Target) map[string]string {
	return map[string]string{
		inventory.LabelManagedBy: inventory.ManagedBy, inventory.LabelCluster: o.cluster,
		inventory.LabelNamespace: t.Namespace, inventory.LabelName: t.Name, inventory.LabelUID: t.UID,
	}
}

// writeOf returns what is logged for a write of the target.
func writeOf(t Target, why string) inventory.Write {
	return inventory.Write{Certificate: t.Namespace + "/" + t.Name, Serial: t.Serial, Why: why}
}

// isOf reports whether the object has the labels of this cluster and of the target's UID.
func (o ours) isOf(object inventory.Object, t Target) bool {
	l := object.Labels
	return l.Get(inventory.LabelManagedBy) == inventory.ManagedBy && l.Get(inventory.LabelCluster) == o.cluster && l.Get(inventory.LabelUID) == t.UID
}

// isKnown reports whether the object belongs to an ApisixCertificate of this cluster. Such an object does not block a host,
// even if it is about to be deleted or to lose the host: who owns a host within the cluster is decided before the push. Two
// clusters may have the same name, so the UID must exist here, if that can be checked.
func (o ours) isKnown(object inventory.Object, t Target) bool {
	l := object.Labels
	return l.Get(inventory.LabelManagedBy) == inventory.ManagedBy && l.Get(inventory.LabelCluster) == o.cluster &&
		(t.Known == nil || t.Known(l.Get(inventory.LabelNamespace), l.Get(inventory.LabelName), l.Get(inventory.LabelUID)))
}

// isPreRestore reports whether the object belongs to the target's ApisixCertificate before a restore, which changed its
// UID: it has the same name, no ApisixCertificate has its UID, and its certificate is the target's, whose key is available.
func (o ours) isPreRestore(object inventory.Object, t Target) bool {
	l := object.Labels
	return l.Get(inventory.LabelManagedBy) == inventory.ManagedBy && l.Get(inventory.LabelCluster) == o.cluster &&
		l.Get(inventory.LabelNamespace) == t.Namespace && l.Get(inventory.LabelName) == t.Name &&
		l.Get(inventory.LabelUID) != t.UID && t.Known != nil && !t.Known(t.Namespace, t.Name, l.Get(inventory.LabelUID)) &&
		!t.keyless() && object.Fingerprint != "" && object.Fingerprint == t.Fingerprint
}

// current returns the target's own object, if it exists.
func (o ours) current(t Target) []inventory.Object {
	object, ok := o.Get(o.id(t))
	if !ok {
		return nil
	}
	if t.matches(object) {
		object.Serial = t.Serial // the list has no serial for a reference
	}
	return []inventory.Object{object}
}

// preRestore returns the ids of objects from before a restore that have one of the target's hosts.
func (o ours) preRestore(t Target) []string {
	var ids []string
	for _, host := range t.Hosts {
		for _, object := range o.WithHost(host) {
			if o.isPreRestore(object, t) && !slices.Contains(ids, object.ID) {
				ids = append(ids, object.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// write writes the target's whole own object, after the object of its Vault. had reports whether it existed.
func (o ours) write(ctx context.Context, t Target, had bool, why string) (inventory.Object, error) {
	ssl := apisix.SSL{ID: o.id(t), SNIs: t.Hosts, Cert: string(t.Cert), Key: string(t.Key), Labels: o.ownLabels(t), Client: t.Client}
	if r := t.VaultReference; r != nil && !r.Old {
		ssl.Cert, ssl.Key = r.Cert, r.Key
		if err := o.keepVaultSecret(ctx, t, true); err != nil {
			return inventory.Object{}, err
		}
	} else if err := apisix.CheckPair(t.Cert, t.Key, o.Clock.Now()); err != nil {
		return inventory.Object{}, err
	}
	return o.Put(ctx, writeOf(t, why), ssl, had)
}

// dropPreRestore deletes objects from before a restore.
func (o ours) dropPreRestore(ctx context.Context, t Target, left []string) error {
	for _, id := range left {
		w := writeOf(t, "the certificate has another object since a restore")
		if err := o.Delete(ctx, w, id, func(object inventory.Object) bool { return o.isPreRestore(object, t) }); err != nil {
			return err
		}
	}
	return nil
}

// drop deletes the target's own object, and the object of its Vault.
func (o ours) drop(ctx context.Context, t Target, why string) error {
	if err := o.Delete(ctx, writeOf(t, why), o.id(t), func(object inventory.Object) bool { return o.isOf(object, t) }); err != nil {
		return err
	}
	if t.VaultReference == nil {
		return nil
	}
	return o.forgetVault(ctx, t)
}

// dropKnown calls drop if the inventory has the target's own object.
func (o ours) dropKnown(ctx context.Context, t Target, why string) error {
	if _, ok := o.Get(o.id(t)); !ok {
		return nil
	}
	return o.drop(ctx, t, why)
}

// keepVaultSecret writes the gateway's object of the target's Vault if it differs, or always.
func (o ours) keepVaultSecret(ctx context.Context, t Target, always bool) error {
	want, why := t.VaultReference.Secret, "the ssl object that refers to it is written"
	if want.ID != o.id(t) {
		return fmt.Errorf("secret object vault/%s does not belong to %s/%s", want.ID, t.Namespace, t.Name)
	}
	if strings.HasPrefix(want.Token, "$") && !strings.HasPrefix(want.Token, "$env://") {
		return &SetupError{
			Object: "ApisixCertificate " + t.Namespace + "/" + t.Name, Field: "spec.vaultKV.tokenSecretRef",
			Problem: "the token is a reference to a secret of the gateway; set a Vault token or $env://NAME",
		}
	}
	if !always {
		have, err := o.Admin.GetVaultSecret(ctx, want.ID)
		if err == nil && *have == want {
			return nil
		}
		if err != nil && !apisix.IsNotFound(err) {
			return fmt.Errorf("get secret object vault/%s: %w", want.ID, err)
		}
		why = "it is missing or differs"
	}
	return o.PutVaultSecret(ctx, writeOf(t, why), want)
}

func (o ours) forgetVault(ctx context.Context, t Target) error {
	return o.DeleteVaultSecret(ctx, writeOf(t, "nothing refers to it any more"), o.id(t))
}

// references returns the references that the target's own object has instead of certificate and key.
func (o ours) references(ctx context.Context, t Target) (string, error) {
	ssl, err := o.Admin.GetSSL(ctx, o.id(t))
	switch {
	case apisix.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("get ssl object %s: %w", o.id(t), err)
	}
	if !strings.HasPrefix(ssl.Cert, "$") {
		return "", nil
	}
	return ssl.Cert + "\n" + ssl.Key, nil
}
