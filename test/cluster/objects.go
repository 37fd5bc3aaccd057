// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// NewIngress is an Ingress with one TLS entry.
func NewIngress(namespace, name, secretName string, annotations map[string]string, hosts ...string) *networkingv1.Ingress {
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations},
		Spec: networkingv1.IngressSpec{
			DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "x", Port: networkingv1.ServiceBackendPort{Number: 80}}},
			TLS:            []networkingv1.IngressTLS{{Hosts: hosts, SecretName: secretName}},
		},
	}
}

// NewApisixTLS is an ApisixTls.
func NewApisixTLS(namespace, name, secretNamespace, secretName string, annotations map[string]string, hosts ...string) *configv2.ApisixTls {
	tls := &configv2.ApisixTls{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: annotations},
		Spec:       &configv2.ApisixTlsSpec{Secret: configv2.ApisixSecret{Namespace: secretNamespace, Name: secretName}},
	}
	for _, host := range hosts {
		tls.Spec.Hosts = append(tls.Spec.Hosts, configv2.HostType(host))
	}
	return tls
}

// NewCertificate is an ApisixCertificate.
func NewCertificate(namespace, name, secretName string, ref v1alpha1.IssuerReference, hosts ...string) *v1alpha1.ApisixCertificate {
	return &v1alpha1.ApisixCertificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       v1alpha1.ApisixCertificateSpec{SecretName: secretName, IssuerRef: ref, DNSNames: hosts},
	}
}

// NewApisixRoute is an ApisixRoute with one rule for all hosts.
func NewApisixRoute(namespace, name string, annotations map[string]string, hosts ...string) *unstructured.Unstructured {
	list := make([]any, len(hosts))
	for i, host := range hosts {
		list[i] = host
	}
	route := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"http": []any{map[string]any{
			"name": "all", "match": map[string]any{"hosts": list, "paths": []any{"/*"}},
			"backends": []any{map[string]any{"serviceName": "httpbin", "servicePort": int64(80)}},
		}},
	}}}
	route.SetGroupVersionKind(schema.GroupVersionKind{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixRoute"})
	route.SetNamespace(namespace)
	route.SetName(name)
	route.SetAnnotations(annotations)
	return route
}
