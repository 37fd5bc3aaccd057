// SPDX-License-Identifier: Apache-2.0

// Package issuertest has the one table of what is wrong with the spec of an issuer. The rules of the CRD and the checks of
// the controller are both tested against it: an issuer of cert-manager has not passed the CRD's, nor has one that is older
// than a rule.
package issuertest

import (
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

// Row is a spec that breaks one rule.
type Row struct {
	Name string
	// Field is where the fault is, relative to the spec; Message is what both say of it.
	Field, Message string
	Break          func(*v1alpha1.VaultIssuerSpec)
}

const (
	notURL    = `is not an http or https URL: write it as in "https://vault.example:8200"`
	extras    = "has a user, query or fragment: leave only scheme, host, port and path"
	notRole   = `is not that of a PKI role: write it as in "pki/sign/ROLE" or "pki/issue/ROLE"`
	plainHTTP = "is of no use with an http server: write https:// in server, or drop caBundle"
	oneToken  = "needs exactly one source of the token: set secretRef or serviceAccountRef"
	ways      = "tokenSecretRef, appRole, kubernetes, clientCertificate and jwt"
)

var (
	ref     = &v1alpha1.SecretKeySelector{Name: "x"}
	account = &v1alpha1.ServiceAccountReference{Name: "x"}
)

// Good is a spec that breaks no rule.
func Good() v1alpha1.VaultIssuerSpec {
	return v1alpha1.VaultIssuerSpec{Server: "https://vault", Path: "pki/sign/web", Auth: v1alpha1.VaultAuth{TokenSecretRef: ref}}
}

// GoodServers and GoodPaths break no rule either.
var (
	GoodServers = []string{"https://vault.example:8200", "https://proxy.example/vault/", "http://127.0.0.1:8200", "https://[::1]:8200"}
	GoodPaths   = []string{"pki/sign/web", "/v1/team/pki/issuer/new/sign/web", "pki/issue/web", "pki/sign-verbatim", "pki/sign-verbatim/web", "team/pki/issuer/a/sign-verbatim"}
)

func server(value string) func(*v1alpha1.VaultIssuerSpec) {
	return func(s *v1alpha1.VaultIssuerSpec) { s.Server = value }
}

func path(value string) func(*v1alpha1.VaultIssuerSpec) {
	return func(s *v1alpha1.VaultIssuerSpec) { s.Path = value }
}

func auth(value v1alpha1.VaultAuth) func(*v1alpha1.VaultIssuerSpec) {
	return func(s *v1alpha1.VaultIssuerSpec) { s.Auth = value }
}

// Rows are the table.
func Rows(t testing.TB) []Row {
	bundle := certstest.PEM(certstest.NewCA(t, "ca", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)).Cert)
	return []Row{
		{"no-scheme", "server", notURL, server("vault:8200")},
		{"other-scheme", "server", notURL, server("ftp://vault")},
		{"no-host", "server", notURL, server("https://")},
		{"password-in-server", "server", extras, server("https://a:s3cr3t@vault")},
		{"query-in-server", "server", extras, server("https://vault/?a=b")},
		{"fragment-in-server", "server", extras, server("https://vault/#a")},
		{"v1-in-server", "server", "ends in /v1: leave /v1 out", server("https://vault/v1/")},
		{"path-of-no-role", "path", notRole, path("pki/roles/web")},
		{"path-cut-short", "path", notRole, path("sign/web")},
		{"path-without-mount", "path", notRole, path("sign-verbatim")},
		{"http-with-bundle", "caBundle", plainHTTP, func(s *v1alpha1.VaultIssuerSpec) { s.Server, s.CABundle = "http://vault", bundle }},
		{"two-bundles", "caBundle", "and caBundleSecretRef are mutually exclusive: set only one", func(s *v1alpha1.VaultIssuerSpec) { s.CABundle, s.CABundleSecretRef = bundle, ref }},
		{"certificate-without-key", "clientCertSecretRef", "and clientKeySecretRef are only valid together: set both or neither",
			func(s *v1alpha1.VaultIssuerSpec) { s.ClientCertSecretRef = ref }},
		{"key-without-certificate", "clientCertSecretRef", "and clientKeySecretRef are only valid together: set both or neither",
			func(s *v1alpha1.VaultIssuerSpec) { s.ClientKeySecretRef = ref }},
		{"no-auth", "auth", "has no auth method: set one of " + ways, auth(v1alpha1.VaultAuth{})},
		{"two-auths", "auth", "has more than one auth method: set only one of " + ways,
			func(s *v1alpha1.VaultIssuerSpec) { s.Auth.JWT = &v1alpha1.VaultJWT{SecretRef: ref} }},
		{"kubernetes-without-token", "auth.kubernetes", oneToken, auth(v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{Role: "r"}})},
		{"kubernetes-with-two", "auth.kubernetes", oneToken, auth(v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{Role: "r", SecretRef: ref, ServiceAccountRef: account}})},
		{"jwt-without-token", "auth.jwt", oneToken, auth(v1alpha1.VaultAuth{JWT: &v1alpha1.VaultJWT{}})},
		{"jwt-with-two", "auth.jwt", oneToken, auth(v1alpha1.VaultAuth{JWT: &v1alpha1.VaultJWT{SecretRef: ref, ServiceAccountRef: account}})},
	}
}
