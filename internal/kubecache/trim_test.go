// SPDX-License-Identifier: Apache-2.0

package kubecache

import (
	"testing"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func TestTrim(t *testing.T) {
	full := metav1.ObjectMeta{
		Name: "a", Labels: map[string]string{"team": "shop"}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
		Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "note": "kept"},
	}
	small := metav1.ObjectMeta{Name: "a", Labels: map[string]string{"team": "shop"}, Annotations: map[string]string{"note": "kept"}}
	spec := networkingv1.IngressSpec{TLS: []networkingv1.IngressTLS{{SecretName: "s"}}}
	ours := v1alpha1.ApisixCertificateStatus{OwnedNames: []string{"a.example.com"}}
	data := map[string][]byte{"tls.crt": []byte("x")}
	for name, row := range map[string]struct{ object, want client.Object }{
		"Ingress": {
			&networkingv1.Ingress{ObjectMeta: *full.DeepCopy(), Spec: spec, Status: networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{
				Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.1"}}}}},
			&networkingv1.Ingress{ObjectMeta: small, Spec: spec},
		},
		"ApisixTls": {
			&configv2.ApisixTls{ObjectMeta: *full.DeepCopy(), Status: configv2.ApisixStatus{Conditions: []metav1.Condition{{Type: "x"}}}},
			&configv2.ApisixTls{ObjectMeta: small},
		},
		"a status of our own": {
			&v1alpha1.ApisixCertificate{ObjectMeta: *full.DeepCopy(), Status: ours},
			&v1alpha1.ApisixCertificate{ObjectMeta: small, Status: ours},
		},
		"Secret": {&corev1.Secret{ObjectMeta: *full.DeepCopy(), Data: data}, &corev1.Secret{ObjectMeta: small, Data: data}},
	} {
		got, err := Trim(row.object)
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
}

func TestTrimLeavesTombstones(t *testing.T) {
	gone := toolscache.DeletedFinalStateUnknown{Key: "ns/a"}
	if got, err := Trim(gone); got != gone || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}
