// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// TestDamagedSecret takes the label and the key from a Secret of ours, and then all of it. It is repaired, and a certificate is served all
// the while. More damages are in TestDamagedSecret of controllers/certificate.
func TestDamagedSecret(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	other, err := certs.GenerateKey(certs.KeySpec{})
	s.must(err)
	const name = "damaged"
	host := name + "." + s.domain
	s.certificate(name, []string{host})
	serial := certs.Serial(s.ready(name, host))
	probe := s.startProber(name+"-tls", host)
	secret := s.keptSecret(name + "-tls")
	before := secret.DeepCopy()
	secret.Labels, secret.Data["tls.key"] = nil, other.PEM(certs.PKCS8)
	s.must(s.Client.Patch(t.Context(), secret, client.MergeFrom(before)))
	leaf := s.readyBut(name, serial, host)
	s.checkSecret(name+"-tls", leaf)
	if s.keptSecret(name + "-tls").Labels[v1alpha1.LabelManaged] != "true" {
		t.Error("the label is not back")
	}
	s.event("ApisixCertificate", name, v1alpha1.ReasonRenewed, "does not match the certificate, last written by ")
	s.must(s.Client.Delete(t.Context(), s.keptSecret(name+"-tls")))
	s.readyBut(name, certs.Serial(leaf), host)
	if tries, wrong := probe.stop(); len(wrong) > 0 {
		t.Errorf("%d of %d handshakes were wrong, the first: %s", len(wrong), tries, wrong[0])
	}
}

// A Secret of others outlives a certificate that could never use it.
func TestForeignSecretOutlives(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.secret("plain-tls", corev1.SecretTypeOpaque, map[string]string{"password": "not a certificate at all"})
	s.certificate("plain", []string{"plain." + s.domain})
	s.refused("plain", v1alpha1.ReasonSecretNotManaged)
	s.must(s.Client.Delete(t.Context(), s.cert("plain")))
	s.until("end", func() string { return s.cert("plain").Name })
	if s.keptSecret("plain-tls") == nil {
		t.Error("the Secret is gone")
	}
}
