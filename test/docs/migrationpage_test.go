// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/certs"
)

// TestMigrationPage changes three certificates over and back as the page says. The serial numbers that are served must stay
// until a renewal is asked for.
func TestMigrationPage(t *testing.T) {
	s := newShell(t)
	s.must(s.InstallCertManager(t.Context()))
	token, err := s.SigningToken(t.Context())
	s.must(err)
	s.run("cert-manager", "kubectl create namespace cert-manager; for n in default cert-manager; do kubectl -n $n create secret generic vault-token --from-literal=token="+token+"; done")
	for name, host := range map[string]string{"shop-tls": "shop.moelove.info", "web-tls": "web.moelove.info", "api-tls": "api.moelove.info"} {
		s.issue(name, host)
	}
	s.run("objects", "kubectl apply -f - <<'YAML'\n"+strings.ReplaceAll(cmObjects, "$vault", s.Vault.Address)+"YAML\n")

	served := map[string]string{}
	unchanged := func(hosts ...string) func() {
		return func() {
			for _, host := range hosts {
				s.shows(host, served[host])
			}
		}
	}
	for name, host := range map[string]string{"shop-tls": "shop.moelove.info", "web-tls": "web.moelove.info", "api-tls": "api.moelove.info"} {
		served[host] = s.serial(name)
	}
	s.play("docs/migration.md", map[string]func(){
		"apisix-certs.io/provided=true\nkubectl wait": unchanged("shop.moelove.info"),
		"migrate -A --issuers":                        unchanged("shop.moelove.info"),
		"delete certificate shop":                     unchanged("shop.moelove.info"),
		"delete certificate web-tls":                  unchanged("web.moelove.info"),
		"apply -f /tmp/api.yaml":                      unchanged("api.moelove.info", "web.moelove.info", "shop.moelove.info"),
		"renew api --wait": func() {
			if s.serial("api-tls") == served["api.moelove.info"] {
				s.Error("api was not renewed")
			}
			unchanged("shop.moelove.info", "web.moelove.info")()
		},
		"apply -f /tmp/cert-manager.yaml": func() {
			s.issue("api-tls", "api.moelove.info") // cert-manager renews
			s.shows("api.moelove.info", s.serial("api-tls"))
			unchanged("shop.moelove.info")()
		},
	})
}

// issue writes a Secret as cert-manager leaves it.
func (s *shell) issue(name, host string) {
	s.Helper()
	key, err := certs.GenerateKey(certs.KeySpec{Algorithm: certs.RSA})
	s.must(err)
	csr, err := certs.CreateRequest(certs.Spec{CommonName: host, DNSNames: []string{host}}, key)
	s.must(err)
	answer, err := s.Vault.Client().Logical().WriteWithContext(s.Context(), "pki/sign/moelove-dot-info", map[string]any{"csr": string(csr), "ttl": "24h"})
	s.must(err)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}, Type: corev1.SecretTypeTLS}
	data := map[string][]byte{
		"tls.crt": []byte(answer.Data["certificate"].(string) + "\n"), "tls.key": key.PEM(certs.PKCS1), "ca.crt": []byte(answer.Data["issuing_ca"].(string) + "\n"),
	}
	if s.Client.Get(s.Context(), keyOf(name), secret) == nil {
		secret.Data = data
		s.must(s.Client.Update(s.Context(), secret))
		return
	}
	secret.Data = data
	s.must(s.Client.Create(s.Context(), secret))
}

// serial is that of the certificate in a Secret.
func (s *shell) serial(name string) string {
	s.Helper()
	secret := &corev1.Secret{}
	s.must(s.Client.Get(s.Context(), keyOf(name), secret))
	bundle, err := certs.ParseBundle(secret.Data["tls.crt"], nil, nil)
	s.must(err)
	return certs.Serial(bundle.Leaf)
}

// shows waits until the gateway serves a certificate for a host.
func (s *shell) shows(host, serial string) {
	s.Helper()
	now := ""
	for range 500 {
		conn, err := tls.Dial("tcp", s.Gateway.TLSAddr, &tls.Config{ServerName: host, InsecureSkipVerify: true})
		if err == nil {
			now = certs.Serial(conn.ConnectionState().PeerCertificates[0])
			_ = conn.Close()
			if now == serial {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.Fatalf("the gateway shows serial %q for %s, want %s", now, host, serial)
}

const cmObjects = `
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: vault, namespace: default}
spec: {vault: {server: $vault, path: pki/sign/moelove-dot-info, auth: {tokenSecretRef: {name: vault-token, key: token}}}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: vault}
spec: {vault: {server: $vault, path: pki/sign/moelove-dot-info, auth: {tokenSecretRef: {name: vault-token, key: token}}}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: shop, namespace: default}
spec: {secretName: shop-tls, dnsNames: [shop.moelove.info], issuerRef: {name: vault}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web-tls, namespace: default}
spec: {secretName: web-tls, dnsNames: [web.moelove.info], issuerRef: {kind: ClusterIssuer, name: vault}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: api, namespace: default}
spec: {secretName: api-tls, commonName: api.moelove.info, dnsNames: [api.moelove.info], issuerRef: {name: vault}}
---
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata: {name: shop, namespace: default}
spec: {hosts: [shop.moelove.info], secret: {name: shop-tls, namespace: default}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: default, annotations: {cert-manager.io/cluster-issuer: vault}}
spec:
  tls: [{hosts: [web.moelove.info], secretName: web-tls}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
`

func keyOf(name string) client.ObjectKey { return client.ObjectKey{Namespace: "default", Name: name} }
