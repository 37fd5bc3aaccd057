// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

// TestBadVaults: servers that are no Vault, and set-ups that cannot work, each with a reason that says what to mend. That
// no token or key is in any is for the witness to say.
func TestBadVaults(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	serve := func(start func(http.Handler) *httptest.Server, h http.HandlerFunc) string {
		server := start(h)
		server.Config.ErrorLog = nil
		t.Cleanup(server.Close)
		return server.URL
	}
	elsewhere := serve(httptest.NewServer, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	clients := certstest.NewCA(t, "clients", time.Now().Add(time.Hour))
	key, err := certs.GenerateKey(certs.KeySpec{})
	s.must(err)
	expired := clients.Sign(t, &x509.Certificate{NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}, key.Public())
	s.secret("expired", corev1.SecretTypeTLS, map[string]string{"tls.crt": string(certstest.PEM(expired)), "tls.key": string(key.PEM(""))})
	s.secret("empty", corev1.SecretTypeOpaque, map[string]string{"other": "value"})
	https := serve(httptest.NewTLSServer, func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		name, server string
		change       func(*v1alpha1.VaultIssuerSpec)
		reason       string
		texts        []string
	}{
		{"html", serve(httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>a portal</html>"))
		}), nil, v1alpha1.ReasonVaultRefused, []string{"a web page", "set server to the address of Vault's API"}},
		{"redirect", serve(httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusTemporaryRedirect)
		}), nil, v1alpha1.ReasonVaultUnavailable, []string{"redirects to an address that", "set server to Vault's address"}},
		{"huge", serve(httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"version": "` + strings.Repeat("x", 5<<20) + `"}`))
		}), nil, v1alpha1.ReasonVaultRefused, []string{"larger than 4 MiB"}},
		{"wrong-bundle", https, func(spec *v1alpha1.VaultIssuerSpec) { spec.CABundle = certstest.PEM(clients.Cert) },
			v1alpha1.ReasonVaultRefused, []string{"unknown CA", "set caBundle"}},
		{"no-pem", https, func(spec *v1alpha1.VaultIssuerSpec) { spec.CABundle = []byte("none") },
			v1alpha1.ReasonInvalidSpec, []string{"spec.caBundle", "set CA certificates in PEM"}},
		{"expired-client", https, func(spec *v1alpha1.VaultIssuerSpec) {
			spec.Auth = v1alpha1.VaultAuth{ClientCertificate: &v1alpha1.VaultClientCertificate{SecretName: "expired"}}
		}, v1alpha1.ReasonInvalidSpec, []string{"spec.clientCertSecretRef", "contains an expired certificate: renew it"}},
		{"no-key", https, func(spec *v1alpha1.VaultIssuerSpec) { spec.Auth.TokenSecretRef.Name = "empty" },
			v1alpha1.ReasonInvalidCredentials, []string{"spec.auth.tokenSecretRef", "Secret empty in namespace " + s.ns + " has nothing under key token"}},
	} {
		s.issuer(c.name, "pki/sign/web", func(spec *v1alpha1.VaultIssuerSpec) {
			if spec.Server = c.server; c.change != nil {
				c.change(spec)
			}
		})
		s.issuerCondition(c.name, metav1.ConditionFalse, c.reason, c.texts...)
		s.event("VaultIssuer", c.name, c.reason, c.texts...)
	}
}
