// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

func TestConfigValidate(t *testing.T) {
	ca := certstest.PEM(certstest.NewCA(t, "root", now).Cert)
	_, key := newRequest(t, spec)
	expired := certstest.PEM(certstest.NewCA(t, "clients", now).Sign(t, &x509.Certificate{NotAfter: now.Add(-time.Second)}, key.Public()))
	jwt := func(context.Context) (string, error) { return "", nil }
	for _, row := range []struct {
		name   string
		change func(*Config)
		fields []string
	}{
		{"right", func(*Config) {}, nil},
		{"with a path before /v1", func(c *Config) { c.Server = "https://proxy.example/vault/" }, nil},
		{"no server", func(c *Config) { c.Server = "" }, []string{"server"}},
		{"no scheme", func(c *Config) { c.Server = "vault:8200" }, []string{"server"}},
		{"other scheme", func(c *Config) { c.Server = "ftp://vault" }, []string{"server"}},
		{"password in server", func(c *Config) { c.Server = "https://a:s3cr3t@vault" }, []string{"server"}},
		{"v1 in server", func(c *Config) { c.Server = "https://vault/v1/" }, []string{"server"}},
		{"no path", func(c *Config) { c.Path = "" }, []string{"path"}},
		{"CA of http", func(c *Config) { c.Server, c.CABundle = "http://vault", ca }, []string{"caBundle"}},
		{"CA that is none", func(c *Config) { c.CABundle = []byte("s3cr3t") }, []string{"caBundle"}},
		{"CA damaged", func(c *Config) { c.CABundle = ca[:200] }, []string{"caBundle"}},
		{"client certificate without key", func(c *Config) { c.ClientCert = ca }, []string{"clientCertSecretRef"}},
		{"client key of another", func(c *Config) { c.ClientCert, c.ClientKey = ca, NewSecret(string(key.PEM(""))) }, []string{"clientCertSecretRef"}},
		{"client certificate expired", func(c *Config) { c.ClientCert, c.ClientKey = expired, NewSecret(string(key.PEM(""))) }, []string{"clientCertSecretRef"}},
		{"no auth", func(c *Config) { c.Auth = nil }, []string{"auth"}},
		{"no token", func(c *Config) { c.Auth = TokenAuth{Token: NewSecret(" \n")} }, []string{"auth.tokenSecretRef"}},
		{"no ids", func(c *Config) { c.Auth = AppRoleAuth{} }, []string{"auth.appRole.roleId", "auth.appRole.secretRef"}},
		{"no role", func(c *Config) { c.Auth = KubernetesAuth{JWT: jwt} }, []string{"auth.kubernetes.role"}},
		{"no token of an account", func(c *Config) { c.Auth = KubernetesAuth{Role: "r"} }, []string{"auth.kubernetes"}},
		{"no JWT", func(c *Config) { c.Auth = JWTAuth{} }, []string{"auth.jwt"}},
		{"no certificate", func(c *Config) { c.Auth = ClientCertAuth{} }, []string{"auth.clientCertificate"}},
		{"negative", func(c *Config) { c.RatePerSecond = -1 }, []string{"limits"}},
		{"no clock", func(c *Config) { c.Now = nil }, []string{"now"}},
		{"several", func(c *Config) { c.Server, c.Path = "", "" }, []string{"server", "path"}},
	} {
		c := Config{Server: "https://vault:8200", Path: "pki/sign/web", Now: func() time.Time { return now },
			Auth: AppRoleAuth{RoleID: "r", SecretID: NewSecret("s")}}
		row.change(&c)
		var fields []string
		for _, e := range c.Validate() {
			fields = append(fields, e.Field)
			if e.Fix == "" || strings.Contains(e.Error(), "s3cr3t") {
				t.Errorf("%s: %v", row.name, e)
			}
		}
		if diff := cmp.Diff(row.fields, fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
		_, err := Open(c)
		var bad certs.FieldError
		if (err != nil) != (fields != nil) || err != nil && !errors.As(err, &bad) {
			t.Errorf("%s: Open: %v", row.name, err)
		}
	}
}

func TestParsePath(t *testing.T) {
	for _, row := range []struct {
		path string
		want rolePath
		call string
	}{
		{"pki/sign/web", rolePath{"pki", "", "sign", "web"}, "pki/sign/web"},
		{"/v1/pki/sign/web/", rolePath{"pki", "", "sign", "web"}, "pki/sign/web"},
		{"team/a/pki/issue/web", rolePath{"team/a/pki", "", "issue", "web"}, "team/a/pki/issue/web"},
		{"pki/sign-verbatim/web", rolePath{"pki", "", "sign-verbatim", "web"}, "pki/sign-verbatim/web"},
		{"pki/issuer/new/sign/web", rolePath{"pki", "new", "sign", "web"}, "pki/issuer/new/sign/web"},
		{"sign/sign/sign", rolePath{"sign", "", "sign", "sign"}, "sign/sign/sign"},
	} {
		got, err := parsePath(row.path)
		if err != nil || got != row.want || got.call() != row.call {
			t.Errorf("%s: %+v, %s, %v", row.path, got, got.call(), err)
		}
	}
	for _, path := range []string{"", "pki", "pki/sign", "pki/sign/", "sign/web", "pki/role/web", "pki//sign/web", "pki/../sign/web", "pki/sign/we b", "pki/sign/web?x", "pki/sign/w%65b"} {
		if got, err := parsePath(path); err == nil || !strings.Contains(fmt.Sprint(err), path) {
			t.Errorf("%q is taken for %+v, %v", path, got, err)
		}
	}
}
