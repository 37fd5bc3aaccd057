// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// Lifetime is the default lifetime of a certificate.
const Lifetime = 90 * 24 * time.Hour

// keyOf reads NAME or NAMESPACE/NAME.
func keyOf(name string) types.NamespacedName {
	if namespace, rest, ok := strings.Cut(name, "/"); ok {
		return types.NamespacedName{Namespace: namespace, Name: rest}
	}
	return types.NamespacedName{Namespace: Namespace, Name: name}
}

// Create creates an ApisixCertificate NAME or NAMESPACE/NAME for the host NAME.example in Secret NAME-tls, after the edits.
func (s *Scene) Create(name string, edits ...func(*v1alpha1.ApisixCertificate)) {
	s.t.Helper()
	key := keyOf(name)
	s.addIssuer(key.Namespace)
	cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{
		SecretName: key.Name + "-tls", DNSNames: []string{key.Name + ".example"}, IssuerRef: v1alpha1.IssuerReference{Name: "vault"},
		Duration: &metav1.Duration{Duration: Lifetime},
	}}
	cert.Namespace, cert.Name = key.Namespace, key.Name
	for _, edit := range edits {
		edit(cert)
	}
	s.must(s.Kube.Create(s.ctx, cert))
	s.updateClaims(key)
	s.Enqueue(key)
}

// addIssuer makes VaultIssuer vault and what it logs in with.
func (s *Scene) addIssuer(namespace string) {
	if s.issuers[namespace] {
		return
	}
	s.issuers[namespace] = true
	vault := &v1alpha1.VaultIssuer{Spec: v1alpha1.VaultIssuerSpec{Server: s.vaultURL, Path: "pki/sign/web", Auth: v1alpha1.VaultAuth{
		AppRole: &v1alpha1.VaultAppRole{Path: "approle", RoleID: "certs", SecretRef: v1alpha1.SecretKeySelector{Name: "approle"}},
	}, Limits: s.Limits}}
	vault.Namespace, vault.Name = namespace, "vault"
	secret := &corev1.Secret{Data: map[string][]byte{"secretId": []byte("secret-id")}}
	secret.Namespace, secret.Name = namespace, "approle"
	s.must(s.Kube.Create(s.ctx, vault))
	s.must(s.Kube.Create(s.ctx, secret))
}

func (s *Scene) issuerKeys() []issuer.Key {
	var keys []issuer.Key
	for _, namespace := range slices.Sorted(maps.Keys(s.issuers)) {
		keys = append(keys, issuer.Key{Kind: v1alpha1.KindVaultIssuer, Namespace: namespace, Name: "vault"})
	}
	return keys
}

// Cert returns the current ApisixCertificate, or nil if there is none.
func (s *Scene) Cert(name string) *v1alpha1.ApisixCertificate {
	s.t.Helper()
	cert := &v1alpha1.ApisixCertificate{}
	if !s.get(keyOf(name), cert) {
		return nil
	}
	return cert
}

// Secret returns the current Secret, or nil if there is none.
func (s *Scene) Secret(name string) *corev1.Secret {
	s.t.Helper()
	secret := &corev1.Secret{}
	if !s.get(keyOf(name), secret) {
		return nil
	}
	return secret
}

func (s *Scene) get(key types.NamespacedName, o client.Object) bool {
	s.t.Helper()
	err := s.Kube.Get(s.ctx, key, o)
	if !apierrors.IsNotFound(err) {
		s.must(err)
	}
	return err == nil
}

// Edit changes spec or annotations of an ApisixCertificate, as a user does.
func (s *Scene) Edit(name string, edit func(*v1alpha1.ApisixCertificate)) {
	s.t.Helper()
	cert := s.Cert(name)
	before := cert.DeepCopy()
	edit(cert)
	cert.Generation++
	s.must(s.Kube.Patch(s.ctx, cert, client.MergeFrom(before)))
	s.updateClaims(keyOf(name))
	s.Enqueue(keyOf(name))
}

// Annotate sets an annotation of an ApisixCertificate, which is no other generation.
func (s *Scene) Annotate(name, key, value string) {
	s.t.Helper()
	s.Edit(name, func(cert *v1alpha1.ApisixCertificate) {
		metav1.SetMetaDataAnnotation(&cert.ObjectMeta, key, value)
		cert.Generation--
	})
}

// Delete deletes an ApisixCertificate, as a user does.
func (s *Scene) Delete(name string) {
	s.t.Helper()
	cert := s.Cert(name)
	s.mu.Lock()
	s.deleted[cert.UID] = metav1.NewTime(s.Clock.Now().Truncate(time.Second))
	s.mu.Unlock()
	s.must(s.Kube.Delete(s.ctx, cert))
	s.updateClaims(keyOf(name))
	s.Enqueue(keyOf(name))
}

// WriteSecret changes a Secret as another user, or creates it.
func (s *Scene) WriteSecret(name, manager string, edit func(*corev1.Secret)) {
	s.t.Helper()
	key := keyOf(name)
	secret := s.Secret(name)
	if secret == nil {
		secret = &corev1.Secret{Type: corev1.SecretTypeTLS}
		secret.Namespace, secret.Name = key.Namespace, key.Name
		edit(secret)
		s.must(s.Kube.Create(s.ctx, secret, client.FieldOwner(manager)))
	} else {
		edit(secret)
		s.must(s.Kube.Update(s.ctx, secret, client.FieldOwner(manager)))
	}
	s.changed(secret)
}

// DeleteSecret deletes a Secret as another user.
func (s *Scene) DeleteSecret(name string) {
	s.t.Helper()
	secret := s.Secret(name)
	s.must(s.Kube.Delete(s.ctx, secret))
	s.changed(secret)
}

// Condition is a condition of an ApisixCertificate as "STATUS REASON"; empty: there is none. Message is its message.
func (s *Scene) Condition(name, kind string) string {
	s.t.Helper()
	c := meta.FindStatusCondition(s.Cert(name).Status.Conditions, kind)
	if c == nil {
		return ""
	}
	return string(c.Status) + " " + c.Reason
}

// Message is the message of a condition.
func (s *Scene) Message(name, kind string) string {
	s.t.Helper()
	if c := meta.FindStatusCondition(s.Cert(name).Status.Conditions, kind); c != nil {
		return c.Message
	}
	return ""
}

// Ready is Condition Ready.
func (s *Scene) Ready(name string) string {
	s.t.Helper()
	return s.Condition(name, v1alpha1.ConditionReady)
}

// Leaf is the certificate in a Secret; nil: none.
func (s *Scene) Leaf(secret string) *x509.Certificate {
	s.t.Helper()
	found := s.Secret(secret)
	if found == nil {
		return nil
	}
	chain, err := certs.ParseCertificates(found.Data[corev1.TLSCertKey])
	if err != nil || len(chain) == 0 {
		return nil
	}
	return chain[0]
}

// Served is the certificate that the gateway serves for a host; nil: none.
func (s *Scene) Served(host string) *x509.Certificate {
	conn, err := tls.Dial("tcp", s.Gateway.TLSAddr(), &tls.Config{ServerName: host, InsecureSkipVerify: true}) // the test checks which certificate it is
	if err != nil {
		return nil
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0]
}
