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

// cleaner deletes the keys of one certificate from locations in Vault.
type cleaner struct {
	issuers   Issuers
	namespace string
	gateways  []*gateway.Gateway // all that may refer to a key
	target    gateway.Target
}

// clearFormer clears the locations but the present one, and gives those that are left. again: the rest may be cleared soon.
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

// clearLocation clears a place that the certificate has left. While a gateway refers to a key there, that is an error. Where the present
// key is in no Vault, the gateways forget theirs.
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

// clearAll clears locations of a certificate that is deleted. It fails only while Vault does not answer: where the issuer or its rights
// are gone, nobody could delete anything.
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

// references are what the certificate's own objects at the gateways have in the place of certificate and key, in one text.
func (c cleaner) references(ctx context.Context) (string, error) {
	var all strings.Builder
	for _, g := range c.gateways {
		text, err := g.References(ctx, c.target)
		if err != nil {
			return "", fmt.Errorf("gateway %s: %w", g.Name, err)
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

func (c cleaner) forgetVault(ctx context.Context) error {
	for _, g := range c.gateways {
		if err := g.ForgetVault(ctx, c.target); err != nil {
			return fmt.Errorf("gateway %s: %w", g.Name, err)
		}
	}
	return nil
}

// usedError says that a gateway still reads a key.
type usedError struct{ place v1alpha1.KeyLocation }

func (e *usedError) Error() string {
	return "a gateway still reads a key in " + folderPath(e.place)
}

// isTransient reports whether what failed may work a minute later without anybody's help.
func isTransient(err error) bool {
	var found *finding.Finding
	var answered *vault.Error
	var busy *vault.BusyError
	if errors.As(err, &busy) || errors.As(err, &found) || errors.As(err, &answered) {
		return isUnavailable(err)
	}
	return !gateway.Refused(err)
}
