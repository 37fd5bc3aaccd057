// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"strings"
	"testing"
)

// TestReadme runs what the README shows: its first transcript, the demo, and the commands.
func TestReadme(t *testing.T) {
	s := newShell(t)
	s.must(s.InstallCertManager(t.Context()))
	s.replace = []string{"shop.example.com", "shop.moelove.info"}
	s.env = append(s.env, "APISIX_CERTS_APISIX_ADMIN_URL="+s.Gateway.AdminURL, "APISIX_CERTS_APISIX_ADMIN_KEY="+s.Gateway.AdminKey,
		"APISIX_CERTS_APISIX_TLS_ADDR="+s.Gateway.TLSAddr, "APISIX_CERTS_CONNECT="+s.Gateway.TLSAddr)
	s.must(s.ApplyFile(t.Context(), "samples/issuer.yaml"))
	s.run("objects", "kubectl wait --for=condition=Ready vissuer/vault-issuer --timeout=60s; kubectl apply -f - <<'YAML'\n"+readmeObjects+"YAML\n")
	s.transcript()
	s.play("README.md", map[string]func(){
		"kubectl apply -k manifests": func() { s.run("no Pods here", "kubectl -n apisix-certs delete deployment apisix-certs") },
	})
}

// transcript runs the commands of the first console, whose first lines of output must be as shown.
func (s *shell) transcript() {
	s.Helper()
	shown := strings.Split(strings.TrimSpace(blocks(s.T, "README.md", "console")[0].text), "\n")
	for i, line := range shown {
		command, ok := strings.CutPrefix(line, "$ ")
		if !ok {
			continue
		}
		said := s.run("README.md", command)
		if i+1 < len(shown) && !strings.HasPrefix(shown[i+1], "$ ") {
			want, have := strings.Fields(shown[i+1]), strings.Fields(strings.SplitN(said, "\n", 2)[0])
			if strings.Join(want, " ") != strings.Join(have, " ") {
				s.Errorf("%s: shown is %q, and it says %q", command, want, have)
			}
		}
		s.run("wait", "for i in $(seq 200); do kubectl get acert shop-tls >/dev/null && break; sleep 0.1; done; kubectl wait --for=condition=Served acert/shop-tls --timeout=60s")
	}
}

const readmeObjects = `
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata: {name: shop, namespace: default}
spec: {hosts: [shop.moelove.info], secret: {name: shop-tls, namespace: default}}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: other, namespace: default}
spec: {selfSigned: {}}
`
