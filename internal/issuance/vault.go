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

// viaVault has a Vault sign.
type viaVault struct{}

// plan holds what could not be of use, and would cost a signature.
func (viaVault) plan(o Order, d certs.Decision, now time.Time) Verdict {
	if err := certs.CheckCA(o.Observation.CAs, now); err != nil {
		return Verdict{Hold: finding.New(v1alpha1.ReasonIssuerNotReady, "the issuer was not asked: %s", err)}
	}
	return shortLife(o, d, now)
}

// shortLife holds what the role, as it is known, grants less of than was asked for, while what it would grant ends before the
// certificate that is there: it would not be taken.
func shortLife(o Order, d certs.Decision, now time.Time) Verdict {
	role, leaf := o.Observation.Status.Role, d.Bundle.Leaf
	if role == nil || role.MaxTTL <= 0 || o.Spec.Duration <= role.MaxTTL || leaf == nil || !AsSpecified(d.Reason) {
		return Verdict{}
	}
	until := leaf.NotAfter.Add(-role.MaxTTL)
	if !until.After(now) {
		return Verdict{}
	}
	return Verdict{Until: until, Hold: finding.New(v1alpha1.ReasonRefused, "the issuer was not asked, for its answer would not be taken: %s: %s",
		certs.ShortLifetimeProblem(role.MaxTTL, o.Spec.Duration, leaf.NotAfter), certs.ShortLifetimeFix(role.MaxTTL))}
}

func (viaVault) ask(ctx context.Context, i *Issuers, o Order, d certs.Decision, try attempt) (*Answer, *finding.Finding, error) {
	session, err := i.Signers.Get(ctx, o.Issuer)
	if err != nil {
		return nil, nil, err
	}
	var key certs.Key
	sent := false
	answer, err := session.Issue(ctx, vault.Request{
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
		logSigned(ctx, o, d, answer.Bundle, err)
	}
	if err != nil {
		return nil, nil, err
	}
	if !answer.Bundle.Key.IsZero() {
		key = answer.Bundle.Key
	}
	return &Answer{Bundle: answer.Bundle, CertPEM: answer.CertPEM, CAPEM: answer.CAPEM, Key: key}, nil, nil
}

// logSigned is the trail of what Vault was asked to sign.
func logSigned(ctx context.Context, o Order, d certs.Decision, b certs.Bundle, err error) {
	outcome := "done"
	if err != nil {
		outcome = "failed"
	}
	ctrl.LoggerFrom(ctx).Info("vault written", "verb", "sign", "issuer", o.Certificate.Spec.IssuerRef.String(),
		"certificate", o.Certificate.Namespace+"/"+o.Certificate.Name, "serial", certs.Serial(b.Leaf), "why", d.Message, "outcome", outcome)
}
