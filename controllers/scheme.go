// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Scheme returns the types that the controllers read and write. ApisixRoute is not among them: it is read as unstructured.
func Scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(v1alpha1.AddToScheme(s))
	apisix := schema.GroupVersion{Group: "apisix.apache.org", Version: "v2"}
	s.AddKnownTypes(apisix, &configv2.ApisixTls{}, &configv2.ApisixTlsList{})
	metav1.AddToGroupVersion(s, apisix)
	return s
}
