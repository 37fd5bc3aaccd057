// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"errors"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Observe finds out what is on its way, and when the next certificate may be signed. live: past the cache.
func (i *Issuers) Observe(ctx context.Context, o Order, live bool) (State, error) {
	uid := o.Certificate.UID
	s := State{ByRequest: issuer.ByRequest(o.Issuer), signableAt: i.signatures.next(uid, i.Clock.Now())}
	s.held, _ = i.answers.get(uid)
	secrets := client.Reader(i.Client)
	if live && s.ByRequest { // else nothing is on its way, but for what an issuer before has left
		secrets = i.Live
	}
	var err error
	s.underway, err = findUnderway(ctx, secrets, i.Live, o.Certificate)
	return s, err
}

// Issue takes the next step for a certificate that is due. It gives a checked answer, or nil and what is waited for. try asks
// whether an answer to a CSR could be stored, before it is signed. An answer is held until Stored is called, and given again
// while the same is asked for.
//
// Errors are those of try, *vault.BusyError and *vault.Error, those of Signers, *certs.ResponseError for an answer that was not
// taken, *finding.Finding where cert-manager's request failed, and those of the API server.
func (i *Issuers) Issue(ctx context.Context, o Order, s State, d certs.Decision, try func(ctx context.Context, csr []byte) error) (*Answer, *finding.Finding, error) {
	answer, pending, err := i.answer(ctx, o, s, d, try)
	if answer != nil {
		answer, err = answer.checked(o.Spec, d, i.Clock.Now())
	}
	if rejected := (*certs.ResponseError)(nil); errors.As(err, &rejected) {
		err = errors.Join(err, i.Stored(ctx, o)) // the next attempt asks anew
	}
	return answer, pending, err
}

// answer is the one that is held, or what comes of the next step, which is held from then on. It was not checked.
func (i *Issuers) answer(ctx context.Context, o Order, s State, d certs.Decision, try attempt) (*Answer, *finding.Finding, error) {
	uid, digest := o.Certificate.UID, o.digest()
	if of, held := i.answers.get(uid); of == digest {
		return &held, nil, nil
	}
	answer, pending, err := s.route().ask(ctx, i, o, d, try)
	if answer != nil {
		i.answers.hold(uid, digest, *answer)
	}
	return answer, pending, err
}

// Stored is called once the answer is in its Secret: it is forgotten, and a request of cert-manager deleted with its key.
func (i *Issuers) Stored(ctx context.Context, o Order) error {
	i.answers.forget(o.Certificate.UID)
	if issuer.ByRequest(o.Issuer) {
		return i.Drop(ctx, o)
	}
	return nil
}

// Drop forgets an answer that is held, and deletes what is on its way at cert-manager.
func (i *Issuers) Drop(ctx context.Context, o Order) error {
	i.answers.forget(o.Certificate.UID)
	found, err := findUnderway(ctx, i.Live, i.Live, o.Certificate)
	if err != nil {
		return err
	}
	return found.drop(ctx, i.Client, o.Certificate)
}
