// SPDX-License-Identifier: Apache-2.0

package issuance

import "apisix-certs.io/apisix-certs/certs"

// Reasons to issue beside those of package certs.
const (
	KeyLost        certs.Reason = "KeyLost"           // the key was outside of Kubernetes and is gone from there
	KeyMoved       certs.Reason = "KeyStorageChanged" // the key is where it should not be any more
	SecretReverted certs.Reason = "SecretReverted"    // somebody put an older certificate back into the Secret
)

// Unprovoked reports whether a reason is one that nobody can bring about. Signatures for it are not limited.
func Unprovoked(reason certs.Reason) bool {
	return reason == certs.RenewalDue || reason == certs.Expired
}

// MatchesSpec reports whether a reason leaves a certificate which is as the spec wants it: what replaces it must not end
// before it, where that is less than was asked for.
func MatchesSpec(reason certs.Reason) bool {
	switch reason {
	case certs.RenewalDue, certs.RenewalRequested, certs.IssuerRotated, certs.IssuerEnding, KeyMoved:
		return true
	}
	return false
}

// StillValid reports whether a reason leaves the certificate valid and as specified meanwhile.
func StillValid(reason certs.Reason) bool { return MatchesSpec(reason) || reason == KeyLost }
