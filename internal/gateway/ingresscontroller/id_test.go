// SPDX-License-Identifier: Apache-2.0

package ingresscontroller

import "testing"

var (
	tlsSource     = Source{Kind: "ApisixTls", Namespace: "default", Name: "shop", Hosts: []string{"shop.example.com"}, SecretName: "shop-tls"}
	ingressSource = Source{Kind: kindIngress, Namespace: "default", Name: "shop", Hosts: []string{"shop.example.com"}, SecretName: "shop-tls", Index: 1}
)

// TestID: CRC-32 of the names that the controllers compose.
func TestID(t *testing.T) {
	for _, test := range []struct {
		version Version
		source  Source
		want    string
	}{
		{V18, tlsSource, "e99b77a4"},
		{V2, tlsSource, "fdd74af1"},
		{V2, ingressSource, "5ee50743"},
		{V2, Source{Kind: kindGateway, Namespace: "default", Name: "gw", Listener: "https", Index: 1}, crc("Gateway_default_gw_https_1")},
	} {
		if got := test.version.ID(test.source); got != test.want {
			t.Errorf("%s of %s: got %s, want %s", test.source.Kind, test.version, got, test.want)
		}
	}
	// The tests of test/coexistence compare those of an Ingress of 1.8 with the real one's: they depend on all of this.
	seen := map[string]string{}
	for name, change := range map[string]func(*Source){
		"unchanged":  func(*Source) {},
		"other host": func(s *Source) { s.Hosts = []string{"www.example.com"} },
		"other name": func(s *Source) { s.Name = "www" },
	} {
		source := ingressSource
		change(&source)
		id := V18.ID(source)
		if seen[id] != "" {
			t.Errorf("%s and %s have one id", name, seen[id])
		}
		seen[id] = name
	}
}

// TestCRCIsNotPadded: a check sum that begins with zeros is written without them.
func TestCRCIsNotPadded(t *testing.T) {
	if got := crc("default_shop-101"); got != "f9e81b" {
		t.Errorf("got %s, want f9e81b", got)
	}
}
