// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// cleaner deletes the keys of one certificate from Vault.
type cleaner struct {
	issuers   Issuers
	namespace string
	gateways  []*gateway.Gateway // all that may refer to one of the keys
	target    gateway.Target
}

// clearFormer deletes keys from all locations except the present one, and returns the locations that remain. again means
// that the rest may be deleted soon.
func (c cleaner) clearFormer(ctx context.Context, locations []v1alpha1.KeyLocation, present v1alpha1.KeyLocation) (left []v1alpha1.KeyLocation, again bool) {
	for _, p := range locations {
		if p == present {
			left = append(left, p)
			continue
		}
		if err := c.clearLocation(ctx, p, present); err != nil {
			ctrl.LoggerFrom(ctx).Info("cannot delete keys in Vault yet", "issuer", p.Issuer, "path", folderPath(p), "error", err.Error())
			left, again = append(left, p), again || isTransient(err)
		}
	}
	return left, again
}

// clearLocation deletes the keys from a former location. It fails while a gateway still refers to a key there. If the
// present key is not in Vault, the gateways' Vault configuration is deleted too.
func (c cleaner) clearLocation(ctx context.Context, p, present v1alpha1.KeyLocation) error {
	used, err := c.references(ctx)
	if err != nil {
		return err
	}
	if used != "" && present == noLocation {
		return &usedError{p}
	}
	f, err := openFolder(ctx, c.issuers, c.namespace, p)
	if err != nil {
		return err
	}
	names, err := f.names(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(names, func(name string) bool {
		return strings.Contains(used, "/"+name+"/") && name != secretName(c.target.Fingerprint)
	}) {
		return &usedError{p}
	}
	if err := f.clear(ctx, c.target.Fingerprint); err != nil || present != noLocation {
		return err
	}
	return c.forgetVault(ctx)
}

// clearAll deletes the keys of a deleted certificate. It fails only while Vault is unavailable: if the issuer or its
// permissions are gone, nothing can be deleted any more.
func (c cleaner) clearAll(ctx context.Context, locations []v1alpha1.KeyLocation) error {
	if len(locations) == 0 {
		return nil
	}
	if err := c.forgetVault(ctx); err != nil {
		return err
	}
	for _, p := range locations {
		f, err := openFolder(ctx, c.issuers, c.namespace, p)
		if err == nil {
			err = f.clear(ctx, "")
		}
		switch {
		case isUnavailable(err):
			return fmt.Errorf("delete keys in Vault: %w", err)
		case err != nil:
			ctrl.LoggerFrom(ctx).Info("cannot delete keys in Vault", "issuer", p.Issuer, "path", folderPath(p), "error", err.Error())
		}
	}
	return nil
}

// references returns the references in the certificate's own ssl objects at the gateways, as one text.
func (c cleaner) references(ctx context.Context) (string, error) {
	var all strings.Builder
	for _, g := range c.gateways {
		text, err := g.VaultReferences(ctx, c.target)
		if err != nil {
			return "", fmt.Errorf("gateway %s: %w", g.Name, err)
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

func (c cleaner) forgetVault(ctx context.Context) error {
	for _, g := range c.gateways {
		if err := g.DeleteVaultSecret(ctx, c.target); err != nil {
			return fmt.Errorf("gateway %s: %w", g.Name, err)
		}
	}
	return nil
}

// usedError reports that a gateway still reads a key.
type usedError struct{ place v1alpha1.KeyLocation }

func (e *usedError) Error() string {
	return "a gateway still reads a key in " + folderPath(e.place)
}

// isTransient reports whether what failed may work a minute later without a change.
func isTransient(err error) bool {
	var found *finding.Finding
	var answered *vault.Error
	var busy *vault.BusyError
	if errors.As(err, &busy) || errors.As(err, &found) || errors.As(err, &answered) {
		return isUnavailable(err)
	}
	return !gateway.Refused(err)
}
