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

// clearing deletes the keys of one certificate from places in Vault.
type clearing struct {
	issuers   Issuers
	namespace string
	gateways  []*gateway.Gateway // all that may refer to a key
	target    gateway.Target
}

// former clears the places but the present one, and gives those that are left. again: the rest may be cleared soon.
func (c clearing) former(ctx context.Context, places []v1alpha1.KeyLocation, present v1alpha1.KeyLocation) (left []v1alpha1.KeyLocation, again bool) {
	for _, p := range places {
		if p == present {
			left = append(left, p)
			continue
		}
		if err := c.place(ctx, p, present); err != nil {
			ctrl.LoggerFrom(ctx).Info("keys in Vault are left over for now", "issuer", p.Issuer, "path", folderPath(p), "error", err.Error())
			left, again = append(left, p), again || passes(err)
		}
	}
	return left, again
}

// place clears a place that the certificate has left. While a gateway refers to a key there, that is an error. Where the present
// key is in no Vault, the gateways forget theirs.
func (c clearing) place(ctx context.Context, p, present v1alpha1.KeyLocation) error {
	used, err := c.references(ctx)
	if err != nil {
		return err
	}
	if used != "" && present == nowhere {
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
	if err := f.clear(ctx, c.target.Fingerprint); err != nil || present != nowhere {
		return err
	}
	return c.forgetVault(ctx)
}

// all clears places of a certificate that is deleted. It fails only while Vault does not answer: where the issuer or its rights
// are gone, nobody could delete anything.
func (c clearing) all(ctx context.Context, places []v1alpha1.KeyLocation) error {
	if len(places) == 0 {
		return nil
	}
	if err := c.forgetVault(ctx); err != nil {
		return err
	}
	for _, p := range places {
		f, err := openFolder(ctx, c.issuers, c.namespace, p)
		if err == nil {
			err = f.clear(ctx, "")
		}
		switch {
		case unanswered(err):
			return fmt.Errorf("delete keys in Vault: %w", err)
		case err != nil:
			ctrl.LoggerFrom(ctx).Info("keys in Vault are left over", "issuer", p.Issuer, "path", folderPath(p), "error", err.Error())
		}
	}
	return nil
}

// references are what the certificate's own objects at the gateways have in the place of certificate and key, in one text.
func (c clearing) references(ctx context.Context) (string, error) {
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

func (c clearing) forgetVault(ctx context.Context) error {
	for _, g := range c.gateways {
		if err := g.DeleteVaultSecret(ctx, c.target); err != nil {
			return fmt.Errorf("gateway %s: %w", g.Name, err)
		}
	}
	return nil
}

// usedError says that a gateway still reads a key.
type usedError struct{ place v1alpha1.KeyLocation }

func (e *usedError) Error() string {
	return "a gateway still refers to a key in " + folderPath(e.place)
}

// passes reports whether what failed may work a minute later without anybody's help.
func passes(err error) bool {
	var found *finding.Finding
	var answered *vault.Error
	var busy *vault.BusyError
	if errors.As(err, &busy) || errors.As(err, &found) || errors.As(err, &answered) {
		return unanswered(err)
	}
	return !gateway.Refused(err)
}
