// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"errors"
	"fmt"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// viaVault issues from Vault.
type viaVault struct{}

// plan blocks requests that cannot give a usable certificate but would cost a signature.
func (viaVault) plan(o Request, d certs.Decision, now time.Time) Verdict {
	if err := certs.CheckCA(o.Observation.CAs, now); err != nil {
		return Verdict{Blocked: finding.New(v1alpha1.ReasonIssuerNotReady, "issuance skipped: %s", err)}
	}
	return checkLifetime(o, d, now)
}

// checkLifetime blocks a renewal while the role's max_ttl would give a shorter certificate than requested that expires
// before the current one: it would be rejected.
func checkLifetime(o Request, d certs.Decision, now time.Time) Verdict {
	role, leaf := o.Observation.Status.Role, d.Bundle.Leaf
	if role == nil || role.MaxTTL <= 0 || o.Spec.Duration <= role.MaxTTL || leaf == nil || !MatchesSpec(d.Reason) {
		return Verdict{}
	}
	until := leaf.NotAfter.Add(-role.MaxTTL)
	if !until.After(now) {
		return Verdict{}
	}
	return Verdict{Until: until, Blocked: finding.New(v1alpha1.ReasonRefused, "renewal skipped: the role's max_ttl would give a certificate that expires before the current one: %s: %s",
		certs.ShortLifetimeProblem(role.MaxTTL, o.Spec.Duration, leaf.NotAfter), certs.ShortLifetimeFix(role.MaxTTL))}
}

func (viaVault) issue(ctx context.Context, i *Issuers, o Request, d certs.Decision, try attempt) (*Response, *finding.Finding, error) {
	session, err := i.Signers.Get(ctx, o.Issuer)
	if err != nil {
		return nil, nil, err
	}
	var key certs.Key
	sent := false
	response, err := session.Issue(ctx, vault.Request{
		ID: string(o.Certificate.UID), Group: o.Certificate.Namespace, Spec: o.Spec, FinishAfterCancel: true, CurrentExpiry: d.NotAfter,
		CSR: func() (csr []byte, err error) {
			if session.MakesKey() {
				err = try(ctx, []byte("dry run"))
				sent = err == nil
				return nil, err
			}
			if key, err = nextKey(o, d.Bundle); err != nil {
				return nil, err
			}
			if csr, err = certs.CreateRequest(o.Spec, key); err != nil {
				return nil, fmt.Errorf("certificate request: %w", err)
			}
			err = try(ctx, csr)
			sent = err == nil
			return csr, err
		},
	})
	if busy := (*vault.BusyError)(nil); sent && !errors.As(err, &busy) {
		i.spend(o, d.Reason)
		logSigned(ctx, o, d, response.Bundle, err)
	}
	if err != nil {
		return nil, nil, err
	}
	if !response.Bundle.Key.IsZero() {
		key = response.Bundle.Key
	}
	return &Response{Bundle: response.Bundle, CertPEM: response.CertPEM, CAPEM: response.CAPEM, Key: key}, nil, nil
}

// logSigned logs each signature requested from Vault.
func logSigned(ctx context.Context, o Request, d certs.Decision, b certs.Bundle, err error) {
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	ctrl.LoggerFrom(ctx).Info("vault written", "verb", "sign", "issuer", o.Certificate.Spec.IssuerRef.String(),
		"certificate", o.Certificate.Namespace+"/"+o.Certificate.Name, "serial", certs.Serial(b.Leaf), "why", d.Message, "outcome", outcome)
}
