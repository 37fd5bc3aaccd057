// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/internal/registry"
)

func TestGatewayFlagFaults(t *testing.T) {
	urls := []string{"http://a:9180"}
	for name, test := range map[string]struct {
		options Options
		says    string // empty: nothing is wrong
	}{
		"none":               {Options{}, ""},
		"URL":                {Options{AdminURLs: urls, AdminKey: "k"}, ""},
		"Service":            {Options{AdminService: "apisix/admin:9180", AdminKeySecret: "apisix/admin", TLSService: "apisix/gateway:https"}, ""},
		"no key":             {Options{AdminURLs: urls}, "require a key"},
		"Service, no key":    {Options{AdminService: "apisix/admin:9180"}, "require a key"},
		"two keys":           {Options{AdminURLs: urls, AdminKey: "k", AdminKeyFile: "f"}, "more than one admin key"},
		"URL and Service":    {Options{AdminURLs: urls, AdminService: "apisix/admin:9180", AdminKey: "k"}, "mutually exclusive"},
		"two TLS ports":      {Options{AdminURLs: urls, AdminKey: "k", TLSAddrs: []string{"a:443"}, TLSService: "a/b:443"}, "mutually exclusive"},
		"URL without scheme": {Options{AdminURLs: []string{"a:9180"}, AdminKey: "k"}, "--apisix-admin-url"},
		"URL with password":  {Options{AdminURLs: []string{"http://user:hunter2@a:9180"}, AdminKey: "k"}, "--apisix-admin-url"},
		"bad Service":        {Options{AdminService: "admin:9180", AdminKey: "k"}, "--apisix-admin-service"},
		"bad TLS Service":    {Options{TLSService: "a/b"}, "--apisix-tls-service"},
		"bad TLS address":    {Options{TLSAddrs: []string{"a"}}, "--apisix-tls-addr"},
		"bad Secret":         {Options{AdminKeySecret: "admin"}, "--apisix-admin-key-secret"},
		"empty key name":     {Options{AdminKeySecret: "apisix/admin:"}, "--apisix-admin-key-secret"},
		"half a client":      {Options{AdminURLs: urls, AdminKey: "k", AdminCert: "f"}, "--apisix-admin-client-key-file"},
	} {
		var said []string
		for _, err := range test.options.validateGateway() {
			if err != nil {
				said = append(said, err.Error())
			}
		}
		text := strings.Join(said, "\n")
		if (text == "") != (test.says == "") || !strings.Contains(text, test.says) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func TestGatewayOfFlags(t *testing.T) {
	options := Options{AdminService: "apisix/admin:9180", AdminKeySecret: "apisix/keys", TLSService: "apisix/gateway:https"}
	got, err := options.gatewayOfFlags()
	want := &registry.Flags{
		Service: &registry.ServicePort{Namespace: "apisix", Name: "admin", Port: "9180"}, KeySecret: &registry.SecretKey{Namespace: "apisix", Name: "keys", Key: "admin"},
		TLSService: &registry.ServicePort{Namespace: "apisix", Name: "gateway", Port: "https"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if got, err := (&Options{TLSAddrs: []string{"a:443"}}).gatewayOfFlags(); !cmp.Equal(got, &registry.Flags{TLSAddrs: []string{"a:443"}}) || err != nil {
		t.Errorf("a TLS port alone: %v, %v", got, err)
	}
	if got, err := (&Options{AdminKey: "k"}).gatewayOfFlags(); got != nil || err != nil {
		t.Errorf("nothing: %v, %v", got, err)
	}
}
