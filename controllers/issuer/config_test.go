// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const hidden = "hvs.SECRETSECRETSECRET"

// newSecret is a Secret "creds" with keys and values in turn.
func newSecret(namespace string, pairs ...string) *corev1.Secret {
	secret := &corev1.Secret{Data: map[string][]byte{}}
	secret.Namespace, secret.Name, secret.UID = namespace, "creds", "uid-creds"
	for i := 0; i < len(pairs); i += 2 {
		secret.Data[pairs[i]] = []byte(pairs[i+1])
	}
	return secret
}

func newSessions(t *testing.T, objects ...client.Object) *Sessions {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.VaultIssuer{}, &v1alpha1.ClusterVaultIssuer{}).Build()
	return &Sessions{Client: c, Live: c, Clock: clocktesting.NewFakeClock(now), ClusterResourceNamespace: "certs-system", UserAgent: "test"}
}

// newIssuer is VaultIssuer "vault" in namespace "ns", not reachable.
func newIssuer(auth v1alpha1.VaultAuth, edits ...func(*v1alpha1.VaultIssuerSpec)) *v1alpha1.VaultIssuer {
	issuer := &v1alpha1.VaultIssuer{Spec: v1alpha1.VaultIssuerSpec{Server: "http://127.0.0.1:1", Path: "pki/sign/web", Auth: auth}}
	issuer.Namespace, issuer.Name, issuer.UID, issuer.Generation = "ns", "vault", "uid-vault", 1
	for _, edit := range edits {
		edit(&issuer.Spec)
	}
	return issuer
}

func inSecret(key string) *v1alpha1.SecretKeySelector {
	return &v1alpha1.SecretKeySelector{Name: "creds", Key: key}
}

var (
	byToken   = v1alpha1.VaultAuth{TokenSecretRef: inSecret("")}
	byAppRole = v1alpha1.VaultAuth{AppRole: &v1alpha1.VaultAppRole{Path: "p", RoleID: "id", SecretRef: *inSecret("")}}
	byCert    = v1alpha1.VaultAuth{ClientCertificate: &v1alpha1.VaultClientCertificate{MountPath: "m", Name: "n", SecretName: "creds"}}
	byJWT     = v1alpha1.VaultAuth{JWT: &v1alpha1.VaultJWT{MountPath: "m", Role: "r", SecretRef: inSecret("")}}
	bySecret  = v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{MountPath: "m", Role: "r", SecretRef: inSecret("")}}
	byAccount = v1alpha1.VaultAuth{Kubernetes: &v1alpha1.VaultKubernetes{Role: "r", ServiceAccountRef: &v1alpha1.ServiceAccountReference{Name: "sa"}}}
)

// shown is an auth with its secrets revealed.
func shown(t *testing.T, auth vault.Auth) string {
	jwt := func(f vault.JWT) string {
		token, err := f(t.Context())
		if err != nil {
			return err.Error()
		}
		return token
	}
	switch a := auth.(type) {
	case vault.TokenAuth:
		return "token " + a.Token.Reveal()
	case vault.AppRoleAuth:
		return fmt.Sprintln("approle", a.Path, a.RoleID, a.SecretID.Reveal())
	case vault.KubernetesAuth:
		return fmt.Sprintln("kubernetes", a.MountPath, a.Role, jwt(a.JWT))
	case vault.JWTAuth:
		return fmt.Sprintln("jwt", a.MountPath, a.Role, jwt(a.JWT))
	case vault.ClientCertAuth:
		return fmt.Sprintln("cert", a.MountPath, a.Name)
	}
	return fmt.Sprintf("%T", auth)
}

func TestConfigAuth(t *testing.T) {
	for _, c := range []struct {
		name   string
		auth   v1alpha1.VaultAuth
		secret *corev1.Secret
		want   string
	}{
		{"token", byToken, newSecret("ns", "token", " T \n"), "token T"},
		{"token, its own key", v1alpha1.VaultAuth{TokenSecretRef: inSecret("k")}, newSecret("ns", "k", "T"), "token T"},
		{"AppRole", byAppRole, newSecret("ns", "secretId", "S"), "approle p id S\n"},
		{"Kubernetes, a Secret", bySecret, newSecret("ns", "token", "J"), "kubernetes m r J\n"},
		{"Kubernetes, an account that is not there", byAccount, newSecret("ns"),
			"kubernetes  r spec.auth.kubernetes.serviceAccountRef: ServiceAccount sa does not exist in namespace ns: create it, or correct the name\n"},
		{"JWT", byJWT, newSecret("ns", "jwt", "J"), "jwt m r J\n"},
		{"client certificate", byCert, newSecret("ns", "tls.crt", "C", "tls.key", "K"), "cert m n\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, _, err := newSessions(t, c.secret).config(t.Context(), newIssuer(c.auth))
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(t, config.Auth); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.auth.ClientCertificate != nil && (string(config.ClientCert) != "C" || config.ClientKey.Reveal() != "K") {
				t.Error("the client certificate is not that of the Secret")
			}
		})
	}
}

func TestConfigServiceAccountToken(t *testing.T) {
	account := &corev1.ServiceAccount{}
	account.Namespace, account.Name = "ns", "sa"
	config, versions, err := newSessions(t, account).config(t.Context(), newIssuer(byAccount))
	if err != nil {
		t.Fatal(err)
	}
	if token, err := config.Auth.(vault.KubernetesAuth).JWT(t.Context()); err != nil || token == "" {
		t.Errorf("%q %v", token, err)
	}
	if len(versions) > 0 {
		t.Errorf("a token that is asked for has no version: %v", versions)
	}
}

func TestConfigFields(t *testing.T) {
	issuer := newIssuer(byToken, func(s *v1alpha1.VaultIssuerSpec) {
		s.ServerName, s.Namespace, s.CABundle = "sn", "vns", []byte("inline")
		s.Limits = &v1alpha1.VaultLimits{MaxInFlight: 3, PerSecond: 7}
	})
	s := newSessions(t, newSecret("ns", "token", "T", "ca.crt", "from the Secret"))
	got, _, err := s.config(t.Context(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	want := []any{"http://127.0.0.1:1", "sn", "vns", "pki/sign/web", "inline", 3, 7.0, "test", now}
	fields := func(c vault.Config) []any {
		return []any{c.Server, c.ServerName, c.Namespace, c.Path, string(c.CABundle), c.MaxInFlight, c.RatePerSecond, c.UserAgent, c.Now()}
	}
	if diff := cmp.Diff(want, fields(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	issuer.Spec.CABundle, issuer.Spec.CABundleSecretRef = nil, inSecret("")
	if got, _, err = s.config(t.Context(), issuer); err != nil || string(got.CABundle) != "from the Secret" {
		t.Errorf("%q %v", got.CABundle, err)
	}
}

// Each missing piece has a message that names field, object and fix, and shows nothing of what is there.
func TestConfigMissing(t *testing.T) {
	caBundle := func(s *v1alpha1.VaultIssuerSpec) { s.CABundleSecretRef = inSecret("") }
	clientPair := func(s *v1alpha1.VaultIssuerSpec) {
		s.ClientCertSecretRef, s.ClientKeySecretRef = inSecret(""), inSecret("")
	}
	for _, c := range []struct {
		name  string
		auth  v1alpha1.VaultAuth
		edit  func(*v1alpha1.VaultIssuerSpec)
		field string
		key   string // that is missing
	}{
		{"token", byToken, nil, "spec.auth.tokenSecretRef", "token"},
		{"AppRole", byAppRole, nil, "spec.auth.appRole.secretRef", "secretId"},
		{"Kubernetes", bySecret, nil, "spec.auth.kubernetes.secretRef", "token"},
		{"JWT", byJWT, nil, "spec.auth.jwt.secretRef", "jwt"},
		{"client certificate", byCert, nil, "spec.clientCertSecretRef", "tls.crt"},
		{"CA bundle", byToken, caBundle, "spec.caBundleSecretRef", "ca.crt"},
		{"certificate for TLS", byToken, clientPair, "spec.clientCertSecretRef", "tls.crt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			issuer := newIssuer(c.auth)
			if c.edit != nil {
				c.edit(&issuer.Spec)
			}
			checkMissing(t, newSessions(t), issuer, c.field+": Secret creds does not exist in namespace ns: create it, or correct the name")
			checkMissing(t, newSessions(t, newSecret("ns", "other", hidden)), issuer,
				c.field+": Secret creds in namespace ns has nothing under key "+c.key+": put it there, or correct the key")
		})
	}
}

func checkMissing(t *testing.T, s *Sessions, issuer v1alpha1.Issuer, want string) {
	t.Helper()
	_, _, err := s.config(t.Context(), issuer)
	var missing *CredentialsError
	if !errors.As(err, &missing) || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestConfigWithoutAWay(t *testing.T) {
	for field, auth := range map[string]v1alpha1.VaultAuth{
		"auth":            {},
		"auth.kubernetes": {Kubernetes: &v1alpha1.VaultKubernetes{Role: "r"}},
		"auth.jwt":        {JWT: &v1alpha1.VaultJWT{Role: "r"}},
	} {
		_, err := newSessions(t).Get(t.Context(), newIssuer(auth))
		var bad certs.FieldError
		if !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestClusterIssuerReadsTheClusterResourceNamespace(t *testing.T) {
	issuer := &v1alpha1.ClusterVaultIssuer{Spec: newIssuer(byToken).Spec}
	issuer.Name = "vault"
	checkMissing(t, newSessions(t, newSecret("ns", "token", "T")), issuer,
		"spec.auth.tokenSecretRef: Secret creds does not exist in namespace certs-system: create it, or correct the name")
	if _, _, err := newSessions(t, newSecret("certs-system", "token", "T")).config(t.Context(), issuer); err != nil {
		t.Error(err)
	}
}

func TestSecretNames(t *testing.T) {
	ref := func(name string) *v1alpha1.SecretKeySelector { return &v1alpha1.SecretKeySelector{Name: name} }
	spec := v1alpha1.VaultIssuerSpec{CABundleSecretRef: ref("ca"), ClientCertSecretRef: ref("cert"), ClientKeySecretRef: ref("key"), Auth: v1alpha1.VaultAuth{
		TokenSecretRef: ref("token"), AppRole: &v1alpha1.VaultAppRole{SecretRef: *ref("approle")},
		Kubernetes: &v1alpha1.VaultKubernetes{SecretRef: ref("kubernetes")}, JWT: &v1alpha1.VaultJWT{SecretRef: ref("jwt")},
		ClientCertificate: &v1alpha1.VaultClientCertificate{SecretName: "pair"},
	}}
	want := "pair ca cert key token approle kubernetes jwt"
	if got := strings.Join(secretNames(&spec), " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := secretNames(&v1alpha1.VaultIssuerSpec{Auth: byAccount}); got != nil {
		t.Errorf("%v", got)
	}
}

func TestVersionsFollowSecrets(t *testing.T) {
	secret := newSecret("ns", "token", hidden)
	s := newSessions(t, secret)
	versions := func() string {
		_, v, err := s.config(t.Context(), newIssuer(byToken))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(v, " ")
	}
	before := versions()
	if before == "" || before != versions() || strings.Contains(before, hidden) {
		t.Errorf("%q", before)
	}
	secret.Labels = map[string]string{"x": "y"}
	if err := s.Client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if before != versions() {
		t.Error("a label ends a login")
	}
	secret.Data["token"] = []byte("new")
	if err := s.Client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	if before == versions() {
		t.Error("a changed Secret has the same version")
	}
}

// TestForeignClusterIssuer: cert-manager has its credentials in its own namespace, which the message or a flag names.
func TestForeignClusterIssuer(t *testing.T) {
	theirs := &CertManagerIssuer{Kind: v1alpha1.KindClusterIssuer, Type: "vault"}
	theirs.Name, theirs.Spec = "vault", newIssuer(byAppRole).Spec
	there := newSecret("cert-manager", "secretId", "S")
	checkMissing(t, newSessions(t, there), theirs, "spec.auth.appRole.secretRef: Secret creds does not exist in namespace certs-system: "+
		"cert-manager reads credentials of ClusterIssuers from its own namespace: copy Secret creds from there, or set --cert-manager-cluster-resource-namespace")
	s := newSessions(t, there)
	s.CertManagerNamespace = "cert-manager"
	if _, _, err := s.config(t.Context(), theirs); err != nil || s.Home(theirs) != "cert-manager" {
		t.Error(err)
	}
	own := &v1alpha1.ClusterVaultIssuer{Spec: newIssuer(byToken).Spec}
	if home := s.Home(own); home != "certs-system" {
		t.Errorf("ours are in %s", home)
	}
	theirs.Spec = newIssuer(byAccount).Spec
	config, _, err := newSessions(t).config(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	if got := shown(t, config.Auth); !strings.Contains(got, "copy ServiceAccount sa from there") {
		t.Error(got)
	}
}

// TestInFlight: an issuer may lower what the controller's workers allow, and not raise it.
func TestInFlight(t *testing.T) {
	for _, row := range []struct{ workers, limit, want int }{{4, 0, 4}, {4, 2, 2}, {4, 100, 4}, {0, 0, 0}, {0, 7, 7}} {
		s := newSessions(t, newSecret("ns", "token", "T"))
		s.MaxInFlight = row.workers
		issuer := newIssuer(byToken, func(s *v1alpha1.VaultIssuerSpec) {
			s.Limits = &v1alpha1.VaultLimits{MaxInFlight: int32(row.limit)}
		})
		config, _, err := s.config(t.Context(), issuer)
		if err != nil || config.MaxInFlight != row.want {
			t.Errorf("%+v: %d, %v", row, config.MaxInFlight, err)
		}
	}
}
