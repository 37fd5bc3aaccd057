// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

func TestMain(m *testing.M) {
	code := m.Run()
	cluster.RemoveBinary()
	os.Exit(code)
}

// TestBench runs everything with 20 certificates and holds the counts, which do not depend on the machine.
func TestBench(t *testing.T) {
	servers.Need(t)
	const n, rounds = 20, 5
	dir := t.TempDir()
	out, svg := filepath.Join(dir, "bench.json"), filepath.Join(dir, "bench.svg")
	o, err := parse([]string{"-n", "20", "-rounds", "5", "-out", out, "-svg", svg, "-log", filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	var rows []row
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	if image, err := os.ReadFile(svg); err != nil || !strings.Contains(string(image), "<polyline") {
		t.Errorf("the plot has no line (%v)", err)
	}
	most := map[string]struct {
		writes        float64 // a certificate
		signs, logins int
		admin         int
	}{
		"create": {5, n, 1, n + 5}, "renew": {2, n, 0, n}, "restart": {0.5, 0, 1, 5}, // 0.5: the issuer's status
		"wipe": {0, 0, 0, n + 5}, "single_p50": {2, rounds, 0, rounds}, "single_p99": {2, rounds, 0, rounds},
	}
	for _, r := range rows {
		want, ok := most[r.Scenario]
		if !ok {
			t.Errorf("scenario %s", r.Scenario)
			continue
		}
		delete(most, r.Scenario)
		if r.N != n || r.Seconds <= 0 || r.CPUMsPerCert <= 0 || r.PeakRSSMiB < 10 || r.APIServerMsPerCert < 0 || (r.Scenario == "create" || r.Scenario == "renew") != (r.RatioToFloor > 0) {
			t.Errorf("%s: something was not measured: %+v", r.Scenario, r)
		}
		if r.KubeWritesPerCert > want.writes || r.VaultSigns != want.signs || r.VaultLogins > want.logins || r.AdminRequests > want.admin {
			t.Errorf("%s: %.2f writes a certificate, %d signs, %d logins, %d Admin API requests, want at most %+v",
				r.Scenario, r.KubeWritesPerCert, r.VaultSigns, r.VaultLogins, r.AdminRequests, want)
		}
	}
	if len(most) > 0 {
		t.Errorf("these are missing: %v", most)
	}
}
