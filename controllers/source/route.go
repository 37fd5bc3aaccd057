// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"slices"
	"strings"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// newRoute returns an empty ApisixRoute. Routes are read as unstructured: with a Go type, one plugin config of an unexpected
// shape would fail the list of all routes.
func newRoute() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(apisixV2.WithKind(kindRoute))
	return u
}

func newRouteList() client.ObjectList {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(apisixV2.WithKind(kindRoute + "List"))
	return list
}

// routeOf returns the relevant fields of an ApisixRoute. It ignores fields of an unexpected shape.
func routeOf(u *unstructured.Unstructured) *configv2.ApisixRoute {
	route := &configv2.ApisixRoute{}
	route.Name, route.Namespace = u.GetName(), u.GetNamespace()
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

// TrimRoute is a cache transform that keeps only the fields of an ApisixRoute that routeOf reads.
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

func routeSecrets(object client.Object) []string {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return []string{secretOfRoute(routeOf(u)).String()}
}

// indexRouteHost indexes ApisixRoutes by host, and by the wildcards that cover it, as NAMESPACE/HOST.
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

// routesOfHosts returns the Secrets of ApisixRoutes whose hosts an ApisixCertificate covers. Its change may change which of their
// hosts need a certificate.
func routesOfHosts(ctx context.Context, c client.Reader, object client.Object) []ctrl.Request {
	cert, ok := object.(*v1alpha1.ApisixCertificate)
	if !ok {
		return nil
	}
	var requests []ctrl.Request
	for _, route := range routesBy(ctx, c, cert.Namespace, cert.Spec.DNSNames) {
		requests = append(requests, group{cert.Namespace, secretOfRoute(routeOf(&route))}.request())
	}
	return requests
}

// fewHosts is the number of hosts up to which looking up each one is faster than listing all routes of the namespace.
const fewHosts = 16

// routesBy returns the ApisixRoutes of a namespace with a host that one of hosts covers.
func routesBy(ctx context.Context, c client.Reader, namespace string, hosts []string) []unstructured.Unstructured {
	covered := map[string]bool{}
	for _, host := range hosts {
		covered[namespace+"/"+host] = true
	}
	list := func(which client.ListOption) []unstructured.Unstructured {
		routes := &unstructured.UnstructuredList{}
		routes.SetGroupVersionKind(apisixV2.WithKind(kindRoute + "List"))
		if err := c.List(ctx, routes, which, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "cannot list ApisixRoutes")
		}
		return routes.Items
	}
	if len(covered) > fewHosts {
		return slices.DeleteFunc(slices.Clone(list(client.InNamespace(namespace))), func(route unstructured.Unstructured) bool {
			return !slices.ContainsFunc(routeHostKeys(&route), func(key string) bool { return covered[key] })
		})
	}
	var all []unstructured.Unstructured
	for key := range covered {
		all = append(all, list(client.MatchingFields{indexRouteHost: key})...)
	}
	return all
}

// dropCoveredHosts removes from a route the hosts that other certificates of its namespace cover.
func (m *member) dropCoveredHosts(g group, have []v1alpha1.ApisixCertificate) {
	var own *v1alpha1.ApisixCertificate
	var others []*v1alpha1.ApisixCertificate
	for i := range have {
		cert := &have[i]
		switch mine := references(cert, m.ref.UID); {
		case groupOfCertificate(cert) == g && mine:
			own = cert
		case groupOfCertificate(cert) != g && !mine && cert.DeletionTimestamp.IsZero(): // its own certificate may be for its former Secret
			others = append(others, cert)
		}
	}
	var hosts []string
	cert := m.entry.cert.DeepCopy()
	for _, host := range cert.Spec.DNSNames {
		other := coveredBy(host, own, others)
		if other == "" {
			hosts = append(hosts, host)
			continue
		}
		m.coveredHosts = append(m.coveredHosts, fmt.Sprintf("host %s is covered by ApisixCertificate %s", host, other))
	}
	if len(m.coveredHosts) == 0 {
		return
	}
	e := *m.entry // do not change the object's entry
	e.cert = cert
	if cert.Spec.DNSNames = hosts; len(hosts) == 0 {
		e.cert = nil
	}
	m.entry = &e
}

// coveredBy returns the name of the certificate among others that covers a host of a route, whose own certificate, own, may be
// nil. Of two routes, the one with the older certificate keeps the host. A route with a certificate does not give up a host to a
// wildcard that is not issued yet and may never be.
func coveredBy(host string, own *v1alpha1.ApisixCertificate, others []*v1alpha1.ApisixCertificate) string {
	for _, other := range others {
		if !covered(other, host) {
			continue
		}
		if own != nil && !slices.Contains(other.Spec.DNSNames, host) && hasCertificate(own) && !hasCertificate(other) {
			continue
		}
		controller := metav1.GetControllerOf(other)
		if controller == nil || controller.Kind != kindRoute || own == nil || v1alpha1.Older(other, own) {
			return other.Name
		}
	}
	return ""
}

// followRoutes creates the ApisixTls with which an ingress controller serves the certificate of routes, as ingress controllers
// create no ssl object from a route. It waits until the Secret contains a certificate. It creates none if the key is stored
// outside of the Secret, as no ingress controller could use it.
func (r *reconciler) followRoutes(ctx context.Context, o observed, cert *v1alpha1.ApisixCertificate) error {
	if cert == nil || !hasCertificate(cert) || outside(cert.Spec.KeyStorage) {
		return nil
	}
	tls := tlsForRoutes(o.members, cert)
	if tls == nil {
		return nil
	}
	return r.ensureTLS(ctx, tls)
}

// tlsForRoutes returns the ApisixTls for the routes that own a certificate, with the hosts that no other source of the Secret
// serves. It returns nil if there are none.
func tlsForRoutes(members []*member, cert *v1alpha1.ApisixCertificate) *configv2.ApisixTls {
	tls := &configv2.ApisixTls{Spec: &configv2.ApisixTlsSpec{
		IngressClassName: cert.Spec.IngressClassName,
		Secret:           configv2.ApisixSecret{Name: cert.Spec.SecretName, Namespace: cert.Namespace},
	}}
	tls.Name, tls.Namespace = cert.Name, cert.Namespace
	tls.Labels = map[string]string{v1alpha1.LabelManaged: "true"}
	served := map[string]bool{}
	for _, m := range members {
		switch {
		case m.ref.Kind == kindRoute && m.object != nil && references(cert, m.ref.UID):
			tls.OwnerReferences = append(tls.OwnerReferences, m.ref)
		case m.ref.Kind != kindRoute && m.entry != nil:
			for _, host := range m.entry.hosts {
				served[host] = true
			}
		}
	}
	for _, host := range cert.Spec.DNSNames {
		if !served[host] {
			tls.Spec.Hosts = append(tls.Spec.Hosts, configv2.HostType(host))
		}
	}
	if len(tls.OwnerReferences) == 0 || len(tls.Spec.Hosts) == 0 {
		return nil
	}
	slices.SortFunc(tls.OwnerReferences, func(a, b metav1.OwnerReference) int { return strings.Compare(a.Name, b.Name) })
	tls.OwnerReferences[0].Controller = ptr.To(true)
	return tls
}

// ensureTLS creates tls, or patches the existing one if it has the same owners. It does not change an ApisixTls of another owner.
func (r *reconciler) ensureTLS(ctx context.Context, tls *configv2.ApisixTls) error {
	existing := &configv2.ApisixTls{}
	err := r.Get(ctx, client.ObjectKeyFromObject(tls), existing)
	switch {
	case meta.IsNoMatchError(err):
		return nil // without the CRD no APISIX ingress controller reads it
	case client.IgnoreNotFound(err) != nil:
		return err
	case err != nil:
		return r.Create(ctx, tls)
	}
	ours := madeForRoute(existing) && slices.ContainsFunc(existing.OwnerReferences, func(ref metav1.OwnerReference) bool {
		return slices.ContainsFunc(tls.OwnerReferences, func(owner metav1.OwnerReference) bool { return owner.UID == ref.UID })
	})
	to := existing.DeepCopy()
	to.Spec, to.OwnerReferences = tls.Spec, tls.OwnerReferences
	if !ours || equality.Semantic.DeepEqual(existing, to) {
		return nil
	}
	return r.Patch(ctx, to, client.MergeFrom(existing))
}

// dropTLS deletes the ApisixTls of the routes of a certificate that is deleted while the routes exist. Otherwise it would keep
// the Secret in use, and an ingress controller would serve a certificate that is no longer renewed.
func (r *reconciler) dropTLS(ctx context.Context, cert *v1alpha1.ApisixCertificate) error {
	if !ofRoutes(cert) {
		return nil
	}
	tls := &configv2.ApisixTls{}
	err := r.Get(ctx, client.ObjectKeyFromObject(cert), tls)
	switch {
	case meta.IsNoMatchError(err):
		return nil
	case err != nil:
		return client.IgnoreNotFound(err)
	case !madeForRoute(tls) || !slices.ContainsFunc(tls.OwnerReferences, func(ref metav1.OwnerReference) bool { return references(cert, ref.UID) }):
		return nil
	}
	return client.IgnoreNotFound(r.Delete(ctx, tls, client.Preconditions{UID: &tls.UID}))
}
