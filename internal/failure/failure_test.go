// SPDX-License-Identifier: Apache-2.0

package failure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

const hidden = "hvs.SECRETSECRETSECRET"

func TestOf(t *testing.T) {
	api := func(status int, message string) error {
		return &apisix.APIError{Status: status, Message: message, Endpoint: "gw:9180", Method: "PUT", Path: "/ssls/x"}
	}
	secrets := schema.GroupResource{Resource: "secrets"}
	for _, c := range []struct {
		name   string
		err    error
		reason string
		says   string
	}{
		{"transient, Vault", &vault.Error{Op: "sign", Kind: vault.Transient, Message: "sealed"}, v1alpha1.ReasonIssueFailed, "vault sign: sealed"},
		{"transient, gateway 5xx", api(502, ""), v1alpha1.ReasonGatewayUnreachable, "502 Bad Gateway"},
		{"transient, gateway 429", api(429, ""), v1alpha1.ReasonGatewayUnreachable, "429"},
		{"transient, no answer", &apisix.NetworkError{Endpoint: "gw:9180", Err: errors.New("x")}, v1alpha1.ReasonGatewayUnreachable, "check that the gateway is running"},
		{"transient, Kubernetes", apierrors.NewConflict(secrets, "s", errors.New(hidden)), v1alpha1.ReasonIssueFailed, "the Kubernetes API rejected a request (Conflict)"},
		{"setup, Vault", &vault.Error{Op: "login", Kind: vault.Setup, Message: "permission denied"}, v1alpha1.ReasonIssuerNotReady, "permission denied"},
		{"setup, credentials", &issuer.CredentialsError{Field: "spec.auth", Problem: "p", Fix: "m"}, v1alpha1.ReasonIssuerNotReady, "spec.auth: p: m"},
		{"setup, answer", &certs.ResponseError{Problem: "p", Fix: "m"}, v1alpha1.ReasonInvalidResponse, "p"},
		{"setup, admin key wrong", api(401, "failed to check token"), v1alpha1.ReasonGatewayRefused, "correct the admin key"},
		{"setup, admin key missing", &apisix.KeyError{Err: errors.New("Secret a/b has nothing under key admin")}, v1alpha1.ReasonGatewayRefused, "nothing under key admin; correct --apisix-admin-key-file"},
		{"setup, address not allowed", api(403, ""), v1alpha1.ReasonGatewayRefused, "admin.allow_admin"},
		{"setup, not an Admin API", &apisix.APIError{Status: 404, NotAdminAPI: true}, v1alpha1.ReasonGatewayRefused, "check that --apisix-admin-url"},
		{"setup, a gateway that is too old", &apisix.APIError{Status: 404, NotAdminAPI: true, Outdated: true, Server: "APISIX/2.15.3", Message: "m"}, v1alpha1.ReasonGatewayRefused, "404 m: upgrade the gateway to APISIX 3.0.0 or later"},
		{"setup, Admin API v2", &apisix.APIError{Status: 200, NotAdminAPI: true, Outdated: true, Server: "APISIX/3.9.1"}, v1alpha1.ReasonGatewayRefused, "set deployment.admin.admin_api_version to v3"},
		{"setup, a viewer's key", api(401, "failed to check token: invalid method for role viewer"), v1alpha1.ReasonGatewayRefused, "this admin key is read-only, use one with the role admin"},
		{"setup, a proxy that lets nothing be written", &apisix.APIError{Status: 405, Method: "PATCH", NotAdminAPI: true}, v1alpha1.ReasonGatewayRefused, "405 Method Not Allowed; allow PUT, PATCH and DELETE requests"},
		{"transient, etcd down", api(503, "has no healthy etcd endpoint available"), v1alpha1.ReasonGatewayUnreachable, "has no healthy etcd endpoint available; check that the gateway can reach its etcd"},
		{"setup, RBAC", apierrors.NewForbidden(secrets, "s", errors.New(hidden)), v1alpha1.ReasonIssueFailed, "(Forbidden); see the controller's log"},
		{"user, Vault", &vault.Error{Op: "sign", Kind: vault.User, Message: "name not allowed"}, v1alpha1.ReasonRefused, "name not allowed"},
		{"user, spec", certs.FieldError{Field: "dnsNames[0]", Problem: "p", Fix: "m"}, v1alpha1.ReasonInvalidSpec, "spec.dnsNames[0] p: m"},
		{"user, pair", &apisix.PairError{Reason: apisix.PairExpired, Message: "the certificate has expired"}, v1alpha1.ReasonGatewayRefused, "has expired"},
		{"unknown", errors.New(hidden), v1alpha1.ReasonIssueFailed, "see the controller's log"},
		{"cancelled", context.Canceled, v1alpha1.ReasonIssueFailed, "see the controller's log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, err := range []error{c.err, fmt.Errorf("put %s: %w", hidden, c.err)} { // what wraps it may change, and is not told
				got := Of(err)
				if got.Reason != c.reason || !strings.Contains(got.Message, c.says) || strings.Contains(got.Message, hidden) {
					t.Errorf("%+v", got)
				}
			}
		})
	}
}
