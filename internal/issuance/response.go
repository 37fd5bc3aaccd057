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
	Bundle  certs.Bundle // with a Key if the issuer generated it
	CertPEM []byte       // leaf and intermediates, leaf first, without the root
	CAPEM   []byte       // the root, or the topmost known CA
	Key     certs.Key    // generated here or by the issuer
	// Warnings name what was requested but not granted. Their text is stable.
	Warnings []string
}

// checked verifies the response against the spec and the decision, and adds the warnings. It fails with a
// *certs.ResponseError.
func (a Response) checked(spec certs.Spec, d certs.Decision, now time.Time) (*Response, error) {
	var public crypto.PublicKey
	if a.Bundle.Key.IsZero() {
		public = a.Key.Public()
	}
	warnings, err := certs.CheckResponse(a.Bundle, spec, public, now)
	if err != nil {
		return nil, err
	}
	if missing := certs.Ungranted(a.Bundle.Leaf, spec); missing != "" {
		return nil, &certs.ResponseError{Problem: missing, Fix: "have the issuer grant it (a Vault role sets subject and usages: organization, ou, country, key_usage, ext_key_usage and so on), or remove it from the spec"}
	}
	if MatchesSpec(d.Reason) {
		if err := certs.CheckSuccessor(a.Bundle, d.Bundle, spec, now); err != nil {
			return nil, err
		}
	}
	a.Warnings = warnings
	return &a, nil
}

// responses holds the issued certificates that are not in a Secret yet, by the UID of the ApisixCertificate. They are in
// memory only.
type responses struct{ byUID sync.Map }

type heldResponse struct {
	digest   string // of the request
	response Response
}

func (a *responses) put(uid types.UID, digest string, response Response) {
	a.byUID.Store(uid, heldResponse{digest, response})
}

// get returns the response in memory and the digest of its request. An empty digest means that there is none.
func (a *responses) get(uid types.UID) (digest string, response Response) {
	found, ok := a.byUID.Load(uid)
	if !ok {
		return "", Response{}
	}
	held := found.(heldResponse)
	return held.digest, held.response
}

func (a *responses) forget(uid types.UID) { a.byUID.Delete(uid) }
