// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"crypto"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/certs"
)

// Response is a certificate that was signed and checked.
type Response struct {
	Bundle  certs.Bundle // with a Key where the issuer made it
	CertPEM []byte       // leaf and intermediates, leaf first, without the root
	CAPEM   []byte       // the root, or the topmost CA that is known
	Key     certs.Key    // whoever made it
	// Warnings are about what was asked for and not granted. They are stable.
	Warnings []string
}

// checked is the answer to a decision on spec, with its warnings. It fails with a *certs.AnswerError.
func (a Response) checked(spec certs.Spec, d certs.Decision, now time.Time) (*Response, error) {
	var public crypto.PublicKey
	if a.Bundle.Key.IsZero() {
		public = a.Key.Public()
	}
	warnings, err := certs.CheckAnswer(a.Bundle, spec, public, now)
	if err != nil {
		return nil, err
	}
	if missing := certs.Ungranted(a.Bundle.Leaf, spec); missing != "" {
		return nil, &certs.AnswerError{Problem: missing, Mend: "have the issuer grant it (a Vault role sets subject and usages: organization, ou, country, key_usage, ext_key_usage and so on), or remove it from the spec"}
	}
	if MatchesSpec(d.Reason) {
		if err := certs.CheckSuccessor(a.Bundle, d.Bundle, spec, now); err != nil {
			return nil, err
		}
	}
	a.Warnings = warnings
	return &a, nil
}

// responses are those that were given and are not in a Secret yet, by the UID of the certificate. They are in memory only.
type responses struct{ byUID sync.Map }

type heldResponse struct {
	digest   string // of what was asked for
	response Response
}

func (a *responses) put(uid types.UID, digest string, response Response) {
	a.byUID.Store(uid, heldResponse{digest, response})
}

// get gives the answer that is held, and the digest of what it answers; empty: none.
func (a *responses) get(uid types.UID) (digest string, response Response) {
	found, ok := a.byUID.Load(uid)
	if !ok {
		return "", Response{}
	}
	held := found.(heldResponse)
	return held.digest, held.response
}

func (a *responses) forget(uid types.UID) { a.byUID.Delete(uid) }
