// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// FlagsName is the name of the gateway of the flags. That of a GatewayProxy is NAMESPACE/NAME.
const FlagsName = "default"

// source has the sources of a gateway's settings, before any Service or Secret is read.
type source struct {
	object string // for errors: a GatewayProxy, empty for the flags
	admin  adminSource
	key    keySource
	tls    tlsSource
}

// adminSource is the source of the Admin API's address. field is the field or flag to report in errors, here and in the
// other sources.
type adminSource struct {
	field    string
	urls     []string
	service  *ServicePort // instead of urls
	secure   bool         // use TLS with service
	insecure bool         // the Admin API's certificate is not verified
}

// keySource is the source of the admin key.
type keySource struct {
	field  string
	value  apisix.KeySource // nil with secret
	secret *SecretKey
}

// tlsSource is the source of the TLS port's addresses.
type tlsSource struct {
	field    string
	addrs    []string
	service  *ServicePort // instead of addrs
	optional bool         // if service has no such port, nothing is verified
	problem  string
}

// none reports whether no TLS port is configured.
func (t tlsSource) none() bool { return len(t.addrs) == 0 && t.service == nil && t.problem == "" }

// fault returns a *gateway.SetupError about one field.
func (s source) fault(field, problem string) error {
	if s.object == "" {
		return &gateway.SetupError{Object: field, Problem: problem}
	}
	return &gateway.SetupError{Object: s.object, Field: field, Problem: problem}
}

// identity is equal for sources of the same gateway.
func (s source) identity() string {
	return fmt.Sprint(slices.Sorted(slices.Values(s.admin.urls)), s.admin.service, s.admin.secure, s.admin.insecure)
}

// addresses returns HOST:PORT of an Admin API, and its Services. Gateways with a common address are the same APISIX,
// whatever their names. endpoints are the base URLs that were found.
func (a adminSource) addresses(endpoints []string) []string {
	var all []string
	if a.service != nil {
		all = append(all, a.service.String())
	}
	for _, endpoint := range slices.Concat(a.urls, endpoints) {
		u, err := url.Parse(endpoint)
		if err != nil {
			continue
		}
		host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
		port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		all = append(all, host+":"+port)
		// The name of a Service: NAME.NAMESPACE, NAME.NAMESPACE.svc, NAME.NAMESPACE.svc.cluster.local
		if name, rest, ok := strings.Cut(host, "."); ok {
			namespace, suffix, _ := strings.Cut(rest, ".")
			if suffix == "" || suffix == "svc" || strings.HasPrefix(suffix, "svc.") {
				all = append(all, ServicePort{Namespace: namespace, Name: name, Port: port}.String())
			}
		}
	}
	return all
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(place string) bool { return slices.Contains(b, place) })
}

// Flags describe the gateway of the flags. Either URLs or Service is set, and either Key or KeySecret. With none of these,
// they only have the TLS port of the one gateway that a GatewayProxy describes.
type Flags struct {
	URLs    []string // --apisix-admin-url
	Service *ServicePort
	// Key is safe for concurrent use.
	Key       apisix.KeySource
	KeySecret *SecretKey
	// TLSAddrs or TLSService is the TLS port. If neither is set, nothing is verified.
	TLSAddrs   []string
	TLSService *ServicePort
}

// source returns the sources of the flags, empty for nil.
func (f *Flags) source(secure bool) source {
	if f == nil {
		return source{}
	}
	s := source{
		admin: adminSource{field: "--apisix-admin-url", urls: f.URLs, service: f.Service, secure: secure},
		key:   keySource{field: "--apisix-admin-key-secret", value: f.Key, secret: f.KeySecret},
		tls:   tlsSource{field: "--apisix-tls-service", addrs: f.TLSAddrs, service: f.TLSService},
	}
	if f.Service != nil {
		s.admin.field = "--apisix-admin-service"
	}
	return s
}

// gateway reports whether the flags describe a gateway, and not only a TLS port.
func (f *Flags) gateway() bool { return f != nil && (len(f.URLs) > 0 || f.Service != nil) }

// SecretKey is a reference to a value in a Secret.
type SecretKey struct{ Namespace, Name, Key string }

func (k SecretKey) followed() Followed {
	return Followed{Kind: kindSecret, Namespace: k.Namespace, Name: k.Name}
}
