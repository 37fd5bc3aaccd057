// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// settings are those of a Gateway.
type settings struct {
	// identity is equal for settings of the same APISIX, regardless of its current pods.
	identity  string
	endpoints []string // base URLs
	insecure  bool     // the Admin API's certificate is not verified
	// serverName is the name in the Admin API's certificate. Empty means that of the endpoint.
	serverName string
	key        apisix.KeySource // nil means not known
	tls        gateway.TLSPort
	addresses  []string // see adminSource.addresses
}

// settings reads the settings of a gateway. With an error, it returns those that could be read.
func (l *lookup) settings(chosen choice) (settings, error) {
	s, err := l.sourceOf(chosen)
	found := settings{identity: s.identity(), insecure: s.admin.insecure, tls: l.tlsPods(s)}
	if err != nil {
		return found, err
	}
	found.endpoints, err = l.endpoints(s)
	found.addresses = s.admin.addresses(found.endpoints)
	if chosen.proxy != nil && s.tls.none() && l.flagsDescribe(found.addresses) {
		found.tls = l.tlsPods(l.flags.source(false))
	}
	if err != nil {
		return found, err
	}
	if s.admin.service != nil && s.admin.secure {
		found.serverName = s.admin.service.serverName()
	}
	found.key, err = l.keySource(s)
	return found, err
}

// flagsDescribe reports whether the flags have the TLS port of a GatewayProxy's gateway: they have the same Admin API, or
// none and there is only one gateway.
func (l *lookup) flagsDescribe(places []string) bool {
	if l.flags == nil || l.flags.source(false).tls.none() {
		return false
	}
	if !l.flags.gateway() {
		classes, err := listClasses(l.ctx, l.reader)
		return err == nil && onlyProxy(classes)
	}
	flags := l.flags.source(l.secure)
	endpoints, _ := l.endpoints(flags) // without pods the names decide
	return overlap(flags.admin.addresses(endpoints), places)
}

// sourceOf returns the sources of a gateway's settings.
func (l *lookup) sourceOf(chosen choice) (source, error) {
	if chosen.proxy == nil {
		return l.flags.source(l.secure), nil
	}
	proxy, err := l.readProxy(chosen)
	if err != nil {
		return source{}, err
	}
	return sourceOfProxy(proxy)
}

// readProxy reads the GatewayProxy of an IngressClass. The error is a *gateway.SetupError if it is faulty.
func (l *lookup) readProxy(chosen choice) (*unstructured.Unstructured, error) {
	fault := func(problem string) error {
		return &gateway.SetupError{Object: "GatewayProxy " + chosen.proxy.String(), Problem: problem}
	}
	if !l.proxies {
		return nil, fault("the CRD of this kind is not installed (" + GatewayProxyKind.GroupVersion().String() + ")")
	}
	proxy := &unstructured.Unstructured{}
	proxy.SetGroupVersionKind(GatewayProxyKind)
	err := l.reader.Get(l.ctx, *chosen.proxy, proxy)
	if apierrors.IsNotFound(err) {
		return nil, fault("does not exist; create it, or correct spec.parameters of the IngressClass that references it")
	}
	return proxy, err
}

// lookup reads the settings of one gateway once.
type lookup struct {
	ctx      context.Context
	reader   client.Reader // of IngressClasses and GatewayProxies
	proxies  bool          // the CRD of GatewayProxy is installed
	flags    *Flags
	secure   bool // use TLS with the Service of the flags
	follower Follower
	owner    string
	needed   []Followed
	// unsettled: something could not be watched, and may become available without a further event.
	unsettled bool
}

func (l *lookup) follow(what Followed) (client.Reader, error) {
	l.needed = append(l.needed, what)
	reader, err := l.follower.Follow(l.ctx, l.owner, what)
	l.unsettled = l.unsettled || err != nil
	return reader, err
}

// endpoints returns the base URLs of the Admin API.
func (l *lookup) endpoints(s source) ([]string, error) {
	if s.admin.service == nil {
		return s.admin.urls, nil
	}
	addrs, known, err := l.readyAddrs(*s.admin.service)
	switch {
	case err != nil:
		return nil, s.fault(s.admin.field, err.Error())
	case !known:
		return nil, s.fault(s.admin.field, noSuchPort(*s.admin.service))
	case len(addrs) == 0:
		return nil, s.fault(s.admin.field, noReadyPod(*s.admin.service))
	}
	scheme := "http://"
	if s.admin.secure {
		scheme = "https://"
	}
	for i := range addrs {
		addrs[i] = scheme + addrs[i]
	}
	return addrs, nil
}

// tlsPods returns the addresses of the TLS port.
func (l *lookup) tlsPods(s source) gateway.TLSPort {
	if s.tls.service == nil {
		return gateway.TLSPort{Addrs: s.tls.addrs, Problem: s.tls.problem}
	}
	addrs, known, err := l.readyAddrs(*s.tls.service)
	problem := ""
	switch {
	case err != nil:
		problem = err.Error()
	case !known && !s.tls.optional:
		problem = noSuchPort(*s.tls.service)
	case known && len(addrs) == 0:
		problem = noReadyPod(*s.tls.service)
	}
	if problem != "" {
		problem = s.fault(s.tls.field, problem).Error()
	}
	return gateway.TLSPort{Addrs: addrs, Problem: problem}
}

func noSuchPort(p ServicePort) string {
	return fmt.Sprintf("Service %s/%s, or its port %s, does not exist", p.Namespace, p.Name, p.Port)
}

func noReadyPod(p ServicePort) string {
	return fmt.Sprintf("Service %s/%s has no ready pod at port %s; check that the gateway is running", p.Namespace, p.Name, p.Port)
}

// readyAddrs watches a Service and its EndpointSlices.
func (l *lookup) readyAddrs(p ServicePort) (addrs []string, known bool, err error) {
	of := func(kind string) Followed { return Followed{Kind: kind, Namespace: p.Namespace, Name: p.Name} }
	services, err := l.follow(of(kindService))
	if err != nil {
		return nil, false, err
	}
	endpoints, err := l.follow(of(kindEndpointSlice))
	if err != nil {
		return nil, false, err
	}
	service := &corev1.Service{}
	err = services.Get(l.ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, service)
	if apierrors.IsNotFound(err) {
		service, err = nil, nil
	}
	if err != nil {
		return nil, false, err
	}
	var list discoveryv1.EndpointSliceList
	if err := endpoints.List(l.ctx, &list, client.InNamespace(p.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: p.Name}); err != nil {
		return nil, false, err
	}
	addrs, known = readyAddrs(service, list.Items, p.Port)
	return addrs, known, nil
}

// keySource returns the admin key. A key in a Secret is read for each request, so that a new key is used at once. It checks
// that the key exists.
func (l *lookup) keySource(s source) (apisix.KeySource, error) {
	if s.key.secret == nil {
		return s.key.value, nil
	}
	if _, err := l.follow(s.key.secret.followed()); err != nil {
		return nil, s.fault(s.key.field, err.Error())
	}
	follower, owner := l.follower, l.owner
	source := func(ctx context.Context) (string, error) {
		reader, err := follower.Follow(ctx, owner, s.key.secret.followed())
		if err != nil {
			return "", s.fault(s.key.field, err.Error())
		}
		return s.readKey(ctx, reader)
	}
	_, err := source(l.ctx)
	return source, err
}

func (s source) readKey(ctx context.Context, reader client.Reader) (string, error) {
	from := s.key.secret
	secret := &corev1.Secret{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: from.Namespace, Name: from.Name}, secret)
	if apierrors.IsNotFound(err) {
		return "", s.fault(s.key.field, fmt.Sprintf("Secret %s/%s does not exist; create it with the admin key in key %s", from.Namespace, from.Name, from.Key))
	}
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(secret.Data[from.Key]))
	if key == "" {
		return "", s.fault(s.key.field, fmt.Sprintf("Secret %s/%s has no value in key %s; set it to the admin key", from.Namespace, from.Name, from.Key))
	}
	return key, nil
}
