// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// TestDamagedSecret damages a Secret of ours in every way that a person would. It is repaired, and a certificate is served
// all the while.
func TestDamagedSecret(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	other, err := certs.GenerateKey(certs.KeySpec{})
	s.must(err)
	damaged := 0
	for what, damage := range map[string]func(*corev1.Secret){
		"garbage in tls.key":     func(secret *corev1.Secret) { secret.Data["tls.key"] = []byte("garbage") },
		"another key in tls.key": func(secret *corev1.Secret) { secret.Data["tls.key"] = other.PEM(certs.PKCS8) },
		"tls.crt empty":          func(secret *corev1.Secret) { secret.Data["tls.crt"] = []byte{} },
		"half of tls.crt":        func(secret *corev1.Secret) { secret.Data["tls.crt"] = secret.Data["tls.crt"][:200] },
		"label off, and garbage": func(secret *corev1.Secret) { secret.Labels, secret.Data["tls.key"] = nil, []byte("garbage") },
	} {
		damaged++
		name := fmt.Sprint("held", damaged)
		host := name + "." + s.domain
		s.certificate(name, []string{host})
		serial := certs.Serial(s.ready(name, host))
		probe := s.startProber(name+"-tls", host)
		secret := s.keptSecret(name + "-tls")
		before := secret.DeepCopy()
		damage(secret)
		s.must(s.Client.Patch(t.Context(), secret, client.MergeFrom(before)))
		leaf := s.readyBut(name, serial, host)
		s.checkSecret(name+"-tls", leaf)
		if s.keptSecret(name + "-tls").Labels[v1alpha1.LabelManaged] != "true" {
			t.Errorf("%s: the label is not back", what)
		}
		s.must(s.Client.Delete(t.Context(), s.keptSecret(name+"-tls")))
		s.readyBut(name, certs.Serial(leaf), host)
		if tries, wrong := probe.stop(); len(wrong) > 0 {
			t.Errorf("%s: %d of %d handshakes were wrong, the first: %s", what, len(wrong), tries, wrong[0])
		}
		if strings.HasPrefix(what, "garbage") {
			s.event("ApisixCertificate", name, v1alpha1.ReasonRenewed, "tls.key")
		}
	}
}

// TestForeignSecret lets a Secret of others stand where the certificate should go, good or not.
func TestForeignSecret(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.secret("plain-tls", corev1.SecretTypeOpaque, map[string]string{"password": "not a certificate at all"})
	s.secret("broken-tls", corev1.SecretTypeTLS, map[string]string{"tls.crt": "broken", "tls.key": "broken"})
	for _, name := range []string{"plain", "broken"} {
		before := s.keptSecret(name + "-tls")
		s.certificate(name, []string{name + "." + s.domain})
		s.refused(name, v1alpha1.ReasonSecretNotOurs, "spec.secretName", name+"-tls", v1alpha1.AnnotationAdoptSecret)
		after := s.keptSecret(name + "-tls")
		if after.ResourceVersion != before.ResourceVersion || !bytes.Equal(after.Data["tls.crt"], before.Data["tls.crt"]) {
			t.Errorf("Secret %s-tls was touched", name)
		}
	}
	s.annotate(&v1alpha1.ApisixCertificate{}, "broken", v1alpha1.AnnotationAdoptSecret, "true")
	s.checkSecret("broken-tls", s.ready("broken", "broken."+s.domain))

	s.annotate(&v1alpha1.ApisixCertificate{}, "plain", v1alpha1.AnnotationAdoptSecret, "true")
	s.refused("plain", v1alpha1.ReasonSecretNotOurs, "spec.secretName", "Opaque", "delete it")
	s.must(s.Client.Delete(t.Context(), s.keptSecret("plain-tls")))
	s.ready("plain", "plain."+s.domain)
}

// A Secret of others outlives a certificate that could never use it.
func TestForeignSecretOutlives(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.secret("plain-tls", corev1.SecretTypeOpaque, map[string]string{"password": "not a certificate at all"})
	s.certificate("plain", []string{"plain." + s.domain})
	s.refused("plain", v1alpha1.ReasonSecretNotOurs)
	s.must(s.Client.Delete(t.Context(), s.cert("plain")))
	s.until("end", func() string { return s.cert("plain").Name })
	if s.keptSecret("plain-tls") == nil {
		t.Error("the Secret is gone")
	}
}

// A host belongs to the oldest certificate that names it. When that goes, the next one takes over.
func TestHostOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	first := newScene(t)
	second := newNamespace(t, first.ns+"-2")
	host := "shared." + first.domain
	first.certificate("owner", []string{host})
	old := first.ready("owner", host)
	second.certificate("late", []string{host})
	second.refused("late", v1alpha1.ReasonConflict, "spec.dnsNames", host, "belongs to namespace "+first.ns, "owner")
	if leaf, err := first.served(host); err != nil || !leaf.Equal(old) {
		t.Errorf("the owner's certificate is not served any more: %v", err)
	}
	if second.keptSecret("late-tls") != nil {
		t.Error("a certificate was issued")
	}
	first.must(first.Client.Delete(t.Context(), first.cert("owner")))
	second.ready("late", host)
	second.condition("late", v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonIssued)
	if n := len(second.ssls(host)); n != 1 {
		t.Errorf("%d ssl objects of the host", n)
	}
}
