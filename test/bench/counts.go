// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

var cores = runtime.NumCPU()

// counts are what had been done up to a moment.
type counts struct {
	at               time.Time
	requests, writes float64 // of the controller, at the API server
	certificates     int     // that Vault has signed
	tokens           map[string]bool
	admin            int
	cpu              map[string]time.Duration // by process, and of the whole machine
	runs             map[string]float64       // of reconcilers, by controller
}

var controllerNames = []string{"certificate", "source"}

// count reads all counters.
func (w *world) count(ctx context.Context) (c counts, err error) {
	c.at = time.Now()
	metrics, err := w.kubeMetrics(ctx)
	if err != nil {
		return c, fmt.Errorf("metrics of the API server: %w", err)
	}
	const dispatched = "apiserver_flowcontrol_dispatched_requests_total"
	writes := metrics.sum(dispatched, `flow_schema="`+schemaWrites+`"`)
	c.requests = writes + metrics.sum(dispatched, `flow_schema="`+schemaReads+`"`)
	c.writes = writes - metrics.sum("apiserver_request_total", `dry_run="All"`) // nobody else makes dry runs
	if c.certificates, err = w.signed(ctx); err != nil {
		return c, err
	}
	if c.tokens, err = w.tokens(ctx); err != nil {
		return c, err
	}
	c.admin = w.adminRequests()
	c.cpu = cpuByProcess()
	c.cpu[machineName] = cpuOfMachine()
	c.runs = map[string]float64{}
	own := w.controllerMetrics(ctx)
	for _, name := range controllerNames {
		c.runs[name] = own.sum("controller_runtime_reconcile_total", `controller="`+name+`"`)
	}
	return c, nil
}

// signed is how many certificates Vault keeps. It keeps all that it has signed.
func (w *world) signed(ctx context.Context) (int, error) {
	serials, err := w.listVault(ctx, "pki/certs")
	return len(serials), err
}

// tokens are the accessors of the tokens that there are. Logins within one scenario leave theirs: only a controller that
// ends gives its token back.
func (w *world) tokens(ctx context.Context) (map[string]bool, error) {
	accessors, err := w.listVault(ctx, "auth/token/accessors")
	found := map[string]bool{}
	for _, accessor := range accessors {
		found[accessor] = true
	}
	return found, err
}

func (w *world) listVault(ctx context.Context, path string) ([]string, error) {
	secret, err := w.Vault.Client().Logical().ListWithContext(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("list %s of Vault: %w", path, err)
	}
	if secret == nil {
		return nil, nil
	}
	var keys []string
	items, _ := secret.Data["keys"].([]any)
	for _, item := range items {
		keys = append(keys, fmt.Sprint(item))
	}
	return keys, nil
}

// spent makes a row of what was done since before for a number of certificates.
func (w *world) spent(scenario string, certs int, took time.Duration, before, after counts) row {
	per := func(x float64) float64 { return round(x / float64(certs)) }
	r := row{
		Scenario: scenario, N: w.n, Seconds: round(took.Seconds()), CertsPerS: round(float64(certs) / took.Seconds()),
		KubeRequestsPerCert: per(after.requests - before.requests), KubeWritesPerCert: per(after.writes - before.writes),
		VaultSigns: after.certificates - before.certificates, AdminRequests: after.admin - before.admin,
		FloorPerS: round(w.floors[scenario]),
		certs:     certs, cpu: map[string]float64{},
	}
	for token := range after.tokens {
		if !before.tokens[token] {
			r.VaultLogins++
		}
	}
	others := 0.0
	for name, at := range after.cpu {
		ms := per(float64((at - before.cpu[name]).Microseconds()) / 1000)
		switch {
		case name == machineName:
			others += ms
		case ms > 0:
			r.cpu[name] = ms
			others -= ms
		}
	}
	r.others = max(others, 0) / (1000 * float64(cores) * after.at.Sub(before.at).Seconds() / float64(certs))
	for name := range after.runs {
		r.runs = append(r.runs, fmt.Sprintf("%s %.1f", name, per(after.runs[name]-before.runs[name])))
	}
	slices.Sort(r.runs)
	r.CPUMsPerCert = r.cpu[controllerName]
	r.APIServerMsPerCert = r.cpu[apiServerName]
	if r.FloorPerS > 0 {
		r.RatioToFloor = round(r.CertsPerS / r.FloorPerS)
	}
	return r
}
