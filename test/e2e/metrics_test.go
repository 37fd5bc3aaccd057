// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// metrics are what the controller serves.
func (s *scene) metrics() string {
	s.Helper()
	answer, err := http.Get(s.controller.MetricsURL + "/metrics")
	s.must(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	s.must(err)
	return string(text)
}

var (
	metricLine  = regexp.MustCompile(`(?m)^# (HELP|TYPE) (apisix_certs_\S+) (.*)$`)
	seriesLine  = regexp.MustCompile(`(?m)^(apisix_certs_[a-z_]+?)(_bucket|_sum|_count)?(\{[^}]*\})? `)
	seriesLabel = regexp.MustCompile(`([a-z]+)="`)
)

// servedMetrics are our metrics as they are served: type, meaning and labels by name.
func servedMetrics(text string) map[string]string {
	words := map[string]map[string]string{"HELP": {}, "TYPE": {}}
	for _, m := range metricLine.FindAllStringSubmatch(text, -1) {
		words[m[1]][m[2]] = m[3]
	}
	labels := map[string]string{}
	for _, m := range seriesLine.FindAllStringSubmatch(text, -1) {
		var names []string
		for _, l := range seriesLabel.FindAllStringSubmatch(m[3], -1) {
			if l[1] != "le" {
				names = append(names, l[1])
			}
		}
		slices.Sort(names)
		labels[m[1]] = strings.Join(names, ", ")
	}
	all := map[string]string{}
	for name, help := range words["HELP"] {
		all[name] = words["TYPE"][name] + " (" + labels[name] + "): " + help
	}
	return all
}

// documentedMetrics are those of docs/metrics.md.
func documentedMetrics(page string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 4 || !strings.HasPrefix(cells[0], "`apisix_certs_") {
			continue
		}
		names := strings.Split(strings.TrimPrefix(cells[2], "-"), ", ")
		slices.Sort(names)
		all[strings.Trim(cells[0], "`")] = cells[1] + " (" + strings.Join(names, ", ") + "): " + cells[3]
	}
	return all
}

// After one certificate was issued, pushed, proven and renewed, every metric of the page is served, as the page says, and
// no other; and the certificate's series go when it goes.
func TestMetricsAreThoseOfThePage(t *testing.T) {
	s := newScene(t)
	s.certificate("measured", []string{"measured." + s.domain})
	s.ready("measured", "measured."+s.domain)
	page, err := os.ReadFile("../../docs/metrics.md")
	s.must(err)
	text := s.metrics()
	if diff := cmp.Diff(documentedMetrics(string(page)), servedMetrics(text)); diff != "" {
		t.Errorf("(-docs/metrics.md +served):\n%s", diff)
	}
	of := fmt.Sprintf(`{name="measured",namespace="%s"}`, s.ns)
	if n := strings.Count(text, of); n != 5 {
		t.Errorf("%d series of the certificate", n)
	}
	for _, line := range []string{"apisix_certs_ready" + of + " 1", "apisix_certs_served" + of + " 1",
		fmt.Sprintf(`apisix_certs_issuer_ready{kind="VaultIssuer",name="vault",namespace="%s"} 1`, s.ns), `apisix_certs_gateway_up{gateway="default"} 1`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no %s", line)
		}
	}
	s.must(s.Client.Delete(t.Context(), s.cert("measured")))
	s.must(s.Client.DeleteAllOf(t.Context(), &v1alpha1.VaultIssuer{}, client.InNamespace(s.ns)))
	s.until("end of the series", func() string {
		if text := s.metrics(); strings.Contains(text, `namespace="`+s.ns+`"`) {
			return "there are some left"
		}
		return ""
	})
}

// Runs that find nothing new tell no events, of what is well and of what is not.
func TestEventsAreOnChange(t *testing.T) {
	s := newScene(t)
	s.certificate("well", []string{"well." + s.domain})
	s.ready("well", "well."+s.domain)
	s.certificate("astray", []string{"astray." + s.domain}, func(c *v1alpha1.ApisixCertificate) { c.Spec.IssuerRef.Name = "nobody" })
	s.event("ApisixCertificate", "astray", v1alpha1.ReasonIssuerNotFound)
	before := s.told()
	for i := range 10 {
		for _, name := range []string{"well", "astray"} {
			s.annotate(&v1alpha1.ApisixCertificate{}, name, "example.com/poke", fmt.Sprint(i)) // a run each
		}
	}
	time.Sleep(time.Second)
	if after := s.told(); after != before {
		t.Errorf("%d events before, %d after 10 runs of each", before, after)
	}
}

// told counts the events of the scene, those too that are one with others.
func (s *scene) told() int {
	s.Helper()
	var list eventsv1.EventList
	s.must(s.Client.List(s.Context(), &list, client.InNamespace(s.ns)))
	n := 0
	for _, e := range list.Items {
		n++
		if e.Series != nil {
			n += int(e.Series.Count)
		}
	}
	return n
}
