// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"time"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/test/cluster"
)

func gatewayFaults() []fault {
	const message = `{"error_msg":"of the test"}`
	rows := []fault{
		{name: "Admin API down", begin: both(stopped(adminWire), stopped(adminWire2)), short: true},
		{name: "one of two endpoints down", begin: stopped(adminWire)},
		{name: "the other endpoint down", begin: stopped(adminWire2)},
		{name: "one of two endpoints does not respond", begin: suffers(adminWire, cluster.Trouble{Stall: true})},
		{name: "accepts requests and does not respond", begin: both(suffers(adminWire, silent), suffers(adminWire2, silent))},
		{name: "slow: a kilobyte in two seconds", begin: both(suffers(adminWire, slow), suffers(adminWire2, slow))},
		{name: "responses are cut off", begin: both(suffers(adminWire, half), suffers(adminWire2, half))},
		{name: "500", begin: answers(everyAdmin, status(500, message))},
		{name: "503 to writes", begin: answers(atPush, status(503, message))},
		{name: "401", begin: answers(everyAdmin, status(401, `{"description":"failed to check token","error_msg":"failed to check token"}`))},
		{name: "403", begin: answers(everyAdmin, status(403, `<html>403 Forbidden</html>`))},
		{name: "a page of HTML", begin: answers(everyAdmin, page(200))},
		{name: "applies a write, and the response is lost", begin: cutting(atPush, adminWire)},
		{name: "applies a write after the client has timed out", begin: late},
		{name: "applies writes two seconds late", begin: lagging},
		{name: "TLS port not reachable for the controller", begin: stopped(tlsWire)},
		{name: "TLS port does not respond to the controller", begin: suffers(tlsWire, silent)},
		{name: "wiped", begin: wiped, work: nothing, dark: everyHost, short: true},
		{name: "wiped while a renewal runs", begin: wiped, dark: everyHost},
		{name: "wiped while Vault is down", begin: both(wiped, stopped(vaultWire)), work: nothing, dark: everyHost},
		{name: "restarted", begin: restarted, dark: everyHost},
		{name: "down completely", begin: down, dark: everyHost},
		{name: "its ssl object deleted manually", begin: dropped, work: nothing, dark: heldHost},
		{name: "its ssl object changed to another pair manually", begin: replaced, work: nothing, dark: heldHost},
		{name: "down in a first issue", begin: both(stopped(adminWire), stopped(adminWire2)), work: issue},
		{name: "down in a deletion", begin: both(stopped(adminWire), stopped(adminWire2)), work: remove},
		{name: "500 in a deletion", begin: answers(point{tap: adminTap, match: deletes}, status(500, message)), work: remove},
		{name: "deletes, and the response is lost", begin: cutting(atWithdraw, adminWire), work: remove},
	}
	for i := range rows {
		rows[i].part, rows[i].hold = "gateway", hold
	}
	return rows
}

var (
	silent     = cluster.Trouble{Stall: true}
	slow       = cluster.Trouble{Pause: 2 * time.Second}
	half       = cluster.Trouble{Half: 100}
	everyAdmin = point{tap: adminTap, match: every}
)

func adminWire(w *world) *cluster.Wire  { return w.adminWire }
func adminWire2(w *world) *cluster.Wire { return w.adminWire2 }
func tlsWire(w *world) *cluster.Wire    { return w.tlsWire }

// late lets answers to writes come after the ten seconds that the client waits.
func late(s *scene) *trouble {
	felt := make(chan struct{}, 1000)
	s.admin.After(func(c cluster.Call) {
		if c.Writes() {
			felt <- struct{}{}
			time.Sleep(11 * time.Second)
		}
	})
	return &trouble{felt: func() { <-felt }, end: func() { s.admin.After(nil) }}
}

func lagging(s *scene) *trouble {
	s.StandIn.SetServeDelay(2 * time.Second)
	return &trouble{end: func() { s.StandIn.SetServeDelay(0) }}
}

// wiped empties the gateway's store. What others had there is planted again, as it is not ours to bring back.
func wiped(s *scene) *trouble {
	return &trouble{felt: func() {
		s.StandIn.Wipe()
		s.plantSSLs()
	}}
}

func restarted(s *scene) *trouble {
	return &trouble{felt: func() { s.must(s.StandIn.Restart()) }}
}

func down(s *scene) *trouble {
	s.StandIn.Stop()
	return &trouble{end: func() { s.must(s.StandIn.Restart()) }}
}

// sslOf is the gateway's object of the certificate "held".
func (s *scene) sslOf() (found apisix.SSL) {
	s.Helper()
	for _, ssl := range s.StandIn.SSLs() {
		if ssl.Hosts()[0] == heldHost {
			found = ssl
		}
	}
	if found.ID == "" {
		s.Fatal("there is no ssl object")
	}
	return found
}

func (s *scene) byHand() *apisix.Client {
	s.Helper()
	c, err := apisix.New(apisix.Options{Endpoints: []string{s.StandIn.AdminURL()}, AdminKey: apisix.StaticKey(s.Gateway.AdminKey)})
	s.must(err)
	return c
}

func dropped(s *scene) *trouble {
	return &trouble{felt: func() { s.must(s.byHand().DeleteSSL(s.Context(), s.sslOf().ID)) }}
}

func replaced(s *scene) *trouble {
	return &trouble{felt: func() {
		ssl := s.sslOf()
		ssl.Cert, ssl.Key = newForger(s.T).pair(heldHost)
		_, err := s.byHand().PutSSL(s.Context(), ssl)
		s.must(err)
	}}
}
