// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/apisix"
)

// settings are what a Gateway is made of.
type settings struct {
	// identity is the same for settings of the same APISIX, whatever pods it has now.
	identity  string
	endpoints []string // base URLs
	insecure  bool     // the Admin API's certificate is not verified
	// serverName is the name in the Admin API's certificate; empty: that of the endpoint.
	serverName string
	key        apisix.KeySource // nil: not known
	tls        tlsPods
}

// settings reads those of a gateway. Where there is an error, those that could be read are returned too.
func (r *Registry) settings(l *look, chosen choice) (settings, error) {
	s, err := r.source(l.ctx, chosen)
	found := settings{identity: s.identity(), insecure: s.insecure, tls: l.tlsPods(s)}
	if err != nil {
		return found, err
	}
	if found.endpoints, err = l.endpoints(s); err != nil {
		return found, err
	}
	if s.admin != nil && s.secure {
		found.serverName = s.admin.serverName()
	}
	found.key, err = l.keySource(s)
	return found, err
}

// source reads where the settings of a gateway are.
func (r *Registry) source(ctx context.Context, chosen choice) (source, error) {
	if chosen.proxy == nil {
		return r.Flags.source(r.TLS != nil), nil
	}
	proxy, err := r.readProxy(ctx, chosen)
	if err != nil {
		return source{}, err
	}
	return sourceOfProxy(proxy)
}

// identity is the same for sources of the same gateway.
func (s source) identity() string {
	return fmt.Sprint(slices.Sorted(slices.Values(s.urls)), s.admin, s.secure, s.insecure)
}

// source are the settings of the flags, empty for nil.
func (f *Flags) source(secure bool) source {
	if f == nil {
		return source{}
	}
	s := source{
		adminField: "--apisix-admin-url", keyField: "--apisix-admin-key-secret", tlsField: "--apisix-tls-service",
		urls: f.URLs, admin: f.Service, secure: secure, key: f.Key, keySecret: f.KeySecret,
		tlsAddrs: f.TLSAddrs, tlsService: f.TLSService,
	}
	if f.Service != nil {
		s.adminField = "--apisix-admin-service"
	}
	return s
}

// look is one look at what a gateway's settings refer to.
type look struct {
	ctx      context.Context
	follower Follower
	owner    string
	needed   []Followed
	// unsettled: something could not be watched, and may be later without a further event.
	unsettled bool
}

func (l *look) follow(what Followed) (client.Reader, error) {
	l.needed = append(l.needed, what)
	reader, err := l.follower.Follow(l.ctx, l.owner, what)
	l.unsettled = l.unsettled || err != nil
	return reader, err
}

// endpoints are the base URLs of the Admin API.
func (l *look) endpoints(s source) ([]string, error) {
	if s.admin == nil {
		return s.urls, nil
	}
	addrs, known, err := l.readyAddrs(*s.admin)
	switch {
	case err != nil:
		return nil, s.fault(s.adminField, err.Error())
	case !known:
		return nil, s.fault(s.adminField, noSuchPort(*s.admin))
	case len(addrs) == 0:
		return nil, s.fault(s.adminField, noReadyPod(*s.admin))
	}
	scheme := "http://"
	if s.secure {
		scheme = "https://"
	}
	for i := range addrs {
		addrs[i] = scheme + addrs[i]
	}
	return addrs, nil
}

// tlsPods are where the TLS port is asked.
func (l *look) tlsPods(s source) tlsPods {
	if s.tlsService == nil {
		return tlsPods{addrs: s.tlsAddrs, problem: s.tlsProblem}
	}
	addrs, known, err := l.readyAddrs(*s.tlsService)
	problem := ""
	switch {
	case err != nil:
		problem = err.Error()
	case !known && !s.tlsOptional:
		problem = noSuchPort(*s.tlsService)
	case known && len(addrs) == 0:
		problem = noReadyPod(*s.tlsService)
	}
	if problem != "" {
		problem = s.fault(s.tlsField, problem).Error()
	}
	return tlsPods{addrs, problem}
}

func noSuchPort(p ServicePort) string {
	return fmt.Sprintf("Service %s/%s, or its port %s, does not exist", p.Namespace, p.Name, p.Port)
}

func noReadyPod(p ServicePort) string {
	return fmt.Sprintf("Service %s/%s has no ready pod at port %s: check that the gateway runs", p.Namespace, p.Name, p.Port)
}

// readyAddrs follows a Service and its EndpointSlices.
func (l *look) readyAddrs(p ServicePort) (addrs []string, known bool, err error) {
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

// keySource gives the admin key. One in a Secret is read for each request, so that a new key is used at once; that it
// is there now is checked.
func (l *look) keySource(s source) (apisix.KeySource, error) {
	if s.keySecret == nil {
		return s.key, nil
	}
	if _, err := l.follow(s.keySecret.followed()); err != nil {
		return nil, s.fault(s.keyField, err.Error())
	}
	follower, owner := l.follower, l.owner
	source := func(ctx context.Context) (string, error) {
		reader, err := follower.Follow(ctx, owner, s.keySecret.followed())
		if err != nil {
			return "", s.fault(s.keyField, err.Error())
		}
		return s.readKey(ctx, reader)
	}
	_, err := source(l.ctx)
	return source, err
}

func (s source) readKey(ctx context.Context, reader client.Reader) (string, error) {
	from := s.keySecret
	secret := &corev1.Secret{}
	err := reader.Get(ctx, client.ObjectKey{Namespace: from.Namespace, Name: from.Name}, secret)
	if apierrors.IsNotFound(err) {
		return "", s.fault(s.keyField, fmt.Sprintf("Secret %s/%s does not exist: create it with the admin key under %s", from.Namespace, from.Name, from.Key))
	}
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(secret.Data[from.Key]))
	if key == "" {
		return "", s.fault(s.keyField, fmt.Sprintf("Secret %s/%s has nothing under %s: put the admin key there", from.Namespace, from.Name, from.Key))
	}
	return key, nil
}
