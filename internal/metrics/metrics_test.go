// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var (
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	shop  = types.NamespacedName{Namespace: "shop", Name: "web"}
	vault = Issuer{"VaultIssuer", "shop", "vault"}
)

// use gives every metric a value.
func use() {
	SetCertificate(shop, Certificate{NotBefore: now, NotAfter: now.Add(time.Hour), RenewAt: now.Add(time.Minute), Ready: metav1.ConditionTrue, Served: metav1.ConditionFalse})
	SetIssuer(vault, true, now, now.Add(time.Hour))
	SetGatewayUp("default", true)
	SetGatewayInsecure("default", false)
	AdminRequest("default", "PUT", OK)
	Pushed("default", 7*time.Millisecond)
	Proof("default", "served")
	Issued("RenewalDue", 30*time.Millisecond)
	Served(8 * time.Millisecond)
	VaultRequest("sign", OK)
}

// ours are the metrics of this package as they are served, by name.
func ours(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := Gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*dto.MetricFamily{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), prefix) {
			found[f.GetName()] = f
		}
	}
	return found
}

func labels(m *dto.Metric) []string {
	var names []string
	for _, l := range m.GetLabel() {
		names = append(names, l.GetName())
	}
	slices.Sort(names)
	return names
}

func TestNamesFollowTheConventions(t *testing.T) {
	use()
	families := slices.Collect(maps.Values(ours(t)))
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

// The first table of the page is the registry, in name, type, labels and meaning.
func TestPageIsTrue(t *testing.T) {
	use()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	documented, served := map[string][]string{}, map[string][]string{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(strings.TrimSpace(line), " | "); strings.HasPrefix(line, "| `"+prefix) && len(cells) == 4 {
			documented[strings.Trim(cells[0], "| `")] = row(cells)
		}
	}
	for name, f := range ours(t) {
		served[name] = append([]string{strings.ToLower(f.GetType().String()), f.GetHelp()}, labels(f.GetMetric()[0])...)
	}
	if diff := cmp.Diff(served, documented); diff != "" {
		t.Errorf("docs/metrics.md (-registry +page):\n%s", diff)
	}
}

// row is type, meaning and labels.
func row(cells []string) []string {
	names := strings.Split(cells[2], ", ")
	if slices.Sort(names); cells[2] == "-" {
		names = nil
	}
	return append([]string{cells[1], strings.TrimSuffix(cells[3], " |")}, names...)
}

func TestSeriesGoWithTheirObject(t *testing.T) {
	forget := func() {
		ForgetCertificate(shop)
		ForgetIssuer(vault)
		ForgetGateway("default")
	}
	use()
	if count(t) == 0 {
		t.Error("nothing was added")
	}
	forget()
	if left := count(t); left > 0 {
		t.Errorf("%d series are left", left)
	}
}

// count leaves out those of the controller as a whole.
func count(t *testing.T) int {
	n := 0
	for _, f := range ours(t) {
		for _, m := range f.GetMetric() {
			if names := labels(m); slices.Contains(names, "name") || slices.Contains(names, "gateway") {
				n++
			}
		}
	}
	return n
}

func TestUnknownHasNoSeries(t *testing.T) {
	SetCertificate(shop, Certificate{NotAfter: now, Ready: metav1.ConditionTrue, Served: metav1.ConditionTrue})
	SetCertificate(shop, Certificate{Ready: metav1.ConditionFalse, Served: metav1.ConditionUnknown})
	defer ForgetCertificate(shop)
	found := ours(t)
	for _, name := range []string{"expiry_timestamp_seconds", "served", "renewal_timestamp_seconds"} {
		if found[prefix+name] != nil {
			t.Error(name, found[prefix+name])
		}
	}
	if ready := found[prefix+"ready"]; ready == nil || ready.GetMetric()[0].GetGauge().GetValue() != 0 {
		t.Error(ready)
	}
}

// The numbers of series that the page tells.
func TestCardinality(t *testing.T) {
	use()
	defer ForgetGateway("default")
	defer ForgetCertificate(shop)
	defer ForgetIssuer(vault)
	got := map[string]int{}
	for _, f := range ours(t) {
		for _, m := range f.GetMetric() {
			got[ownerOf(labels(m))] += seriesOf(m)
		}
	}
	// Of those that come as they occur, use has one request and one proof at the gateway, one reason and one request to Vault.
	want := map[string]int{"certificate": 5, "issuer": 3, "gateway": 16 + 2, "controller": 44 + 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-page +registry):\n%s", diff)
	}
}

func ownerOf(labels []string) string {
	switch {
	case slices.Contains(labels, "gateway"):
		return "gateway"
	case slices.Contains(labels, "name") && slices.Contains(labels, "kind"):
		return "issuer"
	case slices.Contains(labels, "name"):
		return "certificate"
	}
	return "controller"
}

// seriesOf counts a histogram's buckets, its last one, sum and count.
func seriesOf(m *dto.Metric) int {
	if h := m.GetHistogram(); h != nil {
		return len(h.GetBucket()) + 3
	}
	return 1
}
