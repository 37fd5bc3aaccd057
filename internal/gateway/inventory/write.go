// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"cmp"
	"context"
	"fmt"

	"github.com/go-logr/logr"

	"apisix-certs.io/apisix-certs/apisix"
)

// Write says for which certificate an object is written, and why. It is logged.
type Write struct {
	// Certificate is the NAMESPACE/NAME of the ApisixCertificate. Serial is that of the certificate written or deleted.
	Certificate, Serial string
	Why                 string
}

// Put writes a whole object and records it (PUT /apisix/admin/ssls/ID). had is whether the inventory had it: if it is then
// created, other objects may be gone too.
func (r Remote) Put(ctx context.Context, w Write, ssl apisix.SSL, had bool) (Object, error) {
	created := false
	err := r.write(ctx, w, "put", "ssls/"+ssl.ID, func() error {
		var err error
		created, err = r.Admin.PutSSL(ctx, ssl)
		return err
	})
	if err != nil {
		return Object{}, fmt.Errorf("put ssl object %s: %w", ssl.ID, err)
	}
	if created && had {
		r.Invalidate()
	}
	object := NewObject(&ssl)
	if object.Reference != "" {
		object.Serial = w.Serial
	}
	r.Record(object)
	return object, nil
}

// Patch changes some fields of an object, and records now, its new state (PATCH /apisix/admin/ssls/ID).
func (r Remote) Patch(ctx context.Context, w Write, patch apisix.SSLPatch, now Object) error {
	err := r.write(ctx, w, "patch", "ssls/"+now.ID, func() error { return r.Admin.PatchSSL(ctx, now.ID, patch) })
	if apisix.IsNotFound(err) && r.Forget(now.ID) {
		r.Invalidate()
	}
	if err != nil {
		return fmt.Errorf("patch ssl object %s: %w", now.ID, err)
	}
	r.Record(now)
	return nil
}

// Delete deletes an object (DELETE /apisix/admin/ssls/ID). It is read first, as the inventory may be outdated. If it does
// not exist, or still returns false for it, nothing is done.
func (r Remote) Delete(ctx context.Context, w Write, id string, still func(Object) bool) error {
	object, err := r.Read(ctx, id)
	switch {
	case apisix.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case !still(object):
		return nil
	}
	w.Serial = cmp.Or(object.Serial, w.Serial)
	err = r.write(ctx, w, "delete", "ssls/"+id, func() error { return r.Admin.DeleteSSL(ctx, id) })
	if err != nil && !apisix.IsNotFound(err) {
		return fmt.Errorf("delete ssl object %s: %w", id, err)
	}
	r.Forget(id)
	return nil
}

// PutVaultSecret writes the object with the address of a Vault (PUT /apisix/admin/secrets/vault/ID).
func (r Remote) PutVaultSecret(ctx context.Context, w Write, secret apisix.VaultSecret) error {
	err := r.write(ctx, w, "put", "secrets/vault/"+secret.ID, func() error { return r.Admin.PutVaultSecret(ctx, secret) })
	if err != nil {
		return fmt.Errorf("put secret object vault/%s: %w", secret.ID, err)
	}
	return nil
}

// DeleteVaultSecret deletes that object (DELETE /apisix/admin/secrets/vault/ID). A missing object is not an error.
func (r Remote) DeleteVaultSecret(ctx context.Context, w Write, id string) error {
	err := r.write(ctx, w, "delete", "secrets/vault/"+id, func() error { return r.Admin.DeleteVaultSecret(ctx, id) })
	if err != nil && !apisix.IsNotFound(err) {
		return fmt.Errorf("delete secret object vault/%s: %w", id, err)
	}
	return nil
}

// write makes one write within a slot and logs its outcome, never its content.
func (r Remote) write(ctx context.Context, w Write, verb, object string, do func() error) error {
	release, err := r.Writes.Acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	err = do()
	outcome := "done"
	switch {
	case apisix.IsNotFound(err):
		outcome = "not found"
	case apisix.IsConflict(err):
		outcome = "conflict"
	case err != nil:
		outcome = "failed"
	}
	log, none := logr.FromContext(ctx)
	if none != nil {
		log = r.Log
	}
	log.Info("gateway written", "verb", verb, "gateway", r.Gateway, "object", object, "mode", r.Mode,
		"certificate", w.Certificate, "serial", w.Serial, "why", w.Why, "outcome", outcome)
	return err
}
