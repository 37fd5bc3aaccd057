// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"strings"
	"testing"
)

const vaultPage = "docs/vault.md"

// TestVaultPage sets Vault up as the page says, logs in by each method, and takes each line of the policy away once.
func TestVaultPage(t *testing.T) {
	s := newShell(t)
	s.must(s.Vault.Client().Sys().DisableAuthWithContext(s.Context(), "kubernetes"))
	s.replace = []string{"https://vault.example.com:8200", s.Vault.Address}
	s.play(vaultPage, nil)
	policy := policyOf(t)
	for _, line := range policy {
		t.Run(strings.Fields(line)[1], func(t *testing.T) {
			s := s.at(t)
			s.run("policy", "vault policy write shop - <<'POLICY'\n"+strings.ReplaceAll(strings.Join(policy, "\n"), line, "")+"\nPOLICY\n")
			s.run("without it", without[strings.Fields(line)[1]])
			s.run("policy", "vault policy write shop - <<'POLICY'\n"+strings.Join(policy, "\n")+"\nPOLICY\n")
		})
	}
}

// policyOf are the lines of the page's least policy.
func policyOf(t *testing.T) []string {
	t.Helper()
	var lines []string
	for _, b := range blocks(t, vaultPage, "sh") {
		if !strings.Contains(b.text, "policy write shop") {
			continue
		}
		for line := range strings.Lines(b.text) {
			if strings.HasPrefix(line, "path ") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	if len(lines) != 3 {
		t.Fatalf("the policy has %d lines, want 3", len(lines))
	}
	return lines
}

// without shows what the page says of the policy without a line, by the path of the line.
var without = map[string]string{
	`"pki-shop/sign/shop"`: recheck + `
kubectl wait --for=condition=Ready=false vissuer/shop-approle --timeout=60s
kubectl get vissuer shop-approle -o jsonpath='{.status.conditions[?(@.type=="Ready")].reason}' | grep -x VaultRefused
`,
	`"pki-shop/roles/shop"`: recheck + `
kubectl wait --for=condition=Ready vissuer/shop-approle --timeout=60s
for i in $(seq 100); do [ -n "$(kubectl get vissuer shop-approle -o jsonpath='{.status.role}')" ] || exit 0; sleep 0.2; done; exit 1
`,
	`"pki-shop/revoke"`: `
kubectl wait --for=condition=Ready vissuer/shop-token --timeout=60s
kubectl apply -f - <<'YAML'
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {name: revoked, namespace: default}
spec: {secretName: revoked-tls, dnsNames: [revoked.shop.example.com], issuerRef: {name: shop-token}, revocationPolicy: OnDelete}
YAML
kubectl wait --for=condition=Ready acert/revoked --timeout=60s
kubectl delete acert revoked --wait=false
for i in $(seq 300); do kubectl get acert revoked -o jsonpath='{.status.conditions[?(@.type=="Ready")].reason}' | grep -qx RevocationFailed && break; sleep 0.2; done
kubectl get acert revoked -o jsonpath='{.status.conditions[?(@.type=="Ready")].reason}' | grep -x RevocationFailed
kubectl annotate acert revoked apisix-certs.io/skip-revocation=true
kubectl wait --for=delete acert/revoked --timeout=60s
`,
}

// recheck has the issuer looked at again.
const recheck = `kubectl patch vissuer shop-approle --type=merge -p '{"spec":{"limits":{"maxInFlight":'$((RANDOM % 1000 + 1))'}}}'`

func (s *shell) at(t *testing.T) *shell {
	here := *s
	here.T = t
	return &here
}

// TestVaultLines tells that the page explains each line of its policy.
func TestVaultLines(t *testing.T) {
	page := read(t, vaultPage)
	for _, line := range policyOf(t) {
		path := strings.Trim(strings.Fields(line)[1], `"`)
		if !strings.Contains(page, fmt.Sprintf("\n| `%s`", path)) {
			t.Errorf("the page does not explain %s", path)
		}
		if without[strings.Fields(line)[1]] == "" {
			t.Errorf("nothing shows what %s is needed for", path)
		}
	}
}
