// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestEndsThatFail: a certificate whose gateway, issuer or Vault is gone, and with it its namespace, can be let go.
func TestEndsThatFail(t *testing.T) {
	t.Parallel()
	run(t, newScene,
		row{"the gateway of the class is gone", letGo(goneGateway), deletedWithItsOwn},
		row{"the issuer that should revoke is gone", letGo(goneIssuer), deletedIsRevoked},
		row{"the Vault with the key is gone", letGo(goneVault), tokenInEnvironment},
		row{"the namespace is deleted", letGo(goneNamespace), deletedWithItsOwn},
	)
}

// letGo lets a certificate "stuck" of the evil tenant be deleted while its clean-up cannot be done.
func letGo(spoil func(*scene)) func(*scene) {
	return func(s *scene) {
		spoil(s)
		stuck := named(s.evil, &v1alpha1.ApisixCertificate{}, "stuck")
		s.must(client.IgnoreNotFound(s.Client.Delete(s.Context(), stuck)))
		time.Sleep(2 * time.Second)
		if err := s.Client.Get(s.Context(), client.ObjectKeyFromObject(stuck), stuck); apierrors.IsNotFound(err) {
			return // nothing had to be done
		}
		s.must(s.Client.Patch(s.Context(), stuck, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"`+v1alpha1.AnnotationSkipCleanup+`":"true"}}}`))))
		s.within(patience/2, "the end of a certificate with "+v1alpha1.AnnotationSkipCleanup, func() string {
			err := s.Client.Get(s.Context(), client.ObjectKeyFromObject(stuck), stuck)
			return unless(apierrors.IsNotFound(err), "it is there: "+s.reason(s.evil, "stuck", v1alpha1.ConditionReady))
		})
	}
}

// goneGateway: the class leads to a GatewayProxy that does not exist.
func goneGateway(s *scene) {
	s.must(s.Apply(s.Context(), "class", []byte(strings.NewReplacer("$name", "gone-"+s.id, "$ns", s.evil.ns).Replace(`
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: $name}
spec:
  controller: apisix.apache.org/apisix-ingress
  parameters: {apiGroup: apisix.apache.org, kind: GatewayProxy, scope: Namespace, namespace: $ns, name: gone}
`))))
	s.makes(s.evil, edited(s.evil.cert("stuck", "stuck."+s.evil.domain), ofClass("gone-"+s.id)))
	s.until("a pair", func() string { return unless(leafOf(s.readSecret(s.evil, "stuck-tls")) != nil, "none") })
	s.settled(s.evil, "stuck")
}

// behindTap makes a certificate "stuck" by a VaultIssuer of the tenant behind a tap.
func (s *scene) behindTap(edits ...func(*v1alpha1.ApisixCertificateSpec)) *cluster.Tap {
	s.Helper()
	tap, err := cluster.NewTap(s.Vault.Address, nil)
	s.must(err)
	s.Cleanup(tap.Close)
	s.makes(s.evil, s.evil.opaque("vault-token", map[string]string{"token": s.token}), s.issuer(s.evil, "own", tap.URL),
		s.evil.opaque("gateway-token", map[string]string{"token": s.gatewayToken()}))
	s.makes(s.evil, edited(s.evil.cert("stuck", "stuck."+s.evil.domain), append(edits, byOwnVault)...))
	s.until("certificate stuck served", func() string {
		_, err := s.Served(s.Context(), "stuck."+s.evil.domain)
		return unless(err == nil, s.reason(s.evil, "stuck", v1alpha1.ConditionReady))
	})
	return tap
}

func goneIssuer(s *scene) {
	s.behindTap(revoked(v1alpha1.RevokeOnDelete))
	s.must(s.evil.Delete(s.Context(), s.issuer(s.evil, "own", "")))
}

func goneVault(s *scene) {
	s.behindTap(func(spec *v1alpha1.ApisixCertificateSpec) {
		spec.KeyStorage, spec.VaultKV = v1alpha1.KeyInVaultKV, &v1alpha1.VaultKV{TokenSecretRef: v1alpha1.SecretKeySelector{Name: "gateway-token"}}
	}).Stop()
}

func goneNamespace(s *scene) {
	if os.Getenv("APISIX_CERTS_MEASURES") != "long" {
		s.Skip("a namespace ends within minutes only on a quiet machine: APISIX_CERTS_MEASURES=long")
	}
	s.behindTap(revoked(v1alpha1.RevokeOnDelete)).Stop()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.evil.ns}}
	s.must(s.Client.Delete(s.Context(), namespace))
	s.Cleanup(func() { _ = s.Client.Delete(context.Background(), namespace) })
	s.until("the end of the issuer", func() string {
		err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: s.evil.ns, Name: "own"}, &v1alpha1.VaultIssuer{})
		return unless(apierrors.IsNotFound(err) || s.readCert(s.evil, "stuck").Name == "", "it is there")
	})
}
