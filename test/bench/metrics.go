// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// metrics are lines of the Prometheus text format.
type metrics []byte

// sum adds the values of all series of a name whose labels hold a text.
func (m metrics) sum(name, label string) float64 {
	total := 0.0
	for lines := bufio.NewScanner(bytes.NewReader(m)); lines.Scan(); {
		line := lines.Text()
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' || !strings.Contains(rest, label) {
			continue
		}
		value, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err == nil {
			total += value
		}
	}
	return total
}

func (w *world) kubeMetrics(ctx context.Context) (metrics, error) {
	clients, err := kubernetes.NewForConfig(w.config)
	if err != nil {
		return nil, err
	}
	return clients.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
}

// controllerMetrics are those of the controller, nil while it does not answer.
func (w *world) controllerMetrics(ctx context.Context) metrics {
	body, _ := get(ctx, w.controller.MetricsURL+"/metrics")
	return body
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// idle tells whether the controller leads, has looked at least at so many certificates, and has nothing left to do.
func (m metrics) idle(reconciled int) bool {
	return m.sum("leader_election_master_status", "") == 1 &&
		m.sum("controller_runtime_reconcile_total", `controller="certificate"`) >= float64(reconciled) &&
		m.sum("workqueue_depth", "") == 0 && m.sum("controller_runtime_active_workers", "") == 0
}

// settle waits until the controller has nothing left to do: what it does after a certificate is Ready belongs to its cost.
func (w *world) settle(ctx context.Context) error {
	_, err := w.awaitIdle(ctx, 0)
	return err
}

const (
	quietFor = 500 * time.Millisecond
	// quietCPU is more than an idle controller takes in that time, for proofs and its lease.
	quietCPU = 4 * tick
)

// awaitIdle waits until the controller leads, has looked at so many certificates and has nothing left to do, and returns
// since when. The controller is asked only when its process takes hardly any CPU: with thousands of series an answer costs
// it a tenth of a second.
func (w *world) awaitIdle(ctx context.Context, reconciled int) (time.Time, error) {
	p, since, used := w.progress("waiting until the controller is at rest"), time.Now(), cpuOf(w.controller.PID())
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 10*time.Minute, true, func(ctx context.Context) (bool, error) {
		p.wait()
		if now := cpuOf(w.controller.PID()); now-used > quietCPU {
			since, used = time.Now(), now
		}
		if time.Since(since) < quietFor {
			return false, w.alive()
		}
		if w.controllerMetrics(ctx).idle(reconciled) {
			return true, nil
		}
		since, used = time.Now(), cpuOf(w.controller.PID())
		return false, nil
	})
	if err != nil {
		return since, fmt.Errorf("the controller does not come to rest: %w", err)
	}
	return since, nil
}
