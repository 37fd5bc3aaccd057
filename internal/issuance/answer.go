// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"crypto"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/certs"
)

// Answer is a certificate that was signed and checked.
type Answer struct {
	Bundle  certs.Bundle // with a Key where the issuer made it
	CertPEM []byte       // leaf and intermediates, leaf first, without the root
	CAPEM   []byte       // the root, or the topmost CA that is known
	Key     certs.Key    // whoever made it
	// Warnings are about what was asked for and not granted. They are stable.
	Warnings []string
}

// checked is the answer to a decision on spec, with its warnings. It fails with a *certs.ResponseError.
func (a Answer) checked(spec certs.Spec, d certs.Decision, now time.Time) (*Answer, error) {
	var public crypto.PublicKey
	if a.Bundle.Key.IsZero() {
		public = a.Key.Public()
	}
	warnings, err := certs.CheckResponse(a.Bundle, spec, public, now)
	if err != nil {
		return nil, err
	}
	if missing := certs.Ungranted(a.Bundle.Leaf, spec); missing != "" {
		return nil, &certs.ResponseError{Problem: missing, Fix: "have the issuer grant it (a role of Vault sets subject and usages by itself: organization, ou, country, key_usage, ext_key_usage and so on), or drop it from the spec"}
	}
	if AsSpecified(d.Reason) {
		if err := certs.CheckSuccessor(a.Bundle, d.Bundle, spec, now); err != nil {
			return nil, err
		}
	}
	a.Warnings = warnings
	return &a, nil
}

// answers are those that were given and are not in a Secret yet, by the UID of the certificate. They are in memory only.
type answers struct{ byUID sync.Map }

type heldAnswer struct {
	digest string // of what was asked for
	answer Answer
}

func (a *answers) hold(uid types.UID, digest string, answer Answer) {
	a.byUID.Store(uid, heldAnswer{digest, answer})
}

// get gives the answer that is held, and the digest of what it answers; empty: none.
func (a *answers) get(uid types.UID) (digest string, answer Answer) {
	found, ok := a.byUID.Load(uid)
	if !ok {
		return "", Answer{}
	}
	held := found.(heldAnswer)
	return held.digest, held.answer
}

func (a *answers) forget(uid types.UID) { a.byUID.Delete(uid) }
