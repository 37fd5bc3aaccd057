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

// viaCertManager issues through cert-manager's CertificateRequests.
type viaCertManager struct{ underway underway }

func (v viaCertManager) plan(o Request, _ certs.Decision, now time.Time) Verdict {
	if v.underway.blocked != nil {
		return Verdict{Blocked: v.underway.blocked}
	}
	stage, says := v.underway.stage(o, now)
	switch stage {
	case stageWaiting:
		return Verdict{Pending: says}
	case stageRefused:
		verdict := Verdict{Blocked: says}
		if at := o.renewAt(); at.After(now) {
			verdict.Until = at
		}
		return verdict
	case stageReady, stageFailed:
		return Verdict{Uncounted: true}
	}
	return Verdict{}
}

// issue runs the next step: it creates the request, or reads the certificate from it. A finished request is deleted with its
// key, and the next attempt creates new ones.
func (v viaCertManager) issue(ctx context.Context, i *Issuers, o Request, d certs.Decision, try attempt) (*Response, *finding.Finding, error) {
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
		response, err := v.response(i.Clock.Now())
		return response, nil, err
	case stageFailed:
		if err := v.underway.drop(ctx, i.Client, o.Certificate); err != nil {
			return nil, nil, err
		}
		return nil, nil, says
	}
	if err := v.request(ctx, i, o, d, try); err != nil {
		return nil, nil, err
	}
	return nil, finding.New(v1alpha1.ReasonIssuing, "waiting for the CertificateRequest to be approved"), nil
}

// request creates the Secret with the key and then the CertificateRequest that refers to it. An existing key for the same
// request is reused.
func (v viaCertManager) request(ctx context.Context, i *Issuers, o Request, d certs.Decision, try attempt) error {
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
			"the cluster has no CertificateRequest CRD, which %s requires; install cert-manager, or correct spec.issuerRef", o.Certificate.Spec.IssuerRef)
	}
	if client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("create CertificateRequest: %w", err)
	}
	return nil
}

// keyOf returns the key of an existing Secret, or a new one.
func keyOf(made *requestKey, o Request, d certs.Decision) (certs.Key, error) {
	if made != nil {
		return made.key, nil
	}
	return nextKey(o, d.Bundle)
}

// response returns the certificate in the status of the CertificateRequest.
func (v viaCertManager) response(now time.Time) (*Response, error) {
	chain, err := certs.ParseCertificates(append(statusBytes(v.underway.request, "certificate"), statusBytes(v.underway.request, "ca")...))
	if err != nil || len(chain) == 0 {
		return nil, &certs.ResponseError{Problem: "it contains no certificate that can be parsed", Fix: "check the cert-manager issuer"}
	}
	bundle := certs.Assemble(chain[0], chain[1:], now)
	return &Response{Bundle: bundle, CertPEM: bundle.CertPEM(), CAPEM: bundle.CAPEM(), Key: v.underway.key.key}, nil
}

// statusBytes decodes a PEM field of the request's status.
func statusBytes(request *unstructured.Unstructured, field string) []byte {
	text, _, _ := unstructured.NestedString(request.Object, "status", field)
	data, _ := base64.StdEncoding.DecodeString(text)
	return append(data, '\n')
}
