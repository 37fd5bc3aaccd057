// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs"
)

// Auth is an authentication method: TokenAuth, AppRoleAuth, KubernetesAuth, ClientCertAuth or JWTAuth.
type Auth interface {
	// login returns a Secret with Auth set. client has no token.
	login(ctx context.Context, client *api.Client) (*api.Secret, error)
	validate() []certs.FieldError
}

// JWT returns a token to log in with. It is called for each login. An *Error is returned unchanged. Any other error
// counts as Transient, and its text is shown.
type JWT func(ctx context.Context) (string, error)

// TokenAuth uses an existing token. It is renewed while it is renewable, and never revoked.
type TokenAuth struct{ Token Secret }

// AppRoleAuth logs in at auth/<Path>/login. Path defaults to "approle".
type AppRoleAuth struct {
	Path     string
	RoleID   string
	SecretID Secret
}

// KubernetesAuth logs in with a service account token. MountPath defaults to "auth/kubernetes" and may start with
// "/v1/", as in cert-manager.
type KubernetesAuth struct {
	MountPath string
	Role      string
	JWT       JWT
}

// ClientCertAuth logs in with Config.ClientCert. MountPath defaults to "auth/cert". Name is the certificate role, or
// empty for any that matches.
type ClientCertAuth struct{ MountPath, Name string }

// JWTAuth logs in with a JWT or OIDC token. MountPath defaults to "auth/jwt". Role defaults to the mount's default
// role.
type JWTAuth struct {
	MountPath string
	Role      string
	JWT       JWT
}

func (a TokenAuth) validate() []certs.FieldError {
	return missing(a.Token.IsZero(), "auth.tokenSecretRef", "has no token")
}

func (a AppRoleAuth) validate() []certs.FieldError {
	return append(missing(a.RoleID == "", "auth.appRole.roleId", "is empty"),
		missing(a.SecretID.IsZero(), "auth.appRole.secretRef", "has no secret ID")...)
}

func (a KubernetesAuth) validate() []certs.FieldError {
	return append(missing(a.Role == "", "auth.kubernetes.role", "is empty"),
		missing(a.JWT == nil, "auth.kubernetes", "has neither serviceAccountRef nor secretRef")...)
}

func (a ClientCertAuth) validate() []certs.FieldError { return nil }

func (a JWTAuth) validate() []certs.FieldError {
	return missing(a.JWT == nil, "auth.jwt", "has no token")
}

func missing(is bool, field, problem string) []certs.FieldError {
	if !is {
		return nil
	}
	return []certs.FieldError{{Field: field, Problem: problem, Fix: "set it"}}
}

func (a AppRoleAuth) login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	return logIn(ctx, client, loginPath(a.Path, "approle"), map[string]any{
		"role_id": strings.TrimSpace(a.RoleID), "secret_id": a.SecretID.Reveal(),
	})
}

func (a ClientCertAuth) login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	return logIn(ctx, client, loginPath(a.MountPath, "cert"), map[string]any{"name": a.Name})
}

func (a KubernetesAuth) login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	return logInWithJWT(ctx, client, loginPath(a.MountPath, "kubernetes"), a.Role, a.JWT)
}

func (a JWTAuth) login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	return logInWithJWT(ctx, client, loginPath(a.MountPath, "jwt"), a.Role, a.JWT)
}

func logInWithJWT(ctx context.Context, client *api.Client, path, role string, jwt JWT) (*api.Secret, error) {
	token, err := jwt(ctx)
	if err != nil {
		return nil, jwtError(err)
	}
	return logIn(ctx, client, path, map[string]any{"role": role, "jwt": strings.TrimSpace(token)})
}

func jwtError(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{Op: opLogin, Kind: Transient, Message: "get the token to log in with: " + clean(err.Error()), cause: err}
}

func logIn(ctx context.Context, client *api.Client, path string, body map[string]any) (*api.Secret, error) {
	secret, err := client.Logical().WriteWithContext(ctx, path, body)
	if err == nil && (secret == nil || secret.Auth == nil || secret.Auth.ClientToken == "") {
		err = &fault{problem: "the response to the login has no token", fix: "check server and the auth mount, and that the role does not require MFA"}
	}
	return secret, err
}

// loginPath accepts "approle", "auth/approle" and "/v1/auth/approle" for the same mount.
func loginPath(mount, byDefault string) string {
	mount = strings.TrimPrefix(strings.Trim(strings.TrimSpace(mount), "/"), "v1/")
	mount = strings.TrimPrefix(mount, "auth/")
	if mount == "" {
		mount = byDefault
	}
	return "auth/" + mount + "/login"
}

// login reads the token's TTL (auth/token/lookup-self). A token without permission for that is used as one that does
// not expire.
func (a TokenAuth) login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	client.SetToken(a.Token.Reveal())
	auth := &api.SecretAuth{ClientToken: a.Token.Reveal()}
	secret, err := client.Auth().Token().LookupSelfWithContext(ctx)
	if err != nil {
		if denied(err) && !tokenRefused(err) {
			return &api.Secret{Auth: auth}, nil
		}
		return nil, err
	}
	ttl, err := secret.TokenTTL()
	if err != nil {
		return nil, err
	}
	auth.LeaseDuration = int(ttl / time.Second)
	if auth.Renewable, err = secret.TokenIsRenewable(); err != nil {
		return nil, err
	}
	return &api.Secret{Auth: auth}, nil
}

// number reads an integer from a JSON response. It is 0 if there is none.
func number(value any) int64 {
	n, _ := value.(json.Number)
	i, _ := n.Int64()
	return i
}
