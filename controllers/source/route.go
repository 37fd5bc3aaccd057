// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"strings"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// newRoute is an empty ApisixRoute. Routes are read without a Go type: one plugin config of a shape that the type does
// not have would otherwise fail the list of them all.
func newRoute() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(apiVersions[kindRoute].WithKind(kindRoute))
	return u
}

// routeOf takes from an ApisixRoute the fields that matter here, passing over any that has another shape than known.
func routeOf(u *unstructured.Unstructured) *configv2.ApisixRoute {
	route := &configv2.ApisixRoute{}
	route.Name, route.Namespace, route.UID = u.GetName(), u.GetNamespace(), u.GetUID()
	route.Annotations = u.GetAnnotations()
	route.Spec.IngressClassName, _, _ = unstructured.NestedString(u.Object, "spec", "ingressClassName")
	rules, _, _ := unstructured.NestedSlice(u.Object, "spec", "http")
	for _, rule := range rules {
		fields, ok := rule.(map[string]any)
		if !ok {
			continue
		}
		hosts, _, _ := unstructured.NestedStringSlice(fields, "match", "hosts")
		route.Spec.HTTP = append(route.Spec.HTTP, configv2.ApisixRouteHTTP{Match: configv2.ApisixRouteHTTPMatch{Hosts: hosts}})
	}
	return route
}

// TrimRoute is a cache transform that keeps of an ApisixRoute what routeOf reads.
func TrimRoute(object any) (any, error) {
	u, ok := object.(*unstructured.Unstructured)
	if !ok || u.GetKind() != kindRoute {
		return object, nil
	}
	route := routeOf(u)
	rules := make([]any, 0, len(route.Spec.HTTP))
	for _, rule := range route.Spec.HTTP {
		hosts := make([]any, 0, len(rule.Match.Hosts))
		for _, host := range rule.Match.Hosts {
			hosts = append(hosts, host)
		}
		rules = append(rules, map[string]any{"match": map[string]any{"hosts": hosts}})
	}
	u.Object["spec"] = map[string]any{"ingressClassName": route.Spec.IngressClassName, "http": rules}
	delete(u.Object, "status")
	u.SetManagedFields(nil)
	return u, nil
}

// indexRouteHost indexes ApisixRoutes by host, and by the wildcards that would cover it, as NAMESPACE/HOST.
const indexRouteHost = "routeHost"

func routeHostKeys(object client.Object) []string {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	var keys []string
	for _, rule := range routeOf(u).Spec.HTTP {
		for _, host := range normalize(rule.Match.Hosts) {
			keys = append(keys, u.GetNamespace()+"/"+host)
			if _, parent, found := strings.Cut(host, "."); found {
				keys = append(keys, u.GetNamespace()+"/*."+parent)
			}
		}
	}
	return keys
}

// routesOfHosts are the ApisixRoutes whose hosts an ApisixCertificate covers: they may have to yield, or no longer.
func routesOfHosts(ctx context.Context, c client.Reader, object client.Object) []ctrl.Request {
	cert, ok := object.(*v1alpha1.ApisixCertificate)
	if !ok {
		return nil
	}
	var requests []ctrl.Request
	for _, host := range cert.Spec.DNSNames {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(apiVersions[kindRoute].WithKind(kindRoute + "List"))
		if err := c.List(ctx, list, client.MatchingFields{indexRouteHost: cert.Namespace + "/" + host}); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "cannot list ApisixRoutes by host", "host", host)
			continue
		}
		for i := range list.Items {
			requests = append(requests, ctrl.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
		}
	}
	return requests
}

// followRoute makes the ApisixTls by which an ingress controller serves a route's certificate: ingress controllers make
// no ssl object from a route. It waits until the Secret holds a certificate. One without a key is for no ingress
// controller: there is none where keys are kept elsewhere.
func (r *reconciler[T]) followRoute(ctx context.Context, u T, certificates []v1alpha1.ApisixCertificate) error {
	for i := range certificates {
		cert := &certificates[i]
		if !meta.IsStatusConditionTrue(cert.Status.Conditions, v1alpha1.ConditionIssued) || !metav1.IsControlledBy(cert, u) || outside(cert.Spec.KeyStorage) {
			continue
		}
		if err := r.ensureTLS(ctx, tlsForRoute(owner(u, kindRoute), cert)); err != nil {
			return err
		}
	}
	return nil
}

func tlsForRoute(route metav1.OwnerReference, cert *v1alpha1.ApisixCertificate) *configv2.ApisixTls {
	tls := &configv2.ApisixTls{Spec: &configv2.ApisixTlsSpec{
		IngressClassName: cert.Spec.IngressClassName,
		Secret:           configv2.ApisixSecret{Name: cert.Spec.SecretName, Namespace: cert.Namespace},
	}}
	tls.Name, tls.Namespace = cert.Name, cert.Namespace
	tls.Labels = map[string]string{v1alpha1.LabelManaged: "true"}
	tls.OwnerReferences = []metav1.OwnerReference{controlling(route)}
	for _, host := range cert.Spec.DNSNames {
		tls.Spec.Hosts = append(tls.Spec.Hosts, configv2.HostType(host))
	}
	return tls
}

// ensureTLS creates tls or patches the one of its owner; that of somebody else stays.
func (r *reconciler[T]) ensureTLS(ctx context.Context, tls *configv2.ApisixTls) error {
	existing := &configv2.ApisixTls{}
	err := r.Get(ctx, client.ObjectKeyFromObject(tls), existing)
	switch {
	case meta.IsNoMatchError(err):
		return nil // without the CRD no ingress controller of APISIX reads them
	case client.IgnoreNotFound(err) != nil:
		return err
	case err != nil:
		return r.Create(ctx, tls)
	}
	controller := metav1.GetControllerOf(existing)
	if controller == nil || controller.UID != tls.OwnerReferences[0].UID || equality.Semantic.DeepEqual(existing.Spec, tls.Spec) {
		return nil
	}
	to := existing.DeepCopy()
	to.Spec = tls.Spec
	return r.Patch(ctx, to, client.MergeFrom(existing))
}
