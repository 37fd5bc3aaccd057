// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/vault/api"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// readyKeyless is ready for a certificate whose key is not in its Secret.
func (s *scene) readyKeyless(name, old, host string) *x509.Certificate {
	s.Helper()
	var leaf *x509.Certificate
	s.until("certificate "+name, func() string {
		cert := s.cert(name)
		if c := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionReady); c == nil || c.Status != metav1.ConditionTrue {
			return fmt.Sprintf("Ready: %+v", c)
		}
		secret := s.keptSecret(cert.Spec.SecretName)
		if secret == nil {
			return "there is no Secret"
		}
		bundle, err := certs.ParseBundle(secret.Data[corev1.TLSCertKey], nil, secret.Data[corev1.ServiceAccountRootCAKey])
		if err != nil {
			return err.Error()
		}
		if leaf = bundle.Leaf; certs.Serial(leaf) == old || cert.Status.Issued.SerialNumber != certs.Serial(leaf) {
			return "status and Secret do not have a new serial yet"
		}
		served, err := s.served(host)
		if err != nil {
			return err.Error()
		}
		if !served.Equal(leaf) {
			return "the gateway serves another certificate"
		}
		return ""
	})
	s.noKeyInSecrets(name)
	return leaf
}

// noKeyInSecrets fails where the certificate's Secret is one that could hold a key, or any Secret of the namespace holds
// one, but for those of other certificates.
func (s *scene) noKeyInSecrets(certificate string) {
	s.Helper()
	var all corev1.SecretList
	s.must(s.Client.List(s.Context(), &all, client.InNamespace(s.ns)))
	for _, secret := range all.Items {
		owner, made := secret.Annotations[v1alpha1.AnnotationCertificate]
		if made && owner != certificate {
			continue
		}
		if made && secret.Type != corev1.SecretTypeOpaque {
			s.Errorf("Secret %s is of type %s", secret.Name, secret.Type)
		}
		for field, value := range secret.Data {
			if bytes.Contains(value, []byte("PRIVATE KEY")) {
				s.Errorf("Secret %s holds a private key under %s", secret.Name, field)
			}
		}
	}
}

func TestOwnHostsChange(t *testing.T) {
	s := newScene(t)
	a, b := "a."+s.domain, "b."+s.domain
	s.certificate("web", []string{a, b})
	first := s.ready("web", a, b)
	s.change("web", func(c *v1alpha1.ApisixCertificate) { c.Spec.DNSNames = []string{b} })
	s.readyBut("web", certs.Serial(first), b)
	if left := s.ssls(a); len(left) > 0 {
		t.Errorf("a host that left the spec is still at the gateway: %v", left)
	}
	s.change("web", func(c *v1alpha1.ApisixCertificate) {
		c.Spec.DNSNames, c.Spec.IPAddresses = nil, []string{"127.0.0.1"}
	})
	s.until("end of the ssl object", func() string {
		if left := s.ssls(b); len(left) > 0 {
			return fmt.Sprint(left)
		}
		return ""
	})
}

// change changes an ApisixCertificate.
func (s *scene) change(name string, change func(*v1alpha1.ApisixCertificate)) {
	s.Helper()
	cert := s.cert(name)
	before := cert.DeepCopy()
	change(cert)
	s.must(s.Client.Patch(s.Context(), cert, client.MergeFrom(before)))
}

// A host that somebody else serves is refused by name, the others are served, and nothing of theirs is touched.
func TestOwnConflict(t *testing.T) {
	s := newScene(t)
	a, b := "a."+s.domain, "b."+s.domain
	s.certificate("theirs", []string{a})
	s.ready("theirs", a)
	object := s.ssls(a)[0]
	pair := s.keptSecret("theirs-tls")
	object.ID, object.Labels, object.Key = "by-hand", nil, string(pair.Data[corev1.TLSPrivateKeyKey])
	s.must(s.Client.Delete(t.Context(), &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "theirs"}}))
	s.gone("theirs-tls", a)
	_, err := s.gateway.PutSSL(t.Context(), object)
	s.must(err)
	t.Cleanup(func() { _ = s.gateway.DeleteSSL(context.Background(), "by-hand") })
	s.certificate("web", []string{a, b})
	// The list of ssl objects may be minutes old, in which case the proof finds the other object.
	s.until("conflict", func() string {
		ready := meta.FindStatusCondition(s.cert("web").Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "by-hand") {
			return fmt.Sprintf("%+v", ready)
		}
		return s.unserved("web-tls", b)
	})
	if now := s.ssls(a); now[0].ID != "by-hand" && now[len(now)-1].ID != "by-hand" {
		t.Errorf("the other object is gone: %v", now)
	}
}

func TestKeyAtGateway(t *testing.T) {
	s := newScene(t)
	host := "shop." + s.domain
	s.certificate("shop", []string{host}, func(c *v1alpha1.ApisixCertificate) { c.Spec.KeyStorage = v1alpha1.KeyAtGateway })
	first := s.readyKeyless("shop", "", host)

	s.renew("shop")
	second := s.readyKeyless("shop", certs.Serial(first), host)

	// The gateway loses the object, and with it the key.
	s.must(s.gateway.DeleteSSL(t.Context(), s.ssls(host)[0].ID))
	third := s.readyKeyless("shop", certs.Serial(second), host)
	if bytes.Equal(second.RawSubjectPublicKeyInfo, third.RawSubjectPublicKeyInfo) {
		t.Error("the key is the same though it was lost")
	}

	// Somebody puts another key beside the certificate.
	object := s.ssls(host)[0]
	s.certificate("other", []string{"other." + s.domain})
	s.ready("other", "other."+s.domain)
	object.Key = string(s.keptSecret("other-tls").Data[corev1.TLSPrivateKeyKey])
	_, err := s.gateway.PutSSL(t.Context(), object)
	s.must(err)
	s.readyKeyless("shop", certs.Serial(third), host)

	// Another goes to the Secret and back: one certificate is not issued more than five times in a row.
	host = "moved." + s.domain
	s.certificate("moved", []string{host}, func(c *v1alpha1.ApisixCertificate) { c.Spec.KeyStorage = v1alpha1.KeyAtGateway })
	fourth := s.readyKeyless("moved", "", host)
	s.change("moved", func(c *v1alpha1.ApisixCertificate) { c.Spec.KeyStorage = v1alpha1.KeyInSecret })
	fifth := s.readyBut("moved", certs.Serial(fourth), host)
	s.change("moved", func(c *v1alpha1.ApisixCertificate) { c.Spec.KeyStorage = v1alpha1.KeyAtGateway })
	sixth := s.readyKeyless("moved", certs.Serial(fifth), host)
	if bytes.Equal(fifth.RawSubjectPublicKeyInfo, sixth.RawSubjectPublicKeyInfo) {
		t.Error("a key that was in a Secret is still used")
	}
}

func TestKeyInVaultKV(t *testing.T) {
	s := newScene(t)
	kv := s.keyValue()
	host := "shop." + s.domain
	s.certificate("shop", []string{host}, func(c *v1alpha1.ApisixCertificate) {
		c.Spec.IssuerRef.Name, c.Spec.KeyStorage = "kv", v1alpha1.KeyInVaultKV
		c.Spec.VaultKV = &v1alpha1.VaultKV{Path: "gateways", TokenSecretRef: v1alpha1.SecretKeySelector{Name: "gateway-token"}}
	})
	s.condition("shop", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonKeyStorageUnsupported, "gateway-token", "tokenSecretRef")
	s.secret("gateway-token", corev1.SecretTypeOpaque, map[string]string{"token": s.vaultToken("kv-read", `path "kv/gateways/*" { capabilities = ["read"] }`)})
	leaf := s.readyKeyless("shop", "", host)
	folder := "kv/gateways/" + string(s.cert("shop").UID)

	// The gateway keeps what it read for 300 s: a renewal must not wait for that.
	for range 3 {
		s.renew("shop")
		leaf = s.readyKeyless("shop", certs.Serial(leaf), host)
	}
	s.until("old keys", func() string {
		if names := kv(folder); len(names) != 1 {
			return fmt.Sprintf("there are %v", names)
		}
		return ""
	})

	// The gateway loses its objects: they come back without a new certificate.
	object := s.ssls(host)[0]
	s.must(s.gateway.DeleteSSL(t.Context(), object.ID))
	s.must(s.gateway.DeleteVaultSecret(t.Context(), object.ID))
	s.until("repair", func() string {
		served, err := s.served(host)
		if err != nil {
			return err.Error()
		}
		if !served.Equal(leaf) {
			return "another certificate is served"
		}
		return ""
	})

	// A new token is given to the gateway.
	token := s.vaultToken("kv-read", `path "kv/gateways/*" { capabilities = ["read"] }`)
	secret := s.keptSecret("gateway-token")
	secret.Data["token"] = []byte(token)
	s.must(s.Client.Update(t.Context(), secret))
	s.until("new token", func() string {
		if have, err := s.gateway.GetVaultSecret(t.Context(), object.ID); err != nil || have.Token != token {
			return fmt.Sprintf("the gateway does not have it: %v", err)
		}
		return ""
	})

	s.must(s.Client.Delete(t.Context(), s.cert("shop")))
	s.gone("shop-tls", host)
	s.until("end in Vault", func() string {
		if names := kv(folder); len(names) > 0 {
			return fmt.Sprintf("left: %v", names)
		}
		return ""
	})
	if _, err := s.gateway.GetVaultSecret(t.Context(), object.ID); err == nil {
		t.Error("the gateway's secret object is left")
	}
}

// A certificate that moves leaves nothing in the place that it had in Vault, and is served all the time.
func TestKeyLeavesVaultKV(t *testing.T) {
	s := newScene(t)
	kv := s.keyValue()
	host := "moving." + s.domain
	s.secret("gateway-token", corev1.SecretTypeOpaque, map[string]string{"token": s.vaultToken("kv-read", `path "kv/gateways/*" { capabilities = ["read"] }`)})
	inVault := func(path string) func(*v1alpha1.ApisixCertificate) {
		return func(c *v1alpha1.ApisixCertificate) {
			c.Spec.IssuerRef.Name, c.Spec.KeyStorage = "kv", v1alpha1.KeyInVaultKV
			c.Spec.VaultKV = &v1alpha1.VaultKV{Path: path, TokenSecretRef: v1alpha1.SecretKeySelector{Name: "gateway-token"}}
		}
	}
	s.certificate("moving", []string{host}, inVault("gateways/a"))
	leaf := s.readyKeyless("moving", "", host)
	object, uid := s.ssls(host)[0].ID, string(s.cert("moving").UID)
	refused := s.watchServed(host)
	for _, row := range []struct {
		to      string
		move    func(*v1alpha1.ApisixCertificate)
		keyless bool
		left    string // the folder that must be empty
		places  []v1alpha1.KeyLocation
	}{
		{"another path", inVault("gateways/b"), true, "a", []v1alpha1.KeyLocation{{Issuer: "VaultIssuer/kv", Mount: "kv", Path: "gateways/b/" + uid}}},
		{"the Secret", func(c *v1alpha1.ApisixCertificate) { c.Spec.KeyStorage, c.Spec.VaultKV = v1alpha1.KeyInSecret, nil }, false, "b", nil},
		{"Vault again", inVault("gateways/c"), true, "", []v1alpha1.KeyLocation{{Issuer: "VaultIssuer/kv", Mount: "kv", Path: "gateways/c/" + uid}}},
		{"the gateway, by another issuer", func(c *v1alpha1.ApisixCertificate) {
			c.Spec.KeyStorage, c.Spec.VaultKV, c.Spec.IssuerRef.Name = v1alpha1.KeyAtGateway, nil, "vault"
		}, true, "c", nil},
	} {
		s.change("moving", row.move)
		if row.keyless {
			leaf = s.readyKeyless("moving", certs.Serial(leaf), host)
		} else {
			leaf = s.readyBut("moving", certs.Serial(leaf), host)
		}
		s.until("end of the place before "+row.to, func() string {
			if diff := cmp.Diff(row.places, s.cert("moving").Status.KeyLocations); diff != "" {
				return diff
			}
			if names := kv("kv/gateways/" + row.left + "/" + uid); row.left != "" && len(names) > 0 {
				return fmt.Sprintf("left: %v", names)
			}
			if _, err := s.gateway.GetVaultSecret(t.Context(), object); (err == nil) != (row.places != nil) {
				return fmt.Sprintf("the gateway's secret object: %v", err)
			}
			return ""
		})
	}
	if wrong := refused(); wrong != "" {
		t.Error(wrong)
	}
}

// watchServed asks for a host all the time, until the function that it gives is called: that tells of a handshake that failed.
func (s *scene) watchServed(host string) func() string {
	ctx, stop := context.WithCancel(s.Context())
	wrong := make(chan string, 1)
	go func() {
		defer close(wrong)
		for asked := 0; ctx.Err() == nil; asked++ {
			if _, err := s.served(host); err != nil {
				wrong <- fmt.Sprintf("after %d handshakes: %v", asked, err)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() string {
		stop()
		return <-wrong
	}
}

// Vault cannot be asked while a key moves out of it: what is served stays, and is cleared when Vault answers.
func TestKeyStaysWhileItCannotMove(t *testing.T) {
	s := newScene(t)
	kv := s.keyValue()
	host := "held." + s.domain
	s.secret("gateway-token", corev1.SecretTypeOpaque, map[string]string{"token": s.vaultToken("kv-read", `path "kv/gateways/*" { capabilities = ["read"] }`)})
	s.certificate("held", []string{host}, func(c *v1alpha1.ApisixCertificate) {
		c.Spec.IssuerRef.Name, c.Spec.KeyStorage = "kv", v1alpha1.KeyInVaultKV
		c.Spec.VaultKV = &v1alpha1.VaultKV{Path: "gateways", TokenSecretRef: v1alpha1.SecretKeySelector{Name: "gateway-token"}}
	})
	leaf := s.readyKeyless("held", "", host)
	folder := "kv/gateways/" + string(s.cert("held").UID)

	// A path where the issuer may not write.
	s.change("held", func(c *v1alpha1.ApisixCertificate) { c.Spec.VaultKV.Path = "forbidden" })
	s.until("a failure", func() string {
		return lacks(meta.FindStatusCondition(s.cert("held").Status.Conditions, v1alpha1.ConditionIssued), metav1.ConditionTrue, v1alpha1.ReasonRenewalFailing, []string{"spec.vaultKV"})
	})
	if served, err := s.served(host); err != nil || !served.Equal(leaf) {
		t.Errorf("what was served does not stay: %v", err)
	}
	if names := kv(folder); len(names) != 1 {
		t.Errorf("in Vault there are %v", names)
	}

	// To the Secret, while nobody may delete: the certificate moves, the place is remembered.
	vault := s.Vault.Client()
	s.must(vault.Sys().PutPolicyWithContext(t.Context(), "kv-write", kvRules(`"read", "list"`)))
	s.change("held", func(c *v1alpha1.ApisixCertificate) { c.Spec.KeyStorage, c.Spec.VaultKV = v1alpha1.KeyInSecret, nil })
	leaf = s.readyBut("held", certs.Serial(leaf), host)
	if places := s.cert("held").Status.KeyLocations; len(places) != 1 || len(kv(folder)) != 1 {
		t.Errorf("places %v, in Vault %v", places, kv(folder))
	}
	s.must(vault.Sys().PutPolicyWithContext(t.Context(), "kv-write", kvRules(`"read", "list", "delete"`)))
	s.renew("held")
	s.readyBut("held", certs.Serial(leaf), host)
	s.until("end in Vault", func() string {
		if places, names := s.cert("held").Status.KeyLocations, kv(folder); len(places)+len(names) > 0 {
			return fmt.Sprintf("places %v, in Vault %v", places, names)
		}
		return ""
	})
}

func kvRules(capabilities string) string {
	return `
path "pki*"          { capabilities = ["read", "list"] }
path "pki/sign/*"    { capabilities = ["create", "update"] }
path "kv/gateways/*" { capabilities = [` + capabilities + `] }
`
}

// keyValue mounts a key-value engine of version 1 and makes an issuer "kv" that may use it. It returns a function that
// lists a folder.
func (s *scene) keyValue() func(folder string) []any {
	s.Helper()
	vault := s.Vault.Client()
	s.must(vault.Sys().MountWithContext(s.Context(), "kv", &api.MountInput{Type: "kv", Options: map[string]string{"version": "1"}}))
	s.Cleanup(func() { _ = vault.Sys().UnmountWithContext(context.Background(), "kv") })
	token := s.vaultToken("kv-write", kvRules(`"create", "update", "read", "list", "delete"`))
	s.secret("kv-token", corev1.SecretTypeOpaque, map[string]string{"token": token})
	s.issuer("kv", "pki/sign/moelove-dot-info", func(spec *v1alpha1.VaultIssuerSpec) { spec.Auth.TokenSecretRef.Name = "kv-token" })
	return func(folder string) []any {
		list, err := vault.Logical().ListWithContext(s.Context(), folder)
		s.must(err)
		if list == nil {
			return nil
		}
		names, _ := list.Data["keys"].([]any)
		return names
	}
}

func (s *scene) vaultToken(policy, rules string) string {
	s.Helper()
	vault := s.Vault.Client()
	s.must(vault.Sys().PutPolicyWithContext(s.Context(), policy, rules))
	answer, err := vault.Logical().WriteWithContext(s.Context(), "auth/token/create", map[string]any{"policies": []string{policy}, "period": "24h"})
	s.must(err)
	s.witness.Guard(answer.Auth.ClientToken)
	return answer.Auth.ClientToken
}

// What cannot be combined is refused by the API server.
func TestKeyStorageRefused(t *testing.T) {
	s := newScene(t)
	rows := map[string]func(*v1alpha1.ApisixCertificateSpec){
		"vaultKV is required with keyStorage": func(spec *v1alpha1.ApisixCertificateSpec) { spec.KeyStorage = v1alpha1.KeyInVaultKV },
		"vaultKV is required with": func(spec *v1alpha1.ApisixCertificateSpec) {
			spec.VaultKV = &v1alpha1.VaultKV{TokenSecretRef: v1alpha1.SecretKeySelector{Name: "x"}}
		},
		"requires dnsNames": func(spec *v1alpha1.ApisixCertificateSpec) {
			spec.KeyStorage, spec.DNSNames, spec.IPAddresses = v1alpha1.KeyAtGateway, nil, []string{"127.0.0.1"}
		},
		"rotationPolicy Never": func(spec *v1alpha1.ApisixCertificateSpec) {
			spec.KeyStorage, spec.PrivateKey = v1alpha1.KeyAtGateway, &v1alpha1.PrivateKey{RotationPolicy: v1alpha1.RotationNever}
		},
	}
	for says, change := range rows {
		cert := &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "web"}, Spec: v1alpha1.ApisixCertificateSpec{
			SecretName: "web-tls", IssuerRef: v1alpha1.IssuerReference{Name: "vault"}, DNSNames: []string{"a." + s.domain},
		}}
		change(&cert.Spec)
		if err := s.Client.Create(t.Context(), cert); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

func TestClientCA(t *testing.T) {
	s := newScene(t)
	host := "mtls." + s.domain
	s.apply(`
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata: {name: mtls, namespace: $ns, annotations: {apisix-certs.io/issuer: vault}}
spec:
  hosts: [mtls.$domain]
  secret: {name: mtls-tls, namespace: $ns}
  client:
    caSecret: {name: clients, namespace: $ns}
    depth: 2
    skip_mtls_uri_regex: ["/health"]
`)
	s.until("reason", func() string {
		return lacks(meta.FindStatusCondition(s.cert("mtls-tls").Status.Conditions, v1alpha1.ConditionPushed), metav1.ConditionFalse, v1alpha1.ReasonInvalidClientCA, []string{"clients", "create it"})
	})
	if left := s.ssls(host); len(left) > 0 {
		t.Fatalf("a host that wants mTLS is served without: %v", left)
	}
	ca := func() string { return string(s.keptSecret("mtls-tls").Data[corev1.ServiceAccountRootCAKey]) }
	began := time.Now()
	s.secret("clients", corev1.SecretTypeOpaque, map[string]string{"ca.crt": ca()})
	s.until("mTLS", func() string {
		objects := s.ssls(host)
		if len(objects) != 1 || objects[0].Client == nil {
			return fmt.Sprintf("%v", objects)
		}
		if c := objects[0].Client; *c.Depth != 2 || len(c.SkipMTLSURIRegex) != 1 || !strings.Contains(c.CA, "CERTIFICATE") {
			return fmt.Sprintf("%+v", c)
		}
		return ""
	})
	t.Logf("the CA's Secret was followed after %s", time.Since(began).Round(time.Millisecond))
	s.condition("mtls-tls", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)

	// Without its CA, what is served stays.
	s.must(s.Client.Delete(t.Context(), s.keptSecret("clients")))
	s.condition("mtls-tls", v1alpha1.ConditionPushed, metav1.ConditionFalse, v1alpha1.ReasonInvalidClientCA)
	if objects := s.ssls(host); len(objects) != 1 || objects[0].Client == nil {
		t.Errorf("what was served has changed: %v", objects)
	}
}

// Annotations keep keys out of Kubernetes too, and no ApisixTls is made that would refer to a Secret without a key.
func TestKeyStorageAnnotations(t *testing.T) {
	s := newScene(t)
	s.keyValue()
	s.secret("gateway-token", corev1.SecretTypeOpaque, map[string]string{"token": s.vaultToken("kv-read", `path "kv/gateways/*" { capabilities = ["read"] }`)})
	s.apply(strings.Replace(ingressYAML, "{apisix-certs.io/issuer: vault}", "{apisix-certs.io/issuer: vault, apisix-certs.io/key-storage: Gateway}", 1))
	s.apply(strings.Replace(routeYAML, "{apisix-certs.io/issuer: vault}", `
    apisix-certs.io/issuer: kv
    apisix-certs.io/key-storage: VaultKV
    apisix-certs.io/vault-kv-token-secret: gateway-token
    apisix-certs.io/vault-kv-path: gateways`, 1))
	s.readyKeyless("shop-tls", "", "shop."+s.domain)
	leaf := s.readyKeyless("api-tls", "", "api."+s.domain)
	if places := s.cert("api-tls").Status.KeyLocations; len(places) != 1 || places[0].Path != "gateways/"+string(s.cert("api-tls").UID) {
		t.Errorf("places %v", places)
	}
	if err := s.Client.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "api-tls"}, &configv2.ApisixTls{}); !apierrors.IsNotFound(err) {
		t.Errorf("the ApisixTls of a Secret without a key: %v", err)
	}

	// A slip keeps what works, and says what is wrong.
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(schema.GroupVersionKind{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixRoute"})
	s.annotate(route, "api", v1alpha1.AnnotationVaultKVTokenSecret, "")
	s.event("ApisixRoute", "api", v1alpha1.ReasonInvalidSource, v1alpha1.AnnotationVaultKVTokenSecret)
	if s.readyKeyless("api-tls", "", "api."+s.domain); !s.servedIs("api."+s.domain, leaf) {
		t.Error("another certificate is served after a slip")
	}
}

func (s *scene) servedIs(host string, leaf *x509.Certificate) bool {
	served, err := s.served(host)
	return err == nil && served.Equal(leaf)
}
