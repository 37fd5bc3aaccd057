// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	_ "sigs.k8s.io/controller-runtime" // its metrics

	"apisix-certs.io/apisix-certs/internal/metrics"
)

// metric is what the registry says of one: its labels but for those of the target.
type metric struct{ labels []string }

var described = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

// registered are the metrics that a controller has, by name.
func registered(t *testing.T) map[string]metric {
	t.Helper()
	all := map[string]metric{}
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		metrics.Describe(descriptions)
	}()
	for d := range descriptions {
		if found := described.FindStringSubmatch(d.String()); found != nil {
			all[found[1]] = metric{strings.FieldsFunc(found[2], func(r rune) bool { return r == ',' || r == ' ' })}
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d metrics are registered", len(all))
	}
	return all
}

// problems parses a query and tells which of its metrics and labels there are not.
func problems(query string, known map[string]metric) []string {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return []string{err.Error()}
	}
	var found []string
	selectors := 0
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			selectors++
			found = append(found, unknown(selector, known)...)
		}
		return nil
	})
	if selectors == 0 {
		found = append(found, "no metric is asked for")
	}
	return found
}

func unknown(selector *parser.VectorSelector, known map[string]metric) []string {
	name := selector.Name
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if base, ok := strings.CutSuffix(name, suffix); ok {
			name = base
		}
	}
	is, ok := known[name]
	if !ok {
		return []string{"there is no metric " + name}
	}
	var found []string
	if !slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == "job" }) {
		found = append(found, "metric "+name+" is asked for whatever its job")
	}
	for _, m := range selector.LabelMatchers {
		if m.Name != model.MetricNameLabel && !ofTarget[m.Name] && !slices.Contains(is.labels, m.Name) {
			found = append(found, "metric "+name+" has no label "+m.Name)
		}
	}
	return found
}

// ofTarget are the labels that Prometheus adds.
var ofTarget = map[string]bool{"job": true, "namespace": true, "pod": true}

func TestAlertsAskForMetricsThatExist(t *testing.T) {
	known := registered(t)
	for _, rule := range alertRules(t, nil) {
		if found := problems(rule.Query().String(), known); found != nil {
			t.Errorf("%s: %q", rule.Name(), found)
		}
	}
}

// dashboard is what of Grafana's format is looked at.
type dashboard struct {
	Title  string
	Panels []struct {
		Type, Title string
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct{ Expr, LegendFormat string }
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	data, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDashboardAsksForMetricsThatExist(t *testing.T) {
	known := registered(t)
	asked := map[string]bool{}
	for _, panel := range readDashboard(t).Panels {
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("panel %s asks for nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			if found := problems(target.Expr, known); found != nil {
				t.Errorf("%s: %q", target.Expr, found)
			}
			for name := range known {
				asked[name] = asked[name] || strings.Contains(target.Expr, name)
			}
		}
	}
	for name := range known {
		if strings.HasPrefix(name, "apisix_certs_") && !asked[name] && !strings.Contains(name, "not_before") {
			t.Errorf("no panel shows %s", name)
		}
	}
}

var legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)

// A legend names labels that the query keeps.
func TestLegends(t *testing.T) {
	for _, panel := range readDashboard(t).Panels {
		for _, target := range panel.Targets {
			for _, label := range legendLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
				by := regexp.MustCompile(`by \([^)]*\b` + label[1] + `\b[^)]*\)`)
				if !by.MatchString(target.Expr) {
					t.Errorf("panel %s: the query does not keep label %s", panel.Title, label[1])
				}
			}
		}
	}
}

// No panel lies over another.
func TestPanelsDoNotOverlap(t *testing.T) {
	panels := readDashboard(t).Panels
	for i, a := range panels {
		if a.GridPos.X+a.GridPos.W > 24 {
			t.Errorf("panel %s is too wide", a.Title)
		}
		for _, b := range panels[:i] {
			p, q := a.GridPos, b.GridPos
			if p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H {
				t.Errorf("panels %s and %s overlap", a.Title, b.Title)
			}
		}
	}
}

// The tests of queries can fail.
func TestWrongQueriesAreFound(t *testing.T) {
	known := registered(t)
	for _, query := range []string{`apisix_certs_nothing{job="x"}`, `apisix_certs_ready{job="x",host="x"}`, "apisix_certs_ready", "sum(", `up{job="x"}`, "1"} {
		if problems(query, known) == nil {
			t.Errorf("%s passes", query)
		}
	}
}
