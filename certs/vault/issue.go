// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs"
)

// Request is a certificate to issue.
type Request struct {
	// ID identifies what the certificate is for, such as an object's UID. A request that has to wait keeps its
	// position in the queue under its ID, and two requests with the same ID are never sent at the same time. With an
	// empty ID, a request does not keep its position.
	ID string
	// Group is a group of requests, such as a namespace. Groups that wait share an issuer's limits equally.
	Group string
	// CurrentExpiry is when the certificate to be replaced expires, or zero if there is none. Within a group,
	// requests without one are sent first, then those whose certificate expires first. A call without a response by
	// then is canceled, but not before half a second, so that the caller can report the expiry.
	CurrentExpiry time.Time
	// CSR returns a certificate signing request in PEM. It is used if the path is one to sign. It may be nil if Vault
	// generates the key. It is called only once the request has a slot, so that a request that has to wait does not
	// generate a key. Its error ends the call, is returned unchanged, and does not count against the rate limit.
	CSR func() ([]byte, error)
	// Spec has the names and the duration. Subject and usages are ignored, because Vault takes them from the role.
	Spec certs.Spec
	// FinishAfterCancel means that a call that has been sent continues after ctx is canceled, within Config.Timeout,
	// so that no certificate is lost when a program stops.
	FinishAfterCancel bool
}

// Response is what Vault issued. It is not checked: see certs.CheckResponse.
type Response struct {
	// Bundle has a Key if Vault generated it.
	Bundle  certs.Bundle
	CertPEM []byte // leaf and intermediates, leaf first, without the root
	CAPEM   []byte // the root, or the topmost CA if Vault does not have the root
	// Warnings are from Vault, cleaned like Error.Message, without those that every request of this package causes.
	Warnings []string
}

// MakesKey reports whether Vault generates the key, as with paths to issue.
func (s *Session) MakesKey() bool { return s.path.makesKey() }

// Issue issues one certificate (POST <mount>/sign/<role> or <mount>/issue/<role>). It does not wait. If MaxInFlight
// or RatePerSecond is reached, or Vault does not respond, it returns a *BusyError immediately: call it again with the
// same ID at the time in the error. A call takes at most Config.Timeout, including a login. Other errors are *Error
// or that of Request.CSR. A canceled call may have issued a certificate.
func (s *Session) Issue(ctx context.Context, request Request) (response Response, err error) {
	held, err := s.acquire(func() (*slot, time.Time) {
		return s.limiter.enter(ticket{id: request.ID, group: request.Group, expiry: request.CurrentExpiry})
	})
	if err != nil {
		if busy := (*BusyError)(nil); errors.As(err, &busy) && busy.Cause == nil {
			busy.peek = func() (time.Time, bool) { return s.limiter.peek(request.ID) }
		}
		return Response{}, err
	}
	op := opSign
	if s.path.makesKey() {
		op = opIssue
	}
	unused := true
	defer func() { s.release(held, op, unused, err) }() // even if Request.CSR panics
	body, err := s.body(ctx, op, request)
	if err != nil {
		return Response{}, err
	}
	unused = false
	if request.FinishAfterCancel {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout(request.CurrentExpiry))
	defer cancel()
	response, leased, err := s.issue(ctx, op, body)
	s.history.noteIssue(s.config.Now(), response, leased, err)
	return response, err
}

// minCallTimeout is the minimum timeout of a call.
const minCallTimeout = 500 * time.Millisecond

// timeout returns the timeout of a call to replace a certificate that expires at expiry.
func (s *Session) timeout(expiry time.Time) time.Duration {
	left := expiry.Sub(s.config.Now())
	if expiry.IsZero() || left <= 0 {
		return s.config.Timeout
	}
	return min(s.config.Timeout, max(left, minCallTimeout))
}

// Withdraw removes a request that will not be repeated from the queue, such as that of a deleted object. Otherwise
// its position is kept for another minute.
func (s *Session) Withdraw(id string) { s.limiter.withdraw(id) }

func (s *Session) issue(ctx context.Context, op string, body map[string]any) (response Response, leased bool, err error) {
	var secret *api.Secret
	err = s.call(ctx, access{op: op}, func(ctx context.Context, l *login) (err error) {
		settled := l.signing()
		secret, err = l.client.Logical().WriteWithContext(ctx, s.path.call(), body)
		if responded(err) && (secret == nil || secret.LeaseID == "") {
			settled()
		}
		return err
	})
	if err != nil {
		return Response{}, false, err
	}
	if response, err = parseResponse(secret, s.config.Now()); err != nil {
		return Response{}, false, classify(op, err)
	}
	return response, secret.LeaseID != "", nil
}

// body repeats the names in the CSR for roles that do not read them from there.
func (s *Session) body(ctx context.Context, op string, request Request) (map[string]any, error) {
	if ctx.Err() != nil {
		return nil, classify(op, ctx.Err())
	}
	spec := request.Spec
	body := map[string]any{
		"format":               "pem",
		"exclude_cn_from_sans": true, // the SANs already contain all names
	}
	if request.CSR != nil {
		csr, err := request.CSR()
		if err != nil {
			return nil, err
		}
		if !s.path.makesKey() {
			body["csr"] = string(csr)
		}
	}
	set := func(field, value string) {
		if value != "" {
			body[field] = value
		}
	}
	set("common_name", spec.RequestedCommonName())
	set("alt_names", strings.Join(slices.Concat(spec.RequestedDNSNames(), spec.EmailAddresses), ","))
	// As lists, because Vault splits text at commas, which a URI may contain.
	setList := func(field string, values []string) {
		if len(values) > 0 {
			body[field] = values
		}
	}
	setList("ip_sans", spec.IPAddresses)
	setList("uri_sans", spec.URIs)
	if spec.Duration > 0 && !s.history.hasNotAfter() {
		body["ttl"] = fmt.Sprintf("%ds", int64(spec.Duration.Seconds()))
	}
	return body, nil
}

func parseResponse(secret *api.Secret, now time.Time) (Response, error) {
	unusable := func(what string) (Response, error) {
		return Response{}, &fault{problem: what, fix: "check that path refers to a PKI role"}
	}
	if secret == nil || secret.Data == nil {
		return unusable("the response is empty")
	}
	chain, err := certs.ParseCertificates([]byte(text(secret.Data["certificate"])))
	if err != nil || len(chain) == 0 {
		return unusable("the response contains no certificate that can be parsed")
	}
	authorities, err := parseAuthorities(secret.Data)
	if err != nil {
		return unusable("the response contains a CA that cannot be parsed")
	}
	bundle := certs.Assemble(chain[0], append(chain[1:], authorities...), now)
	if key := text(secret.Data["private_key"]); key != "" {
		if bundle.Key, err = certs.ParseKey([]byte(key)); err != nil {
			return unusable("the response contains a private key that cannot be used")
		}
	}
	return Response{
		Bundle: bundle, CertPEM: bundle.CertPEM(), CAPEM: bundle.CAPEM(), Warnings: warnings(secret.Warnings),
	}, nil
}

// parseAuthorities reads issuing_ca and ca_chain of a response, or certificate and ca_chain of an issuer.
func parseAuthorities(data map[string]any) ([]*x509.Certificate, error) {
	joined := text(data["issuing_ca"]) + "\n"
	for _, item := range texts(data["ca_chain"]) {
		joined += item + "\n"
	}
	return certs.ParseCertificates([]byte(joined))
}

// warnings omits duplicates and the warning that Vault returns whenever a body repeats the names in the CSR.
func warnings(all []string) []string {
	var kept []string
	for _, w := range all {
		w = clean(w)
		if !strings.Contains(w, "field was provided but the role is set with") && !slices.Contains(kept, w) {
			kept = append(kept, w)
		}
	}
	return kept
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

// texts reads a list, or the comma-separated text that older versions return.
func texts(value any) []string {
	if s := text(value); s != "" {
		return strings.Split(s, ",")
	}
	var all []string
	list, _ := value.([]any)
	for _, item := range list {
		all = append(all, text(item))
	}
	return all
}
