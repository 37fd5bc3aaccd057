// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/registry"
)

// validateGateway returns all problems of the flags that describe a gateway.
func (o *Options) validateGateway() []error {
	var problems []error
	add := func(problem string) { problems = append(problems, errors.New(problem)) }
	keys := 0
	for _, key := range []string{o.AdminKey, o.AdminKeyFile, o.AdminKeySecret} {
		if key != "" {
			keys++
		}
	}
	switch {
	case (len(o.AdminURLs) > 0 || o.AdminService != "") && keys == 0:
		add("--apisix-admin-url and --apisix-admin-service require a key: set --apisix-admin-key-secret NAMESPACE/NAME or --apisix-admin-key-file")
	case keys > 1:
		add("more than one admin key is set: set only one of --apisix-admin-key-secret, --apisix-admin-key-file and the variable APISIX_CERTS_APISIX_ADMIN_KEY")
	}
	if len(o.AdminURLs) > 0 && o.AdminService != "" {
		add("--apisix-admin-url and --apisix-admin-service are mutually exclusive")
	}
	if len(o.TLSAddrs) > 0 && o.TLSService != "" {
		add("--apisix-tls-addr and --apisix-tls-service are mutually exclusive")
	}
	if (o.AdminCert == "") != (o.AdminCertKey == "") {
		add("--apisix-admin-client-cert-file and --apisix-admin-client-key-file must be set together")
	}
	return append(problems, o.validateAddresses()...)
}

// validateAddresses returns the problems of each address.
func (o *Options) validateAddresses() []error {
	var problems []error
	for _, url := range o.AdminURLs {
		if err := apisix.CheckEndpoint(url); err != nil {
			problems = append(problems, fmt.Errorf("--apisix-admin-url: %w: write it as http://HOST:PORT", err))
		}
	}
	for _, addr := range o.TLSAddrs {
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			problems = append(problems, fmt.Errorf("--apisix-tls-addr %q is not of the form HOST:PORT", addr))
		}
	}
	_, err := o.gatewayOfFlags()
	return append(problems, err)
}

// gatewayOfFlags returns the gateway that the flags describe, or only its TLS port. It returns nil if they describe neither.
func (o *Options) gatewayOfFlags() (*registry.Flags, error) {
	admin, adminErr := servicePort("--apisix-admin-service", o.AdminService)
	tlsPort, tlsErr := servicePort("--apisix-tls-service", o.TLSService)
	key, keyErr := o.keySecret()
	if err := errors.Join(adminErr, tlsErr, keyErr); err != nil {
		return nil, err
	}
	if len(o.AdminURLs) == 0 && admin == nil && len(o.TLSAddrs) == 0 && tlsPort == nil {
		return nil, nil
	}
	flags := &registry.Flags{URLs: o.AdminURLs, Service: admin, KeySecret: key, TLSAddrs: o.TLSAddrs, TLSService: tlsPort}
	switch {
	case o.AdminKeyFile != "":
		flags.Key = apisix.KeyFile(o.AdminKeyFile)
	case key == nil && (len(o.AdminURLs) > 0 || admin != nil):
		flags.Key = apisix.StaticKey(o.AdminKey)
	}
	return flags, nil
}

func servicePort(flag, text string) (*registry.ServicePort, error) {
	if text == "" {
		return nil, nil
	}
	port, err := registry.ParseServicePort(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", flag, err)
	}
	return &port, nil
}

// keySecret returns the location of the admin key, or nil if it is not in a Secret. The key defaults to "admin", as in the chart
// of APISIX.
func (o *Options) keySecret() (*registry.SecretKey, error) {
	if o.AdminKeySecret == "" {
		return nil, nil
	}
	object, key, ok := strings.Cut(o.AdminKeySecret, ":")
	if !ok {
		key = "admin"
	}
	namespace, name, _ := strings.Cut(object, "/")
	if namespace == "" || name == "" || key == "" {
		return nil, fmt.Errorf("--apisix-admin-key-secret %q is not of the form NAMESPACE/NAME or NAMESPACE/NAME:KEY", o.AdminKeySecret)
	}
	return &registry.SecretKey{Namespace: namespace, Name: name, Key: key}, nil
}

func (o *Options) adminTLS() apisix.ClientTLS {
	return apisix.ClientTLS{CAFile: o.AdminCA, CertFile: o.AdminCert, KeyFile: o.AdminCertKey}
}
