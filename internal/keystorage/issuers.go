// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"context"
	"errors"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Issuers provides the sessions for storing keys in Vault.
type Issuers interface {
	// Find returns the issuer that ref means in a namespace, or nil if there is none.
	Find(ctx context.Context, namespace string, ref v1alpha1.IssuerReference) (v1alpha1.Issuer, error)
	Session(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error)
}

// openFolder opens the folder of a location with the issuer that its keys were written with.
func openFolder(ctx context.Context, issuers Issuers, namespace string, p v1alpha1.KeyLocation) (folder, error) {
	issuer, err := issuers.Find(ctx, namespace, v1alpha1.ParseIssuer(p.Issuer))
	if err != nil {
		return folder{}, err
	}
	if issuer == nil {
		return folder{}, finding.New(v1alpha1.ReasonKeyStorageUnsupported, "spec.keyStorage: %s, through which keys were stored in Vault, does not exist", p.Issuer)
	}
	session, err := issuers.Session(ctx, issuer)
	return folder{session, folderPath(p)}, err
}

// isUnavailable reports whether Vault is temporarily unavailable or busy.
func isUnavailable(err error) bool {
	var busy *vault.BusyError
	var answered *vault.Error
	return errors.As(err, &busy) || errors.As(err, &answered) && answered.Kind == vault.Transient
}
