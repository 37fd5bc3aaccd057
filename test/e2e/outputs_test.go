// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"software.sslmate.com/src/go-pkcs12"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// TestOutputs: further forms come, follow their password and every renewal, and go, without a new certificate for them.
func TestOutputs(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	host := "web." + s.domain
	s.certificate("web", []string{host}, func(c *v1alpha1.ApisixCertificate) {
		c.Spec.AdditionalOutputFormats = []v1alpha1.OutputFormat{{Type: v1alpha1.OutputCombinedPEM}}
		c.Spec.Keystores = &v1alpha1.Keystores{PKCS12: &v1alpha1.PKCS12Keystore{Create: true, Profile: "Modern2023", PasswordSecretRef: v1alpha1.SecretKeySelector{Name: "store"}}}
	})
	s.refused("web", v1alpha1.ReasonInvalidSpec, "spec.keystores.pkcs12.passwordSecretRef", "Secret store with a password under key password does not exist")
	s.secret("store", corev1.SecretTypeOpaque, map[string]string{"password": "the first password"})
	s.witness.Guard("the first password")
	leaf := s.ready("web", host)
	opens := func(password string) func() string {
		return func() string {
			_, in, _, err := pkcs12.DecodeChain(s.keptSecret("web-tls").Data["keystore.p12"], password)
			switch bundle, _ := s.pair("web-tls"); {
			case err != nil:
				return err.Error()
			case !in.Equal(bundle.Leaf):
				return "it holds another certificate"
			}
			return ""
		}
	}
	s.until("keystore", opens("the first password"))
	if len(s.keptSecret("web-tls").Data["tls-combined.pem"]) == 0 {
		t.Error("no tls-combined.pem")
	}
	store := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "store"}}
	s.must(s.Client.Patch(t.Context(), store, client.RawPatch("application/merge-patch+json", []byte(`{"stringData":{"password":"another password"}}`))))
	s.until("keystore of another password", opens("another password"))
	if now, _ := s.pair("web-tls"); !now.Leaf.Equal(leaf) {
		t.Error("another certificate for another password")
	}
	s.renew("web")
	s.readyBut("web", certs.Serial(leaf), host)
	s.until("keystore of the next certificate", opens("another password"))
	cert := s.cert("web")
	before := cert.DeepCopy()
	cert.Spec.Keystores, cert.Spec.AdditionalOutputFormats = nil, nil
	s.must(s.Client.Patch(t.Context(), cert, client.MergeFrom(before)))
	s.until("the forms go", func() string {
		return unless(len(s.keptSecret("web-tls").Data) == 3, "there are more than three keys")
	})
}
