// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"bytes"
	"crypto/x509"
	"reflect"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// Observation is the result of the last check of an issuer, as far as its certificates depend on it. The zero value is an issuer
// that was not checked yet. It is not modified.
type Observation struct {
	// CAs are the current CA chain of the issuer, the signing CA first, or nil if it is unknown. CASince is when that CA was
	// first seen.
	CAs     []*x509.Certificate
	CASince time.Time
	// CRL is the issuer's revocation list, or nil if it is unknown. Revocations is the same, indexed for look-ups.
	CRL         *x509.RevocationList
	Revocations *certs.Revocations
	// Status is the result of the last check to which Vault responded. It is zero before the first.
	Status vault.Status
	// Ready reports whether the issuer was ready at the last check. ReadySince is since when, or zero if it is not. What failed
	// before ReadySince may be retried.
	Ready      bool
	ReadySince time.Time
}

// CA returns the fingerprint of the signing CA, or "" if it is unknown.
func (s Observation) CA() string {
	if len(s.CAs) == 0 {
		return ""
	}
	return certs.Fingerprint(s.CAs[0])
}

// Chain identifies the CA chain. It is empty if the chain is unknown. It also changes when a CA above the signing one is renewed.
func (s Observation) Chain() string { return certs.ChainID(s.CAs) }

// concerns reports whether a change since before affects certificates.
func (s Observation) concerns(before Observation) bool {
	return s.Chain() != before.Chain() || !sameCRL(s.CRL, before.CRL) || !reflect.DeepEqual(s.Status.Role, before.Status.Role) ||
		s.Status.GeneratesLeases != before.Status.GeneratesLeases || s.Ready && !before.Ready
}

func sameCRL(a, b *x509.RevocationList) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.Raw, b.Raw)
}
