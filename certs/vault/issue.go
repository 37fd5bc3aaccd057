// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs"
)

// Request is a certificate to ask for.
type Request struct {
	// CSRPEM is signed where the path is one to sign at; elsewhere Vault makes the key and CSRPEM is not sent.
	CSRPEM []byte
	// Spec gives the names and the life. Vault takes subject and usages from its role, and so do not count here.
	Spec certs.Spec
	// Finish: a call that has been sent is finished though ctx ends, within Config.Timeout, so that nothing that Vault has
	// signed is lost when a program stops. What waits for its turn is given up.
	Finish bool
	// Ends is when the certificate ends that the new one is to replace; zero for none. Of requests that a limit holds back
	// those for none are sent first, then those whose certificate ends first.
	Ends time.Time
}

// Answer is what Vault issued. It is not checked: see certs.CheckAnswer.
type Answer struct {
	// Bundle has a Key where Vault made it.
	Bundle  certs.Bundle
	CertPEM []byte // leaf and intermediates, leaf first, without the root
	CAPEM   []byte // the root, or the topmost CA that Vault knows
	// Warnings are Vault's, cleaned like Error.Message, without those that every request of ours gives rise to.
	Warnings []string
}

// MakesKey tells whether the path is one where Vault makes the key.
func (s *Session) MakesKey() bool { return s.path.makesKey() }

// Issue gets one certificate (POST <mount>/sign/<role> or <mount>/issue/<role>). It waits for its turn under MaxInFlight
// and RatePerSecond as long as ctx allows, the urgent first. Errors are *Error. A call that was given up may still have made a certificate.
func (s *Session) Issue(ctx context.Context, request Request) (Answer, error) {
	op := opSign
	if s.path.makesKey() {
		op = opIssue
	}
	if err := s.turn(ctx, request.Ends); err != nil {
		return Answer{}, &Error{Op: op, Kind: Transient, Message: "the issuer's limits left no turn in time", cause: err}
	}
	defer s.inFlight.Release(1)
	if request.Finish {
		ctx = context.WithoutCancel(ctx)
	}
	var secret *api.Secret
	err := s.call(ctx, op, func(ctx context.Context, client *api.Client) (err error) {
		secret, err = client.Logical().WriteWithContext(ctx, s.path.call(), s.body(request))
		return err
	})
	if err != nil {
		return Answer{}, err
	}
	answer, err := parseAnswer(secret, s.config.Now())
	if err != nil {
		return Answer{}, classify(op, err)
	}
	s.rememberCA(answer.Bundle)
	return answer, nil
}

// turn waits until the limits let a request pass. While they hold back none, nobody stands in line.
func (s *Session) turn(ctx context.Context, ends time.Time) error {
	if s.line.idle() && s.inFlight.TryAcquire(1) {
		if ctx.Err() == nil && s.pace.Allow() {
			return nil
		}
		s.inFlight.Release(1)
	}
	s.config.Waited()
	if err := s.line.enter(ctx, ends); err != nil {
		return err
	}
	defer s.line.leave()
	if err := s.inFlight.Acquire(ctx, 1); err != nil {
		return err
	}
	if err := s.pace.Wait(ctx); err != nil {
		s.inFlight.Release(1)
		// The limiter has an error of its own for a deadline that is too near.
		return context.DeadlineExceeded
	}
	return nil
}

// body repeats the names of the request for roles that do not take them from there.
func (s *Session) body(request Request) map[string]any {
	spec := request.Spec
	body := map[string]any{
		"format":               "pem",
		"exclude_cn_from_sans": true, // the names to serve are all among the SANs already
	}
	if !s.path.makesKey() {
		body["csr"] = string(request.CSRPEM)
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
	if spec.Duration > 0 {
		body["ttl"] = fmt.Sprintf("%ds", int64(spec.Duration.Seconds()))
	}
	return body
}

func parseAnswer(secret *api.Secret, now time.Time) (Answer, error) {
	unusable := func(what string) (Answer, error) {
		return Answer{}, &fault{what, "check that the path is that of a PKI role"}
	}
	if secret == nil || secret.Data == nil {
		return unusable("the answer is empty")
	}
	chain, err := certs.ParseCertificates([]byte(text(secret.Data["certificate"])))
	if err != nil || len(chain) == 0 {
		return unusable("the answer holds no certificate that can be parsed")
	}
	authorities, err := parseAuthorities(secret.Data)
	if err != nil {
		return unusable("the answer holds a CA that cannot be parsed")
	}
	bundle := certs.Assemble(chain[0], append(chain[1:], authorities...), now)
	if key := text(secret.Data["private_key"]); key != "" {
		if bundle.Key, err = certs.ParseKey([]byte(key)); err != nil {
			return unusable("the answer holds a private key that cannot be used")
		}
	}
	return Answer{
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

func (s *Session) rememberCA(b certs.Bundle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastCA = b.Above()
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
