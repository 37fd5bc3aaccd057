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
	// ID names what the certificate is for, such as an object's UID: a request that has to come again keeps its place under
	// it, and two with the same are never sent at the same time. Empty: it has no place to keep.
	ID string
	// Group shares an issuer's limits in equal parts with the other groups that wait, as namespaces do.
	Group string
	// Ends is when the certificate ends that the new one is to replace; zero for none. Of requests of a group that a limit
	// holds back those for none are sent first, then those whose certificate ends first. A call that is not answered by then is
	// given up, no sooner than after half a second: the caller has something to tell.
	CurrentExpiry time.Time
	// CSR makes the request in PEM that is signed where the path is one to sign at; elsewhere Vault makes the key and what CSR
	// gives is not looked at (it may be nil there). It is called only when the request has its turn, so that one that is held
	// back costs no key. Its error ends the call, is returned as it is, and costs no turn.
	CSR func() ([]byte, error)
	// Spec gives the names and the life. Vault takes subject and usages from its role, and so do not count here.
	Spec certs.Spec
	// Finish: a call that has been sent is finished though ctx ends, within Config.Timeout, so that nothing that Vault has
	// signed is lost when a program stops.
	FinishAfterCancel bool
}

// Answer is what Vault issued. It is not checked: see certs.CheckResponse.
type Response struct {
	// Bundle has a Key where Vault made it.
	Bundle  certs.Bundle
	CertPEM []byte // leaf and intermediates, leaf first, without the root
	CAPEM   []byte // the root, or the topmost CA that Vault knows
	// Warnings are Vault's, cleaned like Error.Message, without those that every request of ours gives rise to.
	Warnings []string
}

// MakesKey tells whether the path is one where Vault makes the key.
func (s *Session) MakesKey() bool { return s.path.makesKey() }

// Issue gets one certificate (POST <mount>/sign/<role> or <mount>/issue/<role>). It never waits for a turn: where
// MaxInFlight, RatePerSecond or a Vault that does not answer leave none, the error is a *BusyError at once, and the caller
// comes again with the same ID when that says. A call takes Config.Timeout at most, a login included. Other errors are
// *Error, or what Request.CSR returns. A call that was given up may still have made a certificate.
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
	defer func() { s.release(held, op, unused, err) }() // whatever Request.CSR does
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

// shortestCall is how long a call may take at least.
const minCallTimeout = 500 * time.Millisecond

// timeout is how long a call may take for the successor of a certificate that ends then.
func (s *Session) timeout(ends time.Time) time.Duration {
	left := ends.Sub(s.config.Now())
	if ends.IsZero() || left <= 0 {
		return s.config.Timeout
	}
	return min(s.config.Timeout, max(left, minCallTimeout))
}

// Withdraw gives up the place of a request that will not come again, such as that of a deleted object. Without it the place
// is kept for a minute longer than needed.
func (s *Session) Withdraw(id string) { s.limiter.withdraw(id) }

func (s *Session) issue(ctx context.Context, op string, body map[string]any) (response Response, leased bool, err error) {
	var secret *api.Secret
	err = s.call(ctx, access{op: op}, func(ctx context.Context, l *login) (err error) {
		settled := l.signing()
		secret, err = l.client.Logical().WriteWithContext(ctx, s.path.call(), body)
		if answered(err) && (secret == nil || secret.LeaseID == "") {
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

// body repeats the names of the request for roles that do not take them from there.
func (s *Session) body(ctx context.Context, op string, request Request) (map[string]any, error) {
	if ctx.Err() != nil {
		return nil, classify(op, ctx.Err())
	}
	spec := request.Spec
	body := map[string]any{
		"format":               "pem",
		"exclude_cn_from_sans": true, // the names to serve are all among the SANs already
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
	// As lists, since a URI may have a comma, at which Vault splits a text.
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

// parseAuthorities reads issuing_ca and ca_chain, or certificate and ca_chain of an issuer.
func parseAuthorities(data map[string]any) ([]*x509.Certificate, error) {
	joined := text(data["issuing_ca"]) + "\n"
	for _, item := range texts(data["ca_chain"]) {
		joined += item + "\n"
	}
	return certs.ParseCertificates([]byte(joined))
}

// warnings leaves out what Vault says whenever a body repeats the names of its request, and what it says twice.
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

// texts reads a list, or what older versions give instead: one text with commas.
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
