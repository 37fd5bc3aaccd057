// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMetrics(t *testing.T) {
	m := metrics(`# HELP workqueue_depth x
workqueue_depth{name="certificate",priority="0"} 3
workqueue_depth{name="source"} 1.5
workqueue_depth_total{name="source"} 100
plain 7
`)
	for _, row := range []struct {
		name, label string
		want        float64
	}{{"workqueue_depth", "", 4.5}, {"workqueue_depth", `name="source"`, 1.5}, {"plain", "", 7}, {"work", "", 0}} {
		if got := m.sum(row.name, row.label); got != row.want {
			t.Errorf("%s %s: %g, want %g", row.name, row.label, got, row.want)
		}
	}
}

func TestParseStat(t *testing.T) {
	p := parseStat("42 (a (b) c) S 7 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1 1 1")
	if p.pid != 42 || p.parent != 7 || p.name != "a (b) c" || p.cpu != 3*time.Second {
		t.Errorf("%+v", p)
	}
	if broken := parseStat("42 (a"); broken != (process{}) {
		t.Errorf("%+v", broken)
	}
}

// The CPU time of this process is found, and grows with what it does.
func TestCPU(t *testing.T) {
	before := cpuOf(os.Getpid())
	for began := time.Now(); time.Since(began) < 300*time.Millisecond; {
		_ = strings.Repeat("x", 1000)
	}
	if after := cpuOf(os.Getpid()); after <= before || cpuByProcess()[benchName] < after || cpuOfMachine() < after {
		t.Errorf("%s before, %s after, %s by name, %s of the machine", before, after, cpuByProcess()[benchName], cpuOfMachine())
	}
}

// A plot is well-formed, whatever it is made of.
func TestPlot(t *testing.T) {
	for name, rows := range map[string][]row{
		"nothing": nil,
		"one n":   {{Scenario: "create", N: 20, Seconds: 1, CPUMsPerCert: 5, PeakRSSMiB: 60, KubeRequestsPerCert: 4}},
		"zeros":   {{Scenario: "restart", N: 20, Seconds: 1}, {Scenario: "restart", N: 200, Seconds: 1}},
		"several": {{Scenario: "create", N: 100, Seconds: 1, CPUMsPerCert: 5}, {Scenario: "create", N: 1000, Seconds: 9, CPUMsPerCert: 4}},
	} {
		image := string(plot(rows))
		if strings.Contains(image, "NaN") || strings.Contains(image, "Inf") {
			t.Errorf("%s: a coordinate is no number", name)
		}
		for d := xml.NewDecoder(strings.NewReader(image)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-n", "100,1000", "-scenarios", "create,renew", "-controller-args", "--log-level debug"})
	if err != nil || len(o.ns) != 2 || o.ns[1] != 1000 || len(o.only) != 2 || len(o.args) != 2 {
		t.Errorf("%+v %v", o, err)
	}
	for _, bad := range []string{"x", "0", "1,", ""} {
		if _, err := parse([]string{"-n", bad}); err == nil {
			t.Errorf("-n %q is taken", bad)
		}
	}
}
