// SPDX-License-Identifier: Apache-2.0

package apisixtest_test

import (
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

// aged is a server of an age with one ssl object in it, and a client of its Admin API.
func aged(t *testing.T, age apisixtest.Release) (*apisixtest.Server, *apisix.Client) {
	t.Helper()
	server, client := start(t, apisixtest.Options{})
	ssl := newSSL(t, "shop.example.com", 10)
	ssl.ID = "shop"
	if _, err := client.PutSSL(t.Context(), ssl); err != nil {
		t.Fatal(err)
	}
	server.SetRelease(age)
	server.ResetCalls()
	return server, client
}

// TestOutdated asks gateways that are too old in each way that the client has: none is taken for one that is empty, for an object that is
// not there or for a success, and the error says what was found and what to do.
func TestOutdated(t *testing.T) {
	calls := map[string]func(*testing.T, *apisix.Client) error{
		"probe": func(t *testing.T, c *apisix.Client) error { _, err := c.Probe(t.Context()); return err },
		"list":  func(t *testing.T, c *apisix.Client) error { _, err := c.ListSSLs(t.Context()); return err },
		"get":   func(t *testing.T, c *apisix.Client) error { _, err := c.GetSSL(t.Context(), "shop"); return err },
		"none":  func(t *testing.T, c *apisix.Client) error { _, err := c.GetSSL(t.Context(), "none"); return err },
		"put": func(t *testing.T, c *apisix.Client) error {
			_, err := c.PutSSL(t.Context(), newSSL(t, "b.example.com", 11))
			return err
		},
		"patch": func(t *testing.T, c *apisix.Client) error {
			return c.PatchSSL(t.Context(), "shop", apisix.SSLPatch{SNIs: []string{"a.example.com"}})
		},
		"delete": func(t *testing.T, c *apisix.Client) error { return c.DeleteSSL(t.Context(), "none") },
	}
	for _, test := range []struct {
		age        apisixtest.Release
		found, fix string
	}{
		{apisixtest.FormV2, "APISIX/3.18.0 responds as Admin API v2", "deployment.admin.admin_api_version to v3"},
		{apisixtest.Before3, "APISIX/2.15.3 is older than 3.0.0", "upgrade the gateway to APISIX 3.0.0 or later"},
	} {
		for name, call := range calls {
			t.Run(string(test.age)+"/"+name, func(t *testing.T) {
				_, client := aged(t, test.age)
				err := call(t, client)
				if !apisix.IsOutdated(err) || !apisix.IsNotAdminAPI(err) || apisix.IsNotFound(err) || apisix.IsUnavailable(err) {
					t.Fatalf("%v, want an outdated gateway", err)
				}
				if !strings.Contains(err.Error(), test.found) || !strings.Contains(apisix.UpgradeHint(err), test.fix) {
					t.Errorf("%v: %s", err, apisix.UpgradeHint(err))
				}
			})
		}
	}
}

// TestOutdatedNameless is a gateway that does not say its version: it is known by where its ssl objects are.
func TestOutdatedNameless(t *testing.T) {
	server, client := aged(t, apisixtest.Before3Nameless)
	_, listErr := client.ListSSLs(t.Context())
	_, probeErr := client.Probe(t.Context())
	for _, err := range []error{listErr, probeErr} {
		if !apisix.IsOutdated(err) || !strings.Contains(apisix.UpgradeHint(err), "APISIX 3.0.0 or later") {
			t.Errorf("%v: %s", err, apisix.UpgradeHint(err))
		}
	}
	for _, call := range server.Calls() {
		if call.Method != "GET" && call.Method != "HEAD" || strings.HasSuffix(call.Path, "/ssl") {
			t.Errorf("%s %s: nothing may be written, and no list with keys may be asked for", call.Method, call.Path)
		}
	}
}

// TestShownKeys is a gateway up to 3.16, which shows the encrypted key and defaults.
func TestShownKeys(t *testing.T) {
	_, client := aged(t, apisixtest.ShowsKeys)
	ssls, err := client.ListSSLs(t.Context())
	if err != nil || len(ssls) != 1 || ssls[0].Key == "" || strings.Contains(ssls[0].Key, "PRIVATE") || !ssls[0].Enabled() {
		t.Errorf("%v, %v", ssls, err)
	}
}
