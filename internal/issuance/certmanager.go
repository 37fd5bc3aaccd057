// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// viaCertManager has cert-manager's issuers sign.
type viaCertManager struct{ underway underway }

func (v viaCertManager) plan(o Order, _ certs.Decision, now time.Time) Verdict {
	if v.underway.blocked != nil {
		return Verdict{Hold: v.underway.blocked}
	}
	stage, says := v.underway.stage(o, now)
	switch stage {
	case stageWaiting:
		return Verdict{Pending: says}
	case stageRefused:
		verdict := Verdict{Hold: says}
		if at := o.renewAt(); at.After(now) {
			verdict.Until = at
		}
		return verdict
	case stageReady, stageFailed:
		return Verdict{Uncounted: true}
	}
	return Verdict{}
}

// ask takes the next step: it makes the request, or takes its answer. A request that is over is deleted with its key, and
// the next attempt makes new ones.
func (v viaCertManager) ask(ctx context.Context, i *Issuers, o Order, d certs.Decision, try attempt) (*Answer, *finding.Finding, error) {
	if v.underway.blocked != nil {
		return nil, nil, v.underway.blocked
	}
	stage, says := v.underway.stage(o, i.Clock.Now())
	switch stage {
	case stageWaiting:
		return nil, says, nil
	case stageRefused:
		return nil, nil, says
	case stageReady:
		answer, err := v.answer(i.Clock.Now())
		return answer, nil, err
	case stageFailed:
		if err := v.underway.drop(ctx, i.Client, o.Certificate); err != nil {
			return nil, nil, err
		}
		return nil, nil, says
	}
	if err := v.request(ctx, i, o, d, try); err != nil {
		return nil, nil, err
	}
	return nil, finding.New(v1alpha1.ReasonIssuing, "the CertificateRequest waits to be approved"), nil
}

// request makes the key's Secret and then the request, which refers to it. A key that is there already for the same is used.
func (v viaCertManager) request(ctx context.Context, i *Issuers, o Order, d certs.Decision, try attempt) error {
	made := v.underway.key
	if made != nil && (v.underway.request != nil || made.digest != o.digest() || made.key.IsZero()) {
		if err := v.underway.drop(ctx, i.Client, o.Certificate); err != nil {
			return err
		}
		made = nil
	}
	key, err := keyOf(made, o, d)
	if err != nil {
		return err
	}
	csr, err := certs.CreateExactRequest(o.Spec, key)
	if err != nil {
		return fmt.Errorf("certificate request: %w", err)
	}
	if err := try(ctx, csr); err != nil {
		return err
	}
	if made == nil {
		secret := keySecret(o, key)
		if err := i.Client.Create(ctx, secret, tlssecret.FieldOwner); err != nil {
			return fmt.Errorf("create Secret %s: %w", secret.Name, err)
		}
		made = requestKeyOf(secret)
	}
	i.spend(o, d.Reason)
	err = i.Client.Create(ctx, certificateRequest(o, made, csr), tlssecret.FieldOwner)
	if meta.IsNoMatchError(err) {
		return finding.New(v1alpha1.ReasonIssueFailed,
			"the cluster has no CertificateRequests of cert-manager, by which %s is asked: install cert-manager, or correct spec.issuerRef", o.Certificate.Spec.IssuerRef)
	}
	if client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("create CertificateRequest: %w", err)
	}
	return nil
}

// keyOf is the key to ask with: the one that was made for that, or a new one.
func keyOf(made *requestKey, o Order, d certs.Decision) (certs.Key, error) {
	if made != nil {
		return made.key, nil
	}
	return nextKey(o, d.Bundle)
}

// answer is what the request has in its status.
func (v viaCertManager) answer(now time.Time) (*Answer, error) {
	chain, err := certs.ParseCertificates(append(statusBytes(v.underway.request, "certificate"), statusBytes(v.underway.request, "ca")...))
	if err != nil || len(chain) == 0 {
		return nil, &certs.ResponseError{Problem: "it holds no certificate that can be parsed", Fix: "check the issuer of cert-manager"}
	}
	bundle := certs.Assemble(chain[0], chain[1:], now)
	return &Answer{Bundle: bundle, CertPEM: bundle.CertPEM(), CAPEM: bundle.CAPEM(), Key: v.underway.key.key}, nil
}

// statusBytes reads PEM of a request's status.
func statusBytes(request *unstructured.Unstructured, field string) []byte {
	text, _, _ := unstructured.NestedString(request.Object, "status", field)
	data, _ := base64.StdEncoding.DecodeString(text)
	return append(data, '\n')
}
