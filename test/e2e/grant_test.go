// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// grantYAML lets ApisixTlses of namespace grant-from refer to one Secret of the scene.
const grantYAML = `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: tls, namespace: $ns}
spec:
  from: [{group: apisix.apache.org, kind: ApisixTls, namespace: grant-from}]
  to: [{group: "", kind: Secret, name: web-tls}]
`

// TestReferenceGrant: an ApisixTls has its certificate in a Secret of another namespace as long as that lets it.
func TestReferenceGrant(t *testing.T) {
	t.Parallel()
	from, to := newNamespace(t, "grant-from"), newNamespace(t, "grant-to")
	host, name := "web."+from.domain, to.ns+".web-tls"
	from.must(from.Client.Create(t.Context(), tlsOf(from.ns, "web", to.ns, "web-tls", host)))
	from.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRefNotPermitted, "no ReferenceGrant in namespace "+to.ns, "create one there")
	from.event("ApisixTls", "web", v1alpha1.ReasonRefNotPermitted, "create one there")
	if to.keptSecret("web-tls") != nil {
		t.Fatal("a Secret was made without leave")
	}

	to.must(to.InstallReferenceGrants(t.Context()))
	to.until("the CRD", func() string { return errorText(to.Apply(t.Context(), "grant", []byte(to.text(grantYAML)))) })
	from.awayReady(to, name, host)
	serial := from.cert(name).Status.Issued.SerialNumber

	grant := &unstructured.Unstructured{}
	grant.SetAPIVersion("gateway.networking.k8s.io/v1beta1")
	grant.SetKind("ReferenceGrant")
	grant.SetNamespace(to.ns)
	grant.SetName("tls")
	to.must(to.Client.Delete(t.Context(), grant))
	from.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRefNotPermitted, "no ReferenceGrant in namespace "+to.ns)
	time.Sleep(1100 * time.Millisecond) // a wish for a renewal is told in seconds
	from.annotate(&v1alpha1.ApisixCertificate{}, name, v1alpha1.AnnotationRenewAt, time.Now().UTC().Format(time.RFC3339))
	from.condition(name, v1alpha1.ConditionIssued, metav1.ConditionFalse, v1alpha1.ReasonRefNotPermitted)
	from.until("what was served is served on", func() string { return to.unserved("web-tls", host) })
	if now := from.cert(name).Status.Issued.SerialNumber; now != serial {
		t.Error("issued without leave")
	}

	to.apply(grantYAML)
	from.awayReady(to, name, host)
	from.must(from.Client.Delete(t.Context(), &configv2.ApisixTls{ObjectMeta: metav1.ObjectMeta{Namespace: from.ns, Name: "web"}}))
	to.gone("web-tls", host)
}

// awayReady waits until the certificate is valid and served from the Secret of another namespace.
func (s *scene) awayReady(to *scene, name, host string) {
	s.Helper()
	s.until("certificate "+name, func() string {
		cert := s.cert(name)
		if c := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionReady); c == nil || c.Status != metav1.ConditionTrue {
			return "not ready"
		}
		bundle, problem := to.pair(cert.Spec.SecretName)
		if problem != "" {
			return problem
		}
		if serial := certs.Serial(bundle.Leaf); serial != cert.Status.Issued.SerialNumber {
			return "serial"
		}
		return to.unserved(cert.Spec.SecretName, host)
	})
}
