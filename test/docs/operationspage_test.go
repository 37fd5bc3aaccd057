// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// TestOperationsPage has the disasters happen that the page tells of, and does about them what it says.
func TestOperationsPage(t *testing.T) {
	s := newShell(t)
	token, err := s.SigningToken(t.Context())
	s.must(err)
	s.must(s.Vault.Client().Sys().PutPolicyWithContext(t.Context(), "signing", `path "pki/*" { capabilities = ["read", "update"] }`))
	s.env = append(s.env, "NEW_TOKEN="+token)
	s.run("objects", "kubectl create namespace shop; kubectl create secret generic vault-token --from-literal=token="+token+
		"\nkubectl apply -f - <<'YAML'\n"+strings.ReplaceAll(ownObjects, "$vault", s.Vault.Address)+"YAML\n"+
		"kubectl wait --for=condition=Served acert/shop acert/web-tls acert/left --timeout=60s")
	before := map[string]string{"shop.moelove.info": s.serial("shop-tls"), "web.moelove.info": s.serial("web-tls")}
	same := func() {
		s.run("served", "kubectl wait --for=condition=Served acert/shop acert/web-tls --timeout=60s")
		for host, serial := range before {
			s.shows(host, serial)
		}
	}
	s.play("docs/operations.md", map[string]func(){
		"-o json | jq": func() { // everything is lost
			s.controller.Kill()
			s.run("loss", `for a in $(kubectl get acert -o name); do kubectl patch $a --type=merge -p '{"metadata":{"finalizers":null}}'; done
kubectl delete ingress web; kubectl delete acert --all; kubectl delete vissuer --all; kubectl delete secret shop-tls web-tls left-tls`)
		},
		"apply -f /tmp/objects.json": func() {
			s.run("sources", "kubectl apply -f - <<'YAML'\n"+ingressObject+"YAML\n")
			s.must(s.ExpireLease(t.Context()))
			s.start()
			s.run("restored", "for i in $(seq 200); do kubectl get acert web-tls && break; sleep 0.1; done")
			same()
		},
		"--sort-by": func() { s.emptyGateway(before) },
		"wait --for=condition=Served acert --all": func() {
			same()
			s.run("namespace", "kubectl -n shop create secret generic vault-token --from-literal=token="+token+"\n"+strings.ReplaceAll(hanging, "$vault", s.Vault.Address))
			s.run("namespace", // Nobody can revoke any more, and the Secret goes first, as it may with a namespace.
				`kubectl -n shop delete vissuer vault; kubectl -n shop delete secret hangs-tls
kubectl -n shop wait --for=condition=Ready=false acert/hangs --timeout=60s; kubectl delete namespace shop --wait=false`)
		},
		"custom-columns": func() {
			s.run("hangs", `for i in $(seq 300); do kubectl -n shop get acert hangs -o jsonpath='{.status.conditions[?(@.type=="Ready")].reason}' | grep -qx RevocationFailed && exit; sleep 0.2; done; exit 1`)
		},
		"annotate acert --all": func() {
			s.run("namespace", "kubectl wait --for=delete namespace/shop --timeout=60s")
			s.controller.Kill()
			s.run("left", "kubectl delete acert left --wait=false")
		},
		"finalizers\":null": func() {
			s.run("left", "kubectl wait --for=delete acert/left --timeout=60s")
			s.must(s.ExpireLease(t.Context()))
			s.start()
		},
		"apisix-certs renew shop": func() {
			if s.serial("shop-tls") == before["shop.moelove.info"] {
				s.Error("the certificate whose key has leaked is there still")
			}
		},
	})
}

// emptyGateway deletes all ssl objects, as a lost store does.
func (s *shell) emptyGateway(hosts map[string]string) {
	s.Helper()
	var list struct {
		List []struct{ Value struct{ ID string } }
	}
	s.must(json.Unmarshal(s.admin(http.MethodGet, "/apisix/admin/ssls"), &list))
	if len(list.List) < len(hosts) {
		s.Fatalf("the gateway has %d ssl objects, want %d and more", len(list.List), len(hosts))
	}
	for _, one := range list.List {
		s.admin(http.MethodDelete, "/apisix/admin/ssls/"+one.Value.ID)
	}
}

func (s *shell) admin(method, path string) []byte {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), method, s.Gateway.AdminURL+path, nil)
	s.must(err)
	request.Header.Set("X-API-KEY", s.Gateway.AdminKey)
	answer, err := http.DefaultClient.Do(request)
	s.must(err)
	defer answer.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(answer.Body)
	s.must(err)
	return b.Bytes()
}

const ownObjects = `
apiVersion: apisix-certs.io/v1alpha1
kind: VaultIssuer
metadata: {name: vault, namespace: default}
spec: {server: $vault, path: pki/sign/moelove-dot-info, auth: {tokenSecretRef: {name: vault-token}}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {name: shop, namespace: default}
spec: {secretName: shop-tls, dnsNames: [shop.moelove.info], issuerRef: {name: vault}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {name: left, namespace: default}
spec: {secretName: left-tls, dnsNames: [left.moelove.info], issuerRef: {name: vault}}
---
` + ingressObject

const ingressObject = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: default, annotations: {apisix-certs.io/issuer: vault}}
spec:
  tls: [{hosts: [web.moelove.info], secretName: web-tls}]
  defaultBackend: {service: {name: web, port: {number: 80}}}
`

// hanging is a certificate in namespace shop that is to be revoked.
const hanging = `kubectl apply -f - <<'YAML'
apiVersion: apisix-certs.io/v1alpha1
kind: VaultIssuer
metadata: {name: vault, namespace: shop}
spec: {server: $vault, path: pki/sign/moelove-dot-info, auth: {tokenSecretRef: {name: vault-token}}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {name: hangs, namespace: shop}
spec: {secretName: hangs-tls, dnsNames: [hangs.moelove.info], issuerRef: {name: vault}, revocationPolicy: OnDelete}
YAML
kubectl -n shop wait --for=condition=Ready acert/hangs --timeout=60s
`
