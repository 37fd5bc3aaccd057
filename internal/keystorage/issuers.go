// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"context"
	"errors"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Issuers are the sessions by which keys are kept in Vault.
type Issuers interface {
	// Find gives the issuer that ref means in a namespace; nil: there is none.
	Find(ctx context.Context, namespace string, ref v1alpha1.IssuerReference) (v1alpha1.Issuer, error)
	Session(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error)
}

// openFolder opens the folder of a place, with the issuer by which its keys were written.
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

// isUnavailable reports whether it is Vault that does not answer for now.
func isUnavailable(err error) bool {
	var busy *vault.BusyError
	var answered *vault.Error
	return errors.As(err, &busy) || errors.As(err, &answered) && answered.Kind == vault.Transient
}
