// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/url"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

// A gateway that was started anew in another mode is found out with the first answer that does not fit, and not again and
// again within a second; by handshakes within ten.
func TestGatewayOfAnotherMode(t *testing.T) {
	for _, row := range []struct {
		name          string
		standalone    bool
		before, after Mode
		uses          []Reference
	}{
		{"turns standalone", false, ModeOwn, ModeSecret, nil},
		{"turns from standalone", true, ModeSecret, ModeOwn, []Reference{{Kind: "ApisixTls", Namespace: "shop", Name: "web", Hosts: []string{"a.example.com"}}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			server, err := apisixtest.NewServer(apisixtest.Options{Standalone: row.standalone})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { server.Close() }()
			admin, err := url.Parse(server.AdminURL())
			if err != nil {
				t.Fatal(err)
			}
			s := newOwnScene(t)
			clock := clocktesting.NewFakeClock(time.Now())
			s.Gateway = ownGateway(t, server.AdminURL(), server.AdminKey(), server.TLSAddr(), "blue")
			s.Mode, s.Clock = ModeAuto, clock
			target := s.target("u1", "a.example.com")
			target.References = row.uses
			look := func() Mode {
				state, err := s.Observe(t.Context(), target)
				if err == nil {
					s.Sync(t.Context(), state, target, Known{})
				}
				mode, _ := s.FindMode(t.Context())
				return mode
			}
			if mode := look(); mode != row.before {
				t.Fatalf("mode %q", mode)
			}
			server.Close()
			server, err = apisixtest.NewServer(apisixtest.Options{Standalone: !row.standalone, AdminAddr: admin.Host, TLSAddr: server.TLSAddr()})
			if err != nil {
				t.Fatal(err)
			}
			target = s.target("u1", "a.example.com") // its renewal
			target.References = row.uses
			if mode := look(); mode != row.before {
				t.Errorf("mode %q within ten seconds", mode)
			}
			clock.Step(modeRecheckInterval)
			if mode := look(); mode != row.after {
				t.Errorf("mode %q, want %q", mode, row.after)
			}
		})
	}
}
