// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	job   = `job="apisix-certs-metrics"`
	hour  = time.Hour
	day   = 24 * hour
	month = 30 * day
)

// certificate is an ApisixCertificate shop/web at time 0.
type certificate struct {
	life, left time.Duration
	due        time.Duration // until its renewal; none: somebody else renews it
	none       bool
	unserved   bool
	unready    bool
}

// series are those of the certificate, and of a healthy controller.
func (c certificate) series() string {
	var b strings.Builder
	add := func(name string, value float64) {
		fmt.Fprintf(&b, "apisix_certs_%s{namespace=\"shop\",name=\"web\",%s} %v+0x200\n", name, job, value)
	}
	add("expiry_timestamp_seconds", c.left.Seconds())
	add("not_before_timestamp_seconds", (c.left - c.life).Seconds())
	if !c.none {
		add("renewal_timestamp_seconds", c.due.Seconds())
	}
	truth := map[bool]float64{true: 0, false: 1}
	add("ready", truth[c.unready || c.unserved])
	add("served", truth[c.unserved])
	return b.String() + healthy + leading + quiet
}

const healthy = `
apisix_certs_issuer_ready{kind="VaultIssuer",namespace="shop",name="vault",` + job + `} 1+0x200
apisix_certs_issuer_ca_expiry_timestamp_seconds{kind="VaultIssuer",namespace="shop",name="vault",` + job + `} 157680000+0x200
apisix_certs_issuer_ca_not_before_timestamp_seconds{kind="VaultIssuer",namespace="shop",name="vault",` + job + `} -157680000+0x200
apisix_certs_gateway_up{gateway="default",` + job + `} 1+0x200
`

var leading = leads("a", "1+0x200") + leads("b", "0+0x200")

const quiet = `
controller_runtime_reconcile_errors_total{controller="certificate",namespace="apisix-certs",` + job + `} 7+0x200`

// names are those of the alerts that fire.
func names(fired []string) []string {
	var all []string
	for _, alert := range fired {
		name, _, _ := strings.Cut(alert, " ")
		all = append(all, name)
	}
	return all
}

// Which alerts fire on one certificate, half an hour after the time given.
func TestCertificateAlerts(t *testing.T) {
	const (
		soon, now, overdue = "ApisixCertsExpiresIn7Days", "ApisixCertsExpiresIn1Day", "ApisixCertsRenewalOverdue"
	)
	for _, c := range []struct {
		name string
		certificate
		want []string
	}{
		{"fresh", certificate{life: 90 * day, left: 89 * day, due: 59 * day}, nil},
		{"just due", certificate{life: 90 * day, left: 30 * day, due: -hour}, nil},
		{"due for 7 hours", certificate{life: 90 * day, left: 30*day - 7*hour, due: -7 * hour}, []string{overdue}},
		{"8 days left", certificate{life: 90 * day, left: 8 * day, due: -22 * day}, []string{overdue}},
		{"6 days left", certificate{life: 90 * day, left: 6 * day, due: -24 * day}, []string{soon, overdue}},
		{"20 hours left", certificate{life: 90 * day, left: 20 * hour, due: -29 * day}, []string{soon, now, overdue}},
		{"ended", certificate{life: 90 * day, left: -hour, due: -30 * day}, []string{soon, now, overdue}},
		{"renewed 2 days before its end, 3 left", certificate{life: 90 * day, left: 3 * day, due: day}, nil},
		{"renewed an hour before its end, 20 left", certificate{life: 90 * day, left: 20 * hour, due: 19 * hour}, nil},
		{"of a day, fresh", certificate{life: day, left: 23 * hour, due: 15 * hour}, nil},
		{"of a day, just before its renewal", certificate{life: day, left: 9 * hour, due: hour}, nil},
		{"of a day, due for an hour", certificate{life: day, left: 7 * hour, due: -hour}, nil},
		{"of a day, due for 3 hours", certificate{life: day, left: 5 * hour, due: -3 * hour}, []string{soon, overdue}},
		{"of a day, 2 hours left", certificate{life: day, left: 2 * hour, due: -6 * hour}, []string{soon, now, overdue}},
		{"of a year, 6 months of it", certificate{life: 365 * day, left: 180 * day, due: 60 * day}, nil},
		{"somebody else's, 10 days left", certificate{life: 90 * day, left: 10 * day, none: true}, nil},
		{"somebody else's, 5 days left", certificate{life: 90 * day, left: 5 * day, none: true}, []string{soon}},
		{"somebody else's, 5 hours left", certificate{life: 90 * day, left: 5 * hour, none: true}, []string{soon, now}},
		{"not served", certificate{life: 90 * day, left: 89 * day, due: 59 * day, unserved: true}, []string{"ApisixCertsNotServed"}},
		{"not ready", certificate{life: 90 * day, left: 89 * day, due: 59 * day, unready: true}, []string{"ApisixCertsNotReady"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, names(fired(t, 30*time.Minute, c.series()))); diff != "" {
				t.Errorf("(-want +fired):\n%s", diff)
			}
		})
	}
}

// A certificate of a day that is renewed when it is due fires nothing in all its life.
func TestShortLifeIsQuiet(t *testing.T) {
	for age := time.Duration(0); age < 16*hour; age += 30 * time.Minute {
		c := certificate{life: day, left: day - age, due: 16*hour - age}
		if got := fired(t, 25*time.Minute, c.series()); got != nil {
			t.Errorf("at the age of %s: %v", age, got)
		}
	}
}

// Series of one thing, beside a controller that leads.
func issuer(values string) string {
	return fmt.Sprintf("apisix_certs_issuer_ready{kind=\"VaultIssuer\",name=\"v\",%s} %s\n", job, values) + leading
}

func gateway(values string) string {
	return fmt.Sprintf("apisix_certs_gateway_up{gateway=\"default\",%s} %s\n", job, values) + leading
}

func runs(values string) string {
	return fmt.Sprintf("controller_runtime_reconcile_errors_total{namespace=\"apisix-certs\",controller=\"certificate\",%s} %s\n", job, values) + leading
}

func held(values string) string {
	return fmt.Sprintf("apisix_certs_held_deletions_total{namespace=\"apisix-certs\",%s} %s\n", job, values) + leading
}

func ca(life, left time.Duration) string {
	of := "{kind=\"ClusterVaultIssuer\",namespace=\"\",name=\"v\"," + job + "}"
	return fmt.Sprintf("apisix_certs_issuer_ca_expiry_timestamp_seconds%s %v+0x200\napisix_certs_issuer_ca_not_before_timestamp_seconds%s %v+0x200\n",
		of, left.Seconds(), of, (left-life).Seconds()) + leading
}

// leads is whether a pod leads.
func leads(pod, values string) string {
	return fmt.Sprintf("leader_election_master_status{namespace=\"apisix-certs\",pod=\"%s\",%s} %s\n", pod, job, values)
}

// What else fires, or does not, on series that are not all there is, and when.
func TestOtherAlerts(t *testing.T) {
	for _, c := range []struct {
		name   string
		series string
		after  time.Duration
		want   []string
	}{
		{"issuer away", issuer("0+0x200"), 20 * time.Minute, []string{"ApisixCertsIssuerNotReady"}},
		{"issuer away for 10 minutes", issuer("0+0x200"), 10 * time.Minute, nil},
		{"issuer away for a moment", issuer("0+0x5 1+0x200"), 20 * time.Minute, nil},
		{"CA of 10 years, a year left", ca(3650*day, 365*day), hour, nil},
		{"CA of 10 years, 20 days left", ca(3650*day, 20*day), hour, []string{"ApisixCertsIssuerCAExpiring"}},
		{"CA of 10 years, ended", ca(3650*day, -day), hour, []string{"ApisixCertsIssuerCAExpiring"}},
		{"CA of 10 years, seen to end for 5 minutes", ca(3650*day, 20*day), 5 * time.Minute, nil},
		{"CA of a month, fresh", ca(month, 29*day), hour, nil},
		{"CA of a month, 5 days left", ca(month, 5*day), hour, []string{"ApisixCertsIssuerCAExpiring"}},
		{"gateway down", gateway("0+0x200"), 15 * time.Minute, []string{"ApisixCertsGatewayUnreachable"}},
		{"gateway down for 5 minutes", gateway("0+0x200"), 5 * time.Minute, nil},
		{"gateway down for a moment", gateway("0+0x3 1+0x200"), 15 * time.Minute, nil},
		{"nobody leads", leads("a", "0+0x200"), 15 * time.Minute, []string{"ApisixCertsNotLeading"}},
		{"nobody leads for 5 minutes", leads("a", "0+0x200"), 5 * time.Minute, nil},
		{"no controller", "up{job=\"other\"} 1+0x200", 15 * time.Minute, []string{"ApisixCertsNotLeading"}},
		{"lead handed over", leads("a", "1+0x5 0+0x200") + leads("b", "0+0x6 1+0x200"), 15 * time.Minute, nil},
		{"leader of another namespace", strings.ReplaceAll(leads("a", "1+0x200"), "apisix-certs\"", "other\""), 15 * time.Minute, []string{"ApisixCertsNotLeading"}},
		{"not served for 10 minutes", certificate{life: day, left: day, due: hour, unserved: true}.series(), 10 * time.Minute, nil},
		{"not ready for 10 minutes", certificate{life: day, left: day, due: hour, unready: true}.series(), 10 * time.Minute, nil},
		{"runs fail", runs("0+5x200"), hour, []string{"ApisixCertsRunsFail"}},
		{"runs fail for 20 minutes", runs("0+5x200"), 20 * time.Minute, nil},
		{"runs failed once", runs("0+0x5 5+0x200"), hour, nil},
		{"runs of something else fail", strings.Replace(runs("0+5x200"), "namespace=\"apisix-certs\",controller", "namespace=\"other\",controller", 1), hour, nil},
		{"deletions are held", held("0+0x5 25+0x200"), 7 * time.Minute, []string{"ApisixCertsDeletionsHeld"}},
		{"deletions go on being held", held("0+20x200"), hour, []string{"ApisixCertsDeletionsHeld"}},
		{"deletions were held an hour ago", held("0+0x5 25+0x200"), hour, nil},
		{"no deletion was held", held("7+0x200"), hour, nil},
		{"series of something else", strings.Replace(gateway("0+0x200"), "gateway=\"default\","+job, "gateway=\"default\"", 1), hour, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, names(fired(t, c.after, c.series))); diff != "" {
				t.Errorf("(-want +fired):\n%s", diff)
			}
		})
	}
}

// The words of alerts: whose it is, and how long there is.
func TestWords(t *testing.T) {
	series := certificate{life: 90 * day, left: 6*day + hour, due: day, unserved: true}.series()
	series = strings.ReplaceAll(series, "renewal_timestamp", "x") + "\n" +
		`apisix_certs_issuer_ready{kind="ClusterVaultIssuer",namespace="",name="v",` + job + `} 0+0x200`
	want := []string{
		`ApisixCertsExpiresIn7Days {name="web", namespace="shop", severity="warning"}: The certificate of ApisixCertificate shop/web expires in 6d 0h 0m 0s and was not renewed.`,
		`ApisixCertsNotServed {name="web", namespace="shop", severity="critical"}: Handshakes with the gateways of ApisixCertificate shop/web have presented another certificate, or none, for 15 minutes.`,
		`ApisixCertsIssuerNotReady {kind="ClusterVaultIssuer", name="v", severity="warning"}: ClusterVaultIssuer v has not been ready for 15 minutes. It does not issue or renew certificates.`,
	}
	if diff := cmp.Diff(want, fired(t, hour, series)); diff != "" {
		t.Errorf("(-want +fired):\n%s", diff)
	}
}

// Each alert has a severity, words, and a runbook that is there and tells what to do.
func TestRunbooks(t *testing.T) {
	known := map[string]bool{}
	for _, rule := range alertRules(t, nil) {
		url := rule.Annotations().Get("runbook_url")
		known[path.Base(url)] = true
		if path.Base(url) != rule.Name()+".md" || rule.Labels().Get("severity") == "" || rule.Annotations().Get("summary") == "" {
			t.Errorf("%s: runbook %q, labels %s, annotations %s", rule.Name(), url, rule.Labels(), rule.Annotations())
		}
		page, err := os.ReadFile(filepath.Join("..", "..", "docs", "runbooks", rule.Name()+".md"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, part := range []string{"# " + rule.Name(), "## Meaning", "## Diagnosis", "## Mitigation", "## Silencing"} {
			if !strings.Contains(string(page), part+"\n") {
				t.Errorf("the runbook of %s has no part %q", rule.Name(), part)
			}
		}
	}
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "runbooks", "*.md"))
	if err != nil || len(pages) != len(known) {
		t.Errorf("%d runbooks, %d alerts (%v)", len(pages), len(known), err)
	}
}
