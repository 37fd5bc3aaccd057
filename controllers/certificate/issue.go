// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"crypto"
	"fmt"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// issue gets a new certificate, checks it, and writes the Secret. Nothing is written before the answer has been checked.
func (r *Reconciler) issue(ctx context.Context, o *observed, p plan) (warnings []string, err error) {
	session, err := r.Signers.Get(ctx, o.issuer)
	if err != nil {
		return nil, err
	}
	key, err := o.key(p)
	if err != nil {
		return nil, err
	}
	csr, err := certs.CreateRequest(o.spec, key)
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	answer, err := session.Issue(ctx, vault.Request{CSRPEM: csr, Spec: o.spec})
	if err != nil {
		return nil, err
	}
	public := crypto.PublicKey(nil)
	if answer.Bundle.Key.IsZero() {
		public = key.Public()
	} else {
		key = answer.Bundle.Key // the issuer made the key
	}
	warnings, err = certs.CheckAnswer(answer.Bundle, o.spec, public, r.Clock.Now())
	if err != nil {
		return nil, err
	}
	return warnings, r.writeSecret(ctx, o, material{
		cert: answer.CertPEM, key: key.PEM(o.spec.Key.Encoding), ca: answer.CAPEM,
		issuedAt: r.Clock.Now(), digest: o.spec.Digest(),
	})
}

// key is the key to ask a certificate for: a new one, unless the spec wants the old one kept and it fits.
func (o *observed) key(p plan) (certs.Key, error) {
	old := p.decision.Bundle.Key
	wanted := o.spec.Key
	if k := o.cert.Spec.PrivateKey; k != nil && k.RotationPolicy == v1alpha1.RotationNever && !old.IsZero() {
		is := old.Spec()
		if (wanted.Algorithm == "" || wanted.Algorithm == is.Algorithm) && (wanted.Size == 0 || wanted.Size == is.Size) {
			return old, nil
		}
	}
	return certs.GenerateKey(wanted)
}
