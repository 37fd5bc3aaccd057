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

// Observation is what the last check of an issuer showed that its certificates go by. The zero value is an issuer that was
// not checked yet. What is in it is never changed.
type Observation struct {
	// CAs are those that the issuer signs with now, the signing one first; nil is not known. CASince is when it was first
	// seen to.
	CAs     []*x509.Certificate
	CASince time.Time
	// CRL is the issuer's revocation list, nil where it is not known, and Revocations the same for certificates to ask.
	CRL         *x509.RevocationList
	Revocations *certs.Revocations
	// Status is what the last check that Vault answered showed; zero before the first.
	Status vault.Status
	// Ready reports whether the last check found the issuer ready, and ReadySince since when; zero: it is not. What failed
	// before ReadySince is worth another try.
	Ready      bool
	ReadySince time.Time
}

// CA is the fingerprint of the CA that signs, empty where that is not known.
func (s Observation) CA() string {
	if len(s.CAs) == 0 {
		return ""
	}
	return certs.Fingerprint(s.CAs[0])
}

// Chain identifies CAs, empty where they are not known. It changes too when a CA above the one that signs is renewed.
func (s Observation) Chain() string { return certs.ChainID(s.CAs) }

// concerns reports whether certificates have to do with what has changed since before.
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
