// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// TestMigrate migrates a cluster from cert-manager as in docs/migration.md, and goes back. cert-manager itself does not run:
// the test has its CRDs, its objects, and the Secrets that it would have written.
func TestMigrate(t *testing.T) {
	servers.Need(t)
	m := newMove(t)
	m.apply(cmObjects)
	m.cmSecret("right-tls", "right.moelove.info")
	m.cmSecret("self-tls", "self.moelove.info")
	m.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "damaged-tls"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{"tls.crt": []byte("x"), "tls.key": []byte("y")}})
	before := m.secretData("right-tls")

	said := m.command("migrate", "-A")
	m.want(said, 0, "# Issuer default/self\n# no equivalent: the type is selfSigned. Keep cert-manager for it", "kind: ClusterVaultIssuer")
	m.apply(said.out)

	for _, name := range []string{"right", "damaged", "missing", "self"} {
		m.ready("default", name)
	}
	if diff := cmp.Diff(m.secretData("right-tls"), before); diff != "" {
		t.Error("the Secret that was right has other data now")
	}
	serial := m.serialIn("right-tls")
	m.served("right.moelove.info", serial)
	m.served("self.moelove.info", m.serialIn("self-tls"))
	m.served("damaged.moelove.info", m.serialIn("damaged-tls"))
	m.served("missing.moelove.info", m.serialIn("missing-tls"))

	t.Run("a Certificate that was not deleted", func(t *testing.T) {
		m := m.on(t)
		m.cmSecret("right-tls", "right.moelove.info") // cert-manager renews
		if m.serialIn("right-tls") == serial {
			t.Fatal("the Secret has the old certificate")
		}
		m.served("right.moelove.info", m.serialIn("right-tls"))
	})
	t.Run("orphaned", func(t *testing.T) {
		m := m.on(t)
		m.deleteOrphaned("right", "right-tls")
	})
	t.Run("renewed", func(t *testing.T) {
		m := m.on(t)
		old := m.serialIn("right-tls")
		m.want(m.command("renew", "right", "-n", "default", "--wait"), 0, "renewed and served")
		if now := m.serialIn("right-tls"); now == old {
			t.Error("the certificate was not renewed")
		}
		block, _ := pem.Decode(m.secretData("right-tls")["tls.key"])
		if block == nil || block.Type != "RSA PRIVATE KEY" {
			t.Error("the new key is not of the kind that cert-manager makes")
		}
	})
	t.Run("back", func(t *testing.T) { m.on(t).back("right") })
	t.Run("a Gateway", func(t *testing.T) { m.on(t).gateway() })
}

// gateway migrates a Gateway with a Certificate of cert-manager by the commands that migrate prints. The Secret stays the same.
func (m *move) gateway() {
	m.Helper()
	m.must(m.InstallGateways(m.Context()))
	m.until("the CRDs of the Gateway API", func() string {
		if err := m.Apply(m.Context(), m.Name(), []byte(cmGateway)); err != nil {
			return err.Error()
		}
		return ""
	})
	gateway := &unstructured.Unstructured{}
	gateway.SetGroupVersionKind(gatewayapi.GatewayKind)
	m.must(m.Client.Get(m.Context(), client.ObjectKey{Namespace: "default", Name: "edge"}, gateway))
	m.cmSecret("edge-tls", "edge.moelove.info")
	m.apply(strings.ReplaceAll(cmGatewayCertificate, "$uid", string(gateway.GetUID())))
	before := m.secretData("edge-tls")

	said := m.command("migrate", "edge-tls", "-n", "default")
	m.want(said, 0, "# created by cert-manager for Gateway edge: replace its cert-manager.io annotations")
	annotations := map[string]any{}
	for _, word := range strings.Fields(said.out[strings.Index(said.out, "# kubectl -n default annotate "):strings.Index(said.out, "# kubectl -n default delete ")]) {
		if name, value, ok := strings.Cut(word, "="); ok {
			annotations[name] = value
		} else if strings.HasSuffix(word, "-") {
			annotations[strings.TrimSuffix(word, "-")] = nil
		}
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	m.must(err)
	m.must(m.Client.Patch(m.Context(), gateway, client.RawPatch(types.MergePatchType, patch)))
	m.deleteOrphaned("edge-tls", "edge-tls")
	m.ready("default", "edge-tls")
	if diff := cmp.Diff(m.secretData("edge-tls"), before); diff != "" {
		m.Error("the Secret has other data now")
	}
	if left := gateway.GetAnnotations(); left["cert-manager.io/cluster-issuer"] != "" || left[v1alpha1.AnnotationClusterIssuer] != "vault" {
		m.Errorf("the annotations are %v", left)
	}
}

// cmGateway is annotated for cert-manager. Its class belongs to another controller, so only the Secret is managed.
const cmGateway = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: other}
spec: {controllerName: example.com/other}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: default, annotations: {cert-manager.io/cluster-issuer: vault}}
spec:
  gatewayClassName: other
  listeners: [{name: https, port: 443, protocol: HTTPS, hostname: edge.moelove.info, tls: {certificateRefs: [{name: edge-tls}]}}]
`

const cmGatewayCertificate = `
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: edge-tls
  namespace: default
  ownerReferences: [{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, name: edge, uid: $uid, controller: true}]
spec: {secretName: edge-tls, dnsNames: [edge.moelove.info], issuerRef: {kind: ClusterIssuer, name: vault}}
`

// move is a world with objects of cert-manager.
type move struct{ *world }

func newMove(t *testing.T) *move {
	t.Setenv("KUBECONFIG", "")
	w := &world{T: t}
	var err error
	w.Cluster, err = cluster.Start(t.Context(), cluster.Options{})
	w.must(err)
	t.Cleanup(w.Cluster.Stop)
	w.must(w.InstallCertManager(t.Context()))
	w.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	config, err := w.Kube.Kubeconfig()
	w.must(err)
	w.must(os.WriteFile(w.kubeconfig, config, 0o600))
	token, err := w.SigningToken(t.Context())
	w.must(err)
	w.secret("default", "vault-token", map[string]string{"token": token})
	w.secret("apisix-certs", "vault-token", map[string]string{"token": token})
	w.startController()
	return &move{w}
}

func (m *move) on(t *testing.T) *move { return &move{m.at(t)} }

func (m *move) apply(text string) {
	m.Helper()
	m.must(m.Apply(m.Context(), m.Name(), []byte(strings.ReplaceAll(text, "$vault", m.Vault.Address))))
}

// cmSecret writes a Secret as cert-manager does: by server-side apply of its own manager, with an RSA key.
func (m *move) cmSecret(name, host string) {
	m.Helper()
	key, err := certs.GenerateKey(certs.KeySpec{Algorithm: certs.RSA})
	m.must(err)
	csr, err := certs.CreateRequest(certs.Spec{CommonName: host, DNSNames: []string{host}}, key)
	m.must(err)
	answer, err := m.Vault.Client().Logical().WriteWithContext(m.Context(), "pki/sign/moelove-dot-info", map[string]any{"csr": string(csr), "common_name": host, "ttl": "24h"})
	m.must(err)
	secret := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
		"metadata": map[string]any{"namespace": "default", "name": name, "annotations": map[string]any{
			"cert-manager.io/certificate-name": strings.TrimSuffix(name, "-tls"), "cert-manager.io/issuer-name": "vault", "cert-manager.io/issuer-kind": "Issuer",
		}},
		"stringData": map[string]any{
			"tls.crt": answer.Data["certificate"].(string) + "\n", "tls.key": string(key.PEM(certs.PKCS1)), "ca.crt": answer.Data["issuing_ca"].(string) + "\n",
		},
	}}
	m.must(m.Client.Apply(m.Context(), client.ApplyConfigurationFromUnstructured(secret), client.FieldOwner("cert-manager-certificates-issuing"), client.ForceOwnership))
}

func (m *move) secretData(name string) map[string][]byte {
	m.Helper()
	secret := &corev1.Secret{}
	m.must(m.Client.Get(m.Context(), client.ObjectKey{Namespace: "default", Name: name}, secret))
	return secret.Data
}

func (m *move) serialIn(name string) string {
	m.Helper()
	bundle, err := certs.ParseBundle(m.secretData(name)["tls.crt"], nil, nil)
	m.must(err)
	return certs.Serial(bundle.Leaf)
}

// served waits until the gateway serves the certificate for host.
func (m *move) served(host, serial string) {
	m.Helper()
	m.until("certificate of "+host, func() string {
		conn, err := tls.Dial("tcp", m.Gateway.TLSAddr, &tls.Config{ServerName: host, InsecureSkipVerify: true})
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		if now := certs.Serial(conn.ConnectionState().PeerCertificates[0]); now != serial {
			return "the gateway shows serial " + now + ", want " + serial
		}
		return ""
	})
}

func certificateOf(name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"})
	object.SetNamespace("default")
	object.SetName(name)
	return object
}

// deleteOrphaned deletes a Certificate that owns its Secret, as with cert-manager's --enable-certificate-owner-ref.
func (m *move) deleteOrphaned(name, secretName string) {
	m.Helper()
	cert := certificateOf(name)
	key := client.ObjectKeyFromObject(cert)
	m.must(m.Client.Get(m.Context(), key, cert))
	secret := &corev1.Secret{}
	m.must(m.Client.Get(m.Context(), client.ObjectKey{Namespace: "default", Name: secretName}, secret))
	secret.OwnerReferences = []metav1.OwnerReference{{APIVersion: "cert-manager.io/v1", Kind: "Certificate", Name: name, UID: cert.GetUID()}}
	m.must(m.Client.Update(m.Context(), secret))
	m.must(m.Client.Delete(m.Context(), cert, client.PropagationPolicy(metav1.DeletePropagationOrphan)))
	m.until("Certificate gone, Secret without owner", func() string {
		if err := m.Client.Get(m.Context(), key, certificateOf(name)); client.IgnoreNotFound(err) != nil || err == nil {
			return "the Certificate still exists"
		}
		m.must(m.Client.Get(m.Context(), client.ObjectKeyFromObject(secret), secret))
		if len(secret.OwnerReferences) > 0 {
			return "the Secret still has an owner"
		}
		return ""
	})
}

// back returns a certificate to cert-manager. apisix-certs then pushes what cert-manager writes, and does not write the Secret.
func (m *move) back(name string) {
	m.Helper()
	host := name + ".moelove.info"
	cert := &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	patch := `[{"op":"replace","path":"/spec","value":{"secretName":"` + name + `-tls","dnsNames":["` + host + `"],"provided":true}}]`
	m.must(m.Client.Patch(m.Context(), cert, client.RawPatch(types.JSONPatchType, []byte(patch))))
	m.served(host, m.serialIn(name+"-tls"))
	m.cmSecret(name+"-tls", host)
	after := m.secretData(name + "-tls")
	m.served(host, m.serialIn(name+"-tls"))
	m.until("Provided", func() string { return m.condition("default", name, v1alpha1.ConditionReady, metav1.ConditionTrue) })
	if !bytes.Equal(m.secretData(name + "-tls")["tls.crt"], after["tls.crt"]) {
		m.Error("the Secret was written")
	}
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
kind: Issuer
metadata: {name: self, namespace: default}
spec: {selfSigned: {}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: right, namespace: default}
spec: {secretName: right-tls, commonName: right.moelove.info, dnsNames: [right.moelove.info], issuerRef: {name: vault}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: damaged, namespace: default}
spec: {secretName: damaged-tls, dnsNames: [damaged.moelove.info], issuerRef: {name: vault, kind: ClusterIssuer}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: missing, namespace: default}
spec: {secretName: missing-tls, dnsNames: [missing.moelove.info], issuerRef: {name: vault}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: self, namespace: default}
spec: {secretName: self-tls, dnsNames: [self.moelove.info], issuerRef: {name: self}}
`
