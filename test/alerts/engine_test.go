// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

var (
	ruleFile      = chartFile("rules.yaml")
	dashboardFile = chartFile("dashboard.json")
)

func chartFile(name string) string {
	return filepath.Join("..", "..", "charts", "apisix-certs", "files", name)
}

// tick is how often rules are evaluated and series have a sample.
const tick = time.Minute

// fired evaluates all rules on the series, from time 0 on, each minute, and gives the alerts that fire after that time, each
// as "NAME {LABELS}: DESCRIPTION". A series is a line of name, labels and Prometheus's notation of values, see promtool.
func fired(t *testing.T, after time.Duration, series string) []string {
	t.Helper()
	storage := promqltest.LoadedStorage(t, fmt.Sprintf("load %s\n%s", tick, indent(series)))
	t.Cleanup(func() { _ = storage.Close() })
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	query := rules.EngineQueryFunc(engine, storage)
	all := alertRules(t, query)
	for at := time.Duration(0); at <= after; at += tick {
		for _, rule := range all {
			if _, err := rule.Eval(t.Context(), 0, time.Unix(0, 0).Add(at), query, nil, 0); err != nil {
				t.Fatalf("%s: %v", rule.Name(), err)
			}
		}
	}
	var firing []string
	for _, rule := range all {
		for _, alert := range rule.ActiveAlerts() {
			if alert.State == rules.StateFiring {
				firing = append(firing, fmt.Sprintf("%s %s: %s", rule.Name(), withoutName(alert.Labels), alert.Annotations.Get("description")))
			}
		}
	}
	return firing
}

func withoutName(l labels.Labels) labels.Labels {
	return labels.NewBuilder(l).Del(labels.AlertName).Del("job").Labels()
}

// indent makes of each line a line of a load command.
func indent(series string) string {
	var b strings.Builder
	for line := range strings.Lines(series) {
		if line = strings.TrimSpace(line); line != "" { // one without anything would end the command
			b.WriteString("  " + line + "\n")
		}
	}
	return b.String()
}

// alertRules reads the chart's file as Prometheus does.
func alertRules(t *testing.T, query rules.QueryFunc) []*rules.AlertingRule {
	t.Helper()
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: query, Context: t.Context(), Logger: promslog.NewNopLogger(), Parser: parser.NewParser(parser.Options{}),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	})
	groups, errs := manager.LoadGroups(tick, labels.EmptyLabels(), "", nil, false, ruleFile)
	for _, err := range errs {
		t.Fatal(err)
	}
	var all []*rules.AlertingRule
	for _, group := range groups {
		for _, rule := range group.Rules() {
			alert, ok := rule.(*rules.AlertingRule)
			if !ok {
				t.Fatalf("%s is no alert", rule.Name())
			}
			all = append(all, alert)
		}
	}
	return all
}
