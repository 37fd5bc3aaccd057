// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// tokenSeconds is the lifetime of a ServiceAccount token for one login, in seconds: the shortest that the API server allows.
const tokenSeconds = 600

// credentials reads the objects that an issuer's spec refers to.
type credentials struct {
	client    client.Client
	live      client.Reader
	namespace string
	// elsewhere is the fix for an object that may exist in the namespace of another program instead. It may be empty.
	elsewhere string
	// versions change when what was read changes. They do not contain it.
	versions []string
}

// absent returns the error for an object that does not exist.
func (c *credentials) absent(field, kind, name string) *CredentialsError {
	fix := "create it, or correct the name"
	if c.elsewhere != "" {
		fix = fmt.Sprintf(c.elsewhere, kind, name)
	}
	return &CredentialsError{field, fmt.Sprintf("%s %s does not exist in namespace %s", kind, name, c.namespace), fix}
}

// key reads one key of a Secret. field is the field of the issuer that refers to it.
func (c *credentials) key(ctx context.Context, field string, ref *v1alpha1.SecretKeySelector, defaultKey string) (string, error) {
	if ref == nil {
		return "", nil
	}
	key := ref.Key
	if key == "" {
		key = defaultKey
	}
	secret := &corev1.Secret{}
	err := c.live.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: ref.Name}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return "", c.absent(field, "Secret", ref.Name)
	case err != nil:
		return "", fmt.Errorf("read Secret %s: %w", ref.Name, err)
	}
	value := strings.TrimSpace(string(secret.Data[key]))
	if value == "" {
		return "", &CredentialsError{field, fmt.Sprintf("Secret %s in namespace %s has nothing under key %s", ref.Name, c.namespace, key), "put it there, or correct the key"}
	}
	c.versions = append(c.versions, versionOf(ref.Name, key, value))
	return value, nil
}

// versionOf returns a version that changes only with the value, so that adding a label to a Secret does not invalidate a login.
// It is keyed with a random key per process, so that values cannot be guessed from it.
func versionOf(name, key, value string) string {
	mac := hmac.New(sha256.New, versionKey())
	_, _ = fmt.Fprintf(mac, "%s\x00%s\x00%s", name, key, value)
	return hex.EncodeToString(mac.Sum(nil))
}

var versionKey = sync.OnceValue(func() []byte {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return key
})

// serviceAccountToken returns a function that requests a new token of a ServiceAccount at each call.
func (c *credentials) serviceAccountToken(field string, ref v1alpha1.ServiceAccountReference, audience string) vault.JWT {
	namespace := c.namespace
	return func(ctx context.Context) (string, error) {
		account := &corev1.ServiceAccount{}
		account.Namespace, account.Name = namespace, ref.Name
		request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
			Audiences: append([]string{audience}, ref.Audiences...), ExpirationSeconds: ptr.To[int64](tokenSeconds),
		}}
		err := c.client.SubResource("token").Create(ctx, account, request)
		switch {
		case apierrors.IsNotFound(err):
			return "", c.absent(field, "ServiceAccount", ref.Name)
		case apierrors.IsForbidden(err):
			return "", &CredentialsError{field, fmt.Sprintf("the controller is not allowed to request tokens of ServiceAccount %s in namespace %s", ref.Name, namespace),
				"allow it to create serviceaccounts/token there with a Role"}
		case err != nil:
			return "", fmt.Errorf("token of ServiceAccount %s: %w", ref.Name, err)
		}
		return request.Status.Token, nil
	}
}

// config reads the credentials of an issuer. It returns the configuration of a session, and the versions of what was read.
func (s *Sessions) config(ctx context.Context, issuer v1alpha1.Issuer) (vault.Config, []string, error) {
	spec := issuer.IssuerSpec()
	if problems := Problems(spec); len(problems) > 0 {
		return vault.Config{}, nil, problems[0]
	}
	c := &credentials{client: s.Client, live: s.Live}
	c.namespace, c.elsewhere = s.home(issuer)
	audience := audienceOf(issuer)
	if err := s.Bounds.problem(issuer.GetNamespace(), spec, audience); err != nil {
		return vault.Config{}, nil, err
	}
	config := vault.Config{
		Server: spec.Server, ServerName: spec.ServerName, Namespace: spec.Namespace, Path: spec.Path,
		CABundle: spec.CABundle, UserAgent: s.UserAgent, Now: s.Clock.Now, Observe: s.Observe, OnThrottle: s.Waited,
	}
	config.MaxInFlight = s.MaxInFlight
	if limits := spec.Limits; limits != nil {
		config.RatePerSecond = float64(limits.PerSecond)
		if most := int(limits.MaxInFlight); most > 0 && (config.MaxInFlight == 0 || most < config.MaxInFlight) {
			config.MaxInFlight = most
		}
	}
	if err := c.tls(ctx, spec, &config); err != nil {
		return config, nil, err
	}
	auth, err := c.auth(ctx, spec.Auth, audience)
	config.Auth = auth
	return config, c.versions, err
}

// home returns the namespace of an issuer's Secrets and ServiceAccounts. For cluster-scoped cert-manager issuers it also returns
// the fix if they are not there.
func (s *Sessions) home(issuer v1alpha1.Issuer) (namespace, elsewhere string) {
	_, theirs := issuer.(*CertManagerIssuer)
	switch {
	case issuer.GetNamespace() != "":
		return issuer.GetNamespace(), ""
	case !theirs:
		return s.ClusterResourceNamespace, ""
	case s.CertManagerNamespace != "":
		return s.CertManagerNamespace, ""
	}
	return s.ClusterResourceNamespace, "cert-manager reads credentials of ClusterIssuers from its own namespace: copy %s %s from there, or set --cert-manager-cluster-resource-namespace"
}

// audienceOf returns the audience of every ServiceAccount token for the issuer.
func audienceOf(issuer v1alpha1.Issuer) string {
	if namespace := issuer.GetNamespace(); namespace != "" {
		return "vault://" + namespace + "/" + issuer.GetName()
	}
	return "vault://" + issuer.GetName()
}

// Home returns the namespace of an issuer's Secrets and ServiceAccounts.
func (s *Sessions) Home(issuer v1alpha1.Issuer) string {
	namespace, _ := s.home(issuer)
	return namespace
}

// tls reads the CA bundle and the client certificate.
func (c *credentials) tls(ctx context.Context, spec *v1alpha1.VaultIssuerSpec, config *vault.Config) error {
	bundle, err := c.key(ctx, "spec.caBundleSecretRef", spec.CABundleSecretRef, "ca.crt")
	if err != nil {
		return err
	}
	if bundle != "" {
		config.CABundle = []byte(bundle)
	}
	certRef, keyRef := spec.ClientCertSecretRef, spec.ClientKeySecretRef
	if login := spec.Auth.ClientCertificate; login != nil && login.SecretName != "" {
		certRef = &v1alpha1.SecretKeySelector{Name: login.SecretName}
		keyRef = certRef
	}
	cert, err := c.key(ctx, "spec.clientCertSecretRef", certRef, corev1.TLSCertKey)
	if err != nil {
		return err
	}
	key, err := c.key(ctx, "spec.clientKeySecretRef", keyRef, corev1.TLSPrivateKeyKey)
	config.ClientCert, config.ClientKey = []byte(cert), vault.NewSecret(key)
	return err
}

// auth reads the credentials of the login.
func (c *credentials) auth(ctx context.Context, auth v1alpha1.VaultAuth, audience string) (vault.Auth, error) {
	switch {
	case auth.TokenSecretRef != nil:
		token, err := c.key(ctx, "spec.auth.tokenSecretRef", auth.TokenSecretRef, "token")
		return vault.TokenAuth{Token: vault.NewSecret(token)}, err
	case auth.AppRole != nil:
		id, err := c.key(ctx, "spec.auth.appRole.secretRef", &auth.AppRole.SecretRef, "secretId")
		return vault.AppRoleAuth{Path: auth.AppRole.Path, RoleID: auth.AppRole.RoleID, SecretID: vault.NewSecret(id)}, err
	case auth.Kubernetes != nil:
		jwt, err := c.jwt(ctx, "spec.auth.kubernetes", auth.Kubernetes.SecretRef, "token", auth.Kubernetes.ServiceAccountRef, audience)
		return vault.KubernetesAuth{MountPath: auth.Kubernetes.MountPath, Role: auth.Kubernetes.Role, JWT: jwt}, err
	case auth.JWT != nil:
		jwt, err := c.jwt(ctx, "spec.auth.jwt", auth.JWT.SecretRef, "jwt", auth.JWT.ServiceAccountRef, audience)
		return vault.JWTAuth{MountPath: auth.JWT.MountPath, Role: auth.JWT.Role, JWT: jwt}, err
	case auth.ClientCertificate != nil:
		return vault.ClientCertAuth{MountPath: auth.ClientCertificate.MountPath, Name: auth.ClientCertificate.Name}, nil
	}
	return nil, nil // reported by Problems
}

// jwt returns the token of a Secret, or of a ServiceAccount if one is named.
func (c *credentials) jwt(ctx context.Context, field string, secret *v1alpha1.SecretKeySelector, defaultKey string, account *v1alpha1.ServiceAccountReference, audience string) (vault.JWT, error) {
	if account != nil {
		return c.serviceAccountToken(field+".serviceAccountRef", *account, audience), nil
	}
	if secret == nil {
		return nil, nil // reported by vault.Config.Validate
	}
	token, err := c.key(ctx, field+".secretRef", secret, defaultKey)
	return func(context.Context) (string, error) { return token, nil }, err
}
