// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"strings"
	"time"

	"apisix-certs.io/apisix-certs/certs"
)

const (
	defaultMaxInFlight = 4
	defaultTimeout     = 10 * time.Second
	defaultUserAgent   = "apisix-certs"
)

// Config specifies the Vault server, the role and the authentication. Fields are named as in issuer.spec.vault of
// cert-manager.
type Config struct {
	Server     string // "https://vault.example:8200"; a path before /v1 is allowed
	ServerName string // for TLS, if it differs from Server's host
	Namespace  string // Vault Enterprise namespace; empty for none
	// Path is "<mount>/sign/<role>", where Vault signs a CSR, or "<mount>/issue/<role>", where Vault generates the
	// key. The mount may have several segments and may be followed by "/issuer/<ref>". "sign-verbatim" is also
	// supported.
	Path       string
	CABundle   []byte // PEM, to verify Server; empty for the system's CAs
	ClientCert []byte // PEM, for TLS; needed for ClientCertAuth
	ClientKey  Secret // PEM
	Auth       Auth

	// MaxInFlight is the maximum number of concurrent calls. Zero is 4. Checks do not count.
	MaxInFlight   int
	RatePerSecond float64       // requests to sign per second; 0 is unlimited
	Timeout       time.Duration // for one call, including a login; 0 is 10 s
	UserAgent     string        // defaults to "apisix-certs"

	// Now returns the current time. It must be set.
	Now func() time.Time
	// Observe is called after every call to Vault. op is Error.Op, status the HTTP status or 0 without a response,
	// and err nil or an *Error. It may be nil, and must be safe for concurrent use.
	Observe func(op string, status int, d time.Duration, err error)
	// OnThrottle is called once for every request to sign that has to wait because of limits. It may be nil, and must
	// not call the Session.
	OnThrottle func()
}

func (c Config) withDefaults() Config {
	if c.MaxInFlight == 0 {
		c.MaxInFlight = defaultMaxInFlight
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.UserAgent == "" {
		c.UserAgent = defaultUserAgent
	}
	if c.Observe == nil {
		c.Observe = func(string, int, time.Duration, error) {}
	}
	if c.OnThrottle == nil {
		c.OnThrottle = func() {}
	}
	return c
}

// Validate returns an error for every invalid field, or nil. Fields are JSON paths relative to spec.vault.
func (c Config) Validate() []certs.FieldError {
	found := c.validateServer()
	if _, err := parsePath(c.Path); err != nil {
		found = append(found, *err)
	}
	found = append(found, c.validateTLS()...)
	found = append(found, c.validateAuth()...)
	if c.MaxInFlight < 0 || c.RatePerSecond < 0 || c.Timeout < 0 {
		found = append(found, certs.FieldError{Field: "limits", Problem: "has a negative number", Fix: "use 0 or more"})
	}
	if c.Now == nil {
		found = append(found, certs.FieldError{Field: "now", Problem: "is not set", Fix: "set Config.Now"})
	}
	return found
}

func (c Config) validateServer() []certs.FieldError {
	u, err := url.Parse(c.Server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return []certs.FieldError{{Field: "server", Problem: "is not an http or https URL",
			Fix: `write it as in "https://vault.example:8200"`}}
	}
	// The value is omitted because it may contain a password.
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return []certs.FieldError{{Field: "server", Problem: "has a user, query or fragment",
			Fix: "leave only scheme, host, port and path"}}
	}
	if strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/v1") {
		return []certs.FieldError{{Field: "server", Value: c.Server, Problem: "ends in /v1", Fix: "leave /v1 out"}}
	}
	return nil
}

func (c Config) validateTLS() []certs.FieldError {
	var found []certs.FieldError
	encrypted := !strings.HasPrefix(c.Server, "http://")
	if len(c.CABundle) > 0 {
		if !encrypted {
			found = append(found, certs.FieldError{Field: "caBundle", Problem: "is of no use with an http server",
				Fix: "write https:// in server, or drop caBundle"})
		}
		if list, err := certs.ParseCertificates(c.CABundle); err != nil || len(list) == 0 {
			found = append(found, certs.FieldError{Field: "caBundle", Problem: "contains no certificate that can be parsed",
				Fix: "set CA certificates in PEM"})
		}
	}
	if len(c.ClientCert) == 0 && c.ClientKey.IsZero() {
		return found
	}
	pair, err := c.clientCertificate()
	switch {
	case err != nil:
		found = append(found, certs.FieldError{Field: "clientCertSecretRef", Problem: "is not a certificate with its private key",
			Fix: "set both in PEM, with the private key of that certificate"})
	case c.Now != nil && pair.Leaf != nil && c.Now().After(pair.Leaf.NotAfter):
		found = append(found, certs.FieldError{Field: "clientCertSecretRef", Problem: "contains an expired certificate",
			Fix: "renew it"})
	}
	if !encrypted {
		found = append(found, certs.FieldError{Field: "clientCertSecretRef", Problem: "is of no use with an http server",
			Fix: "write https:// in server"})
	}
	return found
}

func (c Config) validateAuth() []certs.FieldError {
	if c.Auth == nil {
		return []certs.FieldError{{Field: "auth", Problem: "has no auth method",
			Fix: "set one of tokenSecretRef, appRole, kubernetes, clientCertificate and jwt"}}
	}
	found := c.Auth.validate()
	if _, ok := c.Auth.(ClientCertAuth); ok && len(c.ClientCert) == 0 {
		found = append(found, certs.FieldError{Field: "auth.clientCertificate", Problem: "has no certificate",
			Fix: "set it to a Secret of type kubernetes.io/tls"})
	}
	return found
}

func (c Config) clientCertificate() (tls.Certificate, error) {
	return tls.X509KeyPair(c.ClientCert, []byte(c.ClientKey.Reveal()))
}

// tlsConfig requires a Config that Validate accepts.
func (c Config) tlsConfig() *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if len(c.CABundle) > 0 {
		t.RootCAs = x509.NewCertPool()
		t.RootCAs.AppendCertsFromPEM(c.CABundle)
	}
	if pair, err := c.clientCertificate(); err == nil {
		// Otherwise crypto/tls omits the pair if Vault's list of client CAs does not contain its issuer.
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return t
}
