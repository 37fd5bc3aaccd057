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

// ownID is the id of an own ssl object. It depends on the cluster and the ApisixCertificate's UID alone, and has 160 bits,
// so that it is the same after a restart and different for every other object.
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

// writeOf is what the log says of a write for the target.
func writeOf(t Target, why string) inventory.Write {
	return inventory.Write{Certificate: t.Namespace + "/" + t.Name, Serial: t.Serial, Why: why}
}

// isOf reports whether the object is this cluster's, of the target's UID.
func (o ours) isOf(object inventory.Object, t Target) bool {
	l := object.Labels
	return l.Get(inventory.LabelManagedBy) == inventory.ManagedBy && l.Get(inventory.LabelCluster) == o.cluster && l.Get(inventory.LabelUID) == t.UID
}

// isKnown reports whether the object belongs to an ApisixCertificate of this cluster. One on its way out or about to lose
// the host is no reason to hold back: who owns a host within the cluster is decided before the push. Two clusters may have
// been given one name, so the UID must be known here, where that can be told.
func (o ours) isKnown(object inventory.Object, t Target) bool {
	l := object.Labels
	return l.Get(inventory.LabelManagedBy) == inventory.ManagedBy && l.Get(inventory.LabelCluster) == o.cluster &&
		(t.Known == nil || t.Known(l.Get(inventory.LabelNamespace), l.Get(inventory.LabelName), l.Get(inventory.LabelUID)))
}

// isBefore reports whether the object is of the ApisixCertificate that the target's one was before a restore, which gave it
// another UID: it has the same name, there is none with its UID, and its certificate is the one whose key the target has.
func (o ours) isPreRestore(object inventory.Object, t Target) bool {
	l := object.Labels
	return l.Get(inventory.LabelManagedBy) == inventory.ManagedBy && l.Get(inventory.LabelCluster) == o.cluster &&
		l.Get(inventory.LabelNamespace) == t.Namespace && l.Get(inventory.LabelName) == t.Name &&
		l.Get(inventory.LabelUID) != t.UID && t.Known != nil && !t.Known(t.Namespace, t.Name, l.Get(inventory.LabelUID)) &&
		!t.keyless() && object.Fingerprint != "" && object.Fingerprint == t.Fingerprint
}

// current is the target's own object, if there is one.
func (o ours) current(t Target) []inventory.Object {
	object, ok := o.Get(o.id(t))
	if !ok {
		return nil
	}
	if t.matches(object) {
		object.Serial = t.Serial // the list does not have that of a reference
	}
	return []inventory.Object{object}
}

// leftBehind are the ids of objects of before a restore that have one of the target's hosts.
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

// write writes the target's own object whole, and the object of its Vault before it. had reports whether it was there.
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

// dropLeft deletes what was left of before a restore.
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

// dropKnown is drop for an object that the inventory has.
func (o ours) dropKnown(ctx context.Context, t Target, why string) error {
	if _, ok := o.Get(o.id(t)); !ok {
		return nil
	}
	return o.drop(ctx, t, why)
}

// keepVaultSecret writes the gateway's object of the target's Vault where it is not as it should be, or always.
func (o ours) keepVaultSecret(ctx context.Context, t Target, always bool) error {
	want, why := t.VaultReference.Secret, "the ssl object that refers to it is written"
	if want.ID != o.id(t) {
		return fmt.Errorf("secret object vault/%s is not that of %s/%s", want.ID, t.Namespace, t.Name)
	}
	if strings.HasPrefix(want.Token, "$") && !strings.HasPrefix(want.Token, "$env://") {
		return &SetupError{
			Object: "ApisixCertificate " + t.Namespace + "/" + t.Name, Field: "spec.vaultKV.tokenSecretRef",
			Problem: "the token refers to a secret of the gateway: put a Vault token there, or $env://NAME",
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
		why = "it is missing, or not as it should be"
	}
	return o.PutVaultSecret(ctx, writeOf(t, why), want)
}

func (o ours) forgetVault(ctx context.Context, t Target) error {
	return o.DeleteVaultSecret(ctx, writeOf(t, "nothing refers to it any more"), o.id(t))
}

// references is what the target's own object has in the place of certificate and key where those are references.
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
