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

// Observe returns the pending request and when the next certificate may be signed. With live it reads from the API server.
func (i *Issuers) Observe(ctx context.Context, o Request, live bool) (State, error) {
	uid := o.Certificate.UID
	s := State{ByRequest: issuer.ByRequest(o.Issuer), signableAt: i.signatures.next(uid, i.Clock.Now())}
	s.held, _ = i.responses.get(uid)
	secrets := client.Reader(i.Client)
	if live && s.ByRequest { // otherwise only a previous issuer can have a pending request
		secrets = i.Live
	}
	var err error
	s.underway, err = findUnderway(ctx, secrets, i.Live, o.Certificate)
	return s, err
}

// Issue runs the next step for a certificate that is due. It returns a checked response, or nil and what it is waiting for.
// try reports whether the certificate for a CSR could be stored; it is called before signing. A response is kept until
// Stored is called, and returned again for the same request. Errors are those of try and Signers, *vault.BusyError,
// *vault.Error, *certs.ResponseError for a rejected response, *finding.Finding for a failed CertificateRequest, and those of
// the API server.
func (i *Issuers) Issue(ctx context.Context, o Request, s State, d certs.Decision, try func(ctx context.Context, csr []byte) error) (*Response, *finding.Finding, error) {
	response, pending, err := i.response(ctx, o, s, d, try)
	if response != nil {
		response, err = response.checked(o.Spec, d, i.Clock.Now())
	}
	if rejected := (*certs.ResponseError)(nil); errors.As(err, &rejected) {
		err = errors.Join(err, i.Stored(ctx, o)) // the next attempt sends a new request
	}
	return response, pending, err
}

// response returns the response in memory, or the unchecked one of the next step, which is then kept in memory.
func (i *Issuers) response(ctx context.Context, o Request, s State, d certs.Decision, try attempt) (*Response, *finding.Finding, error) {
	uid, digest := o.Certificate.UID, o.digest()
	if of, held := i.responses.get(uid); of == digest {
		return &held, nil, nil
	}
	response, pending, err := s.route().issue(ctx, i, o, d, try)
	if response != nil {
		i.responses.put(uid, digest, *response)
	}
	return response, pending, err
}

// Stored must be called once the response is in its Secret. It forgets the response, and deletes a CertificateRequest with
// its key.
func (i *Issuers) Stored(ctx context.Context, o Request) error {
	i.responses.forget(o.Certificate.UID)
	if issuer.ByRequest(o.Issuer) {
		return i.Drop(ctx, o)
	}
	return nil
}

// Drop forgets the response in memory and deletes a pending CertificateRequest.
func (i *Issuers) Drop(ctx context.Context, o Request) error {
	i.responses.forget(o.Certificate.UID)
	found, err := findUnderway(ctx, i.Live, i.Live, o.Certificate)
	if err != nil {
		return err
	}
	return found.drop(ctx, i.Client, o.Certificate)
}
