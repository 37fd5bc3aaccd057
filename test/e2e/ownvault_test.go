// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"

	vaultapi "github.com/hashicorp/vault/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// ownVault is a Vault of one scene alone, which may seal it, rotate its CA and revoke its tokens. Its issuer "own" logs in
// by AppRole and signs at int/sign/web, an intermediate below pki.
type ownVault struct {
	*servers.Vault
	s   *scene
	tap *cluster.Tap
}

const ownPolicy = `
path "int/*" { capabilities = ["create", "update", "read", "list"] }
`

func (s *scene) ownVault() *ownVault {
	s.Helper()
	vault, err := servers.StartVault(s.Context(), servers.VaultOptions{Dev: true})
	s.must(err)
	s.Cleanup(vault.Stop)
	tap, err := cluster.NewTap(vault.Address, nil)
	s.must(err)
	s.Cleanup(tap.Close)
	s.witness.Guard(vault.Token)
	v := &ownVault{vault, s, tap}
	_, err = v.SetUpPKI(s.Context(), servers.PKIOptions{CommonName: "root of " + s.ns})
	s.must(err)
	s.must(v.Client().Sys().MountWithContext(s.Context(), "int", &vaultapi.MountInput{Type: "pki", Config: vaultapi.MountConfigInput{MaxLeaseTTL: "1000h"}}))
	v.rotate("first")
	v.role("moelove.info")
	s.must(v.Client().Sys().EnableAuthWithOptionsWithContext(s.Context(), "approle", &vaultapi.EnableAuthOptions{Type: "approle"}))
	s.must(v.Client().Sys().PutPolicyWithContext(s.Context(), "own", ownPolicy))
	v.write("auth/approle/role/own", map[string]any{"token_policies": "own", "token_ttl": "20m"})
	id, err := v.Client().Logical().ReadWithContext(s.Context(), "auth/approle/role/own/role-id")
	s.must(err)
	secret := v.write("auth/approle/role/own/secret-id", nil).Data["secret_id"].(string)
	s.witness.Guard(secret)
	s.secret("own-secret-id", corev1.SecretTypeOpaque, map[string]string{"secretId": secret})
	s.issuer("own", "int/sign/web", func(spec *v1alpha1.VaultIssuerSpec) {
		spec.Server = tap.URL
		spec.Auth = v1alpha1.VaultAuth{AppRole: &v1alpha1.VaultAppRole{RoleID: id.Data["role_id"].(string), SecretRef: v1alpha1.SecretKeySelector{Name: "own-secret-id"}}}
	})
	s.issuerCondition("own", "True", v1alpha1.ReasonVaultReady)
	return v
}

func (v *ownVault) write(path string, data map[string]any) *vaultapi.Secret {
	v.s.Helper()
	secret, err := v.Client().Logical().WriteWithContext(v.s.Context(), path, data)
	v.s.must(err)
	return secret
}

func (v *ownVault) role(domain string) {
	v.s.Helper()
	v.write("int/roles/web", map[string]any{"allowed_domains": domain, "allow_subdomains": true, "key_type": "any", "max_ttl": "72h"})
}

// rotate makes another intermediate, with a key of its own, that signs from now on.
func (v *ownVault) rotate(name string) {
	v.s.Helper()
	request := v.write("int/intermediate/generate/internal", map[string]any{"common_name": name, "key_type": "ec"})
	signed := v.write("pki/root/sign-intermediate", map[string]any{"csr": request.Data["csr"], "ttl": "500h", "common_name": name})
	set := v.write("int/intermediate/set-signed", map[string]any{"certificate": signed.Data["certificate"].(string) + "\n" + signed.Data["issuing_ca"].(string)})
	for _, id := range set.Data["imported_issuers"].([]any) {
		// The root is imported too, without a key.
		if set.Data["mapping"].(map[string]any)[id.(string)] != "" {
			v.write("int/config/issuers", map[string]any{"default": id})
		}
	}
}

// look has the controller look at the issuer at once, which it does anyway each minute: one of its Secrets changes.
func (v *ownVault) look() {
	v.s.Helper()
	secret := v.s.keptSecret("own-secret-id")
	before := secret.DeepCopy()
	secret.Annotations = map[string]string{"looks": before.Annotations["looks"] + "+"}
	v.s.must(v.s.Client.Patch(v.s.Context(), secret, client.MergeFrom(before)))
}

func (v *ownVault) count(part string) int {
	return v.tap.Count(func(c cluster.Call) bool { return strings.Contains(c.Path, part) })
}

// own lets a certificate come from issuer "own".
func own(change ...func(*v1alpha1.ApisixCertificate)) func(*v1alpha1.ApisixCertificate) {
	return func(c *v1alpha1.ApisixCertificate) {
		c.Spec.IssuerRef.Name = "own"
		for _, f := range change {
			f(c)
		}
	}
}
