// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
	"strings"
	"text/tabwriter"
)

// row is the result of one scenario. Of scenario single there are two, with the median and the 99th percentile of the time
// from the order to renew to the handshake that shows the new certificate as seconds.
type row struct {
	Scenario            string  `json:"scenario"`
	N                   int     `json:"n"`
	Seconds             float64 `json:"seconds"`
	CertsPerS           float64 `json:"certs_per_s"`
	KubeRequestsPerCert float64 `json:"kube_requests_per_cert"`
	KubeWritesPerCert   float64 `json:"kube_writes_per_cert"`
	VaultLogins         int     `json:"vault_logins"`
	VaultSigns          int     `json:"vault_signs"`
	AdminRequests       int     `json:"admin_requests"`
	CPUMsPerCert        float64 `json:"cpu_ms_per_cert"`
	PeakRSSMiB          float64 `json:"peak_rss_mib"`
	APIServerMsPerCert  float64 `json:"api_server_cpu_ms_per_cert"`
	// FloorPerS and RatioToFloor are of the scenarios create and renew alone, see floor.
	FloorPerS    float64 `json:"floor_per_s,omitempty"`
	RatioToFloor float64 `json:"ratio_to_floor,omitempty"`

	// Shown on the screen alone.
	certs  int                // that were worked on
	cpu    map[string]float64 // ms a certificate by process
	others float64            // part of the machine's cores that programs took that have nothing to do with this
	runs   []string           // of reconcilers, a certificate
}

func asJSON(rows []row) []byte {
	data, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		panic(err) // plain numbers, none infinite
	}
	return append(data, '\n')
}

func printTable(w io.Writer, rows []row) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "scenario\tn\tseconds\tcerts/s\tkube req/cert\twrites/cert\tlogins\tsigns\tadmin req\tCPU ms/cert\tAPI server ms/cert\tpeak RSS MiB\tfloor/s\tratio to floor\t")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%d\t%.3f\t%.1f\t%.2f\t%.2f\t%d\t%d\t%d\t%.2f\t%.2f\t%.1f\t%.1f\t%.2f\t\n", r.Scenario, r.N, r.Seconds, r.CertsPerS,
			r.KubeRequestsPerCert, r.KubeWritesPerCert, r.VaultLogins, r.VaultSigns, r.AdminRequests, r.CPUMsPerCert, r.APIServerMsPerCert,
			r.PeakRSSMiB, r.FloorPerS, r.RatioToFloor)
	}
	_ = table.Flush()
	fmt.Fprintln(w, "\nCPU by process, ms a certificate: where the machine's cores go")
	for _, r := range rows {
		if len(r.cpu) > 0 {
			fmt.Fprintf(w, "  %s n=%d: %s; other programs took %.0f%% of the machine; runs a certificate: %s\n",
				r.Scenario, r.N, r.machine(), 100*r.others, strings.Join(r.runs, ", "))
		}
	}
}

// machine is the CPU by process, the greatest first, and the rate at which all cores would be used up by that.
func (r row) machine() string {
	names := make([]string, 0, len(r.cpu))
	total := 0.0
	for name, ms := range r.cpu {
		names, total = append(names, name), total+ms
	}
	sort.Slice(names, func(i, j int) bool { return r.cpu[names[i]] > r.cpu[names[j]] })
	var texts []string
	for _, name := range names {
		texts = append(texts, fmt.Sprintf("%s %.2f", name, r.cpu[name]))
	}
	return fmt.Sprintf("%s; together %.2f, so that %d cores are full at %.0f a second", strings.Join(texts, ", "), total, cores, 1000*float64(cores)/total)
}

// round cuts to three digits after the point, for JSON.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }
