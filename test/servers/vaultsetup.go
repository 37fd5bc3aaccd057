// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/cert"

	vaultapi "github.com/hashicorp/vault/api"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PKIOptions says which CA and role SetUpPKI makes.
type PKIOptions struct {
	Mount      string         // empty: "pki"
	CommonName string         // of the root CA
	TTL        time.Duration  // of the root CA; zero: ten years
	KeyType    string         // of the root CA, "ec" or "rsa"; empty: "ec"
	Role       string         // name of a role; empty: none is made
	RoleData   map[string]any // fields of pki/roles/:name; nil: any name, any key, 24 h
}

// SetUpPKI mounts a PKI engine with a root CA, its URLs and a role, and returns the CA's certificate in PEM.
func (v *Vault) SetUpPKI(ctx context.Context, options PKIOptions) ([]byte, error) {
	options = options.withDefaults()
	sys, logical := v.client.Sys(), v.client.Logical()
	ttl := fmt.Sprintf("%ds", int(options.TTL.Seconds()))
	err := sys.MountWithContext(ctx, options.Mount, &vaultapi.MountInput{
		Type: "pki", Config: vaultapi.MountConfigInput{MaxLeaseTTL: ttl},
	})
	if err != nil {
		return nil, err
	}
	root, err := logical.WriteWithContext(ctx, options.Mount+"/root/generate/internal", map[string]any{
		"common_name": options.CommonName, "ttl": ttl, "key_type": options.KeyType,
	})
	if err != nil {
		return nil, err
	}
	ca, ok := root.Data["certificate"].(string)
	if !ok {
		return nil, errors.New("Vault answered with no CA certificate")
	}
	base := v.Address + "/v1/" + options.Mount
	_, err = logical.WriteWithContext(ctx, options.Mount+"/config/urls", map[string]any{
		"issuing_certificates": base + "/ca", "crl_distribution_points": base + "/crl",
	})
	if err == nil && options.Role != "" {
		_, err = logical.WriteWithContext(ctx, options.Mount+"/roles/"+options.Role, options.RoleData)
	}
	return []byte(ca), err
}

func (o PKIOptions) withDefaults() PKIOptions {
	if o.Mount == "" {
		o.Mount = "pki"
	}
	if o.TTL == 0 {
		o.TTL = 10 * 365 * 24 * time.Hour
	}
	if o.KeyType == "" {
		o.KeyType = "ec"
	}
	if o.RoleData == nil {
		o.RoleData = map[string]any{"allow_any_name": true, "enforce_hostnames": true, "key_type": "any", "require_cn": false, "max_ttl": "24h"}
	}
	return o
}

// reviewer is the ServiceAccount, in kube-system, as which Vault asks the API server whether a token is good.
const reviewer = "vault-token-reviewer"

// SetUpKubernetesAuth mounts the kubernetes login at auth/kubernetes and points it at the API server, with a reviewer of
// its own there. Roles and policies are the caller's to write.
func (v *Vault) SetUpKubernetesAuth(ctx context.Context, kube *Kube) error {
	if err := makeReviewer(ctx, kube); err != nil {
		return err
	}
	token, err := kube.Token(ctx, metav1.NamespaceSystem, reviewer)
	if err != nil {
		return err
	}
	if err := v.client.Sys().EnableAuthWithOptionsWithContext(ctx, "kubernetes", &vaultapi.EnableAuthOptions{Type: "kubernetes"}); err != nil {
		return err
	}
	_, err = v.client.Logical().WriteWithContext(ctx, "auth/kubernetes/config", map[string]any{
		"kubernetes_host": kube.Config.Host, "kubernetes_ca_cert": string(kube.Config.CAData),
		"token_reviewer_jwt": token, "disable_local_ca_jwt": true,
	})
	return err
}

// makeReviewer makes the reviewer and lets it review tokens; one that is there already is left as it is.
func makeReviewer(ctx context.Context, kube *Kube) error {
	client, err := kubernetes.NewForConfig(kube.Config)
	if err != nil {
		return err
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: reviewer}}
	_, err = client.CoreV1().ServiceAccounts(metav1.NamespaceSystem).Create(ctx, account, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: reviewer},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:auth-delegator"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: metav1.NamespaceSystem, Name: reviewer}},
	}
	_, err = client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}

// makeCertificate writes a self-signed certificate and its key for the server to serve.
func (v *Vault) makeCertificate() error {
	certificate, key, err := cert.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return err
	}
	if v.dir, err = os.MkdirTemp("", "apisix-certs-vault-"); err != nil {
		return err
	}
	v.CA = certificate
	return errors.Join(
		os.WriteFile(v.file("tls.crt"), certificate, 0o600),
		os.WriteFile(v.file("tls.key"), key, 0o600),
	)
}
