// SPDX-License-Identifier: Apache-2.0

package issuance

import "apisix-certs.io/apisix-certs/certs"

// Reasons to issue in addition to those of package certs.
const (
	KeyLost        certs.Reason = "KeyLost"           // the key was stored outside Kubernetes and is missing there
	KeyMoved       certs.Reason = "KeyStorageChanged" // the key is not where the spec wants it any more
	SecretReverted certs.Reason = "SecretReverted"    // another writer restored an older certificate in the Secret
)

// Unprovoked reports whether no user can cause the reason. Signatures for it are not limited.
func Unprovoked(reason certs.Reason) bool {
	return reason == certs.RenewalDue || reason == certs.Expired
}

// MatchesSpec reports whether the current certificate still matches the spec in spite of the reason. Its replacement must
// not expire before it, if it is shorter than requested.
func MatchesSpec(reason certs.Reason) bool {
	switch reason {
	case certs.RenewalDue, certs.RenewalRequested, certs.IssuerRotated, certs.IssuerEnding, KeyMoved:
		return true
	}
	return false
}

// StillValid reports whether the current certificate is still valid and matches the spec in spite of the reason.
func StillValid(reason certs.Reason) bool { return MatchesSpec(reason) || reason == KeyLost }
