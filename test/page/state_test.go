// SPDX-License-Identifier: Apache-2.0

package page

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/page"
)

type standing struct{ State, Reason string }

// asked has a function of state.js called with a value, after its times were parsed.
func asked[T any](o *tab, call string, value any) T {
	o.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		o.Fatal(err)
	}
	return eval[T](o, fmt.Sprintf(`import('./state.js').then((s) => { const c = s.parse(%s); return %s })`, text, call))
}

// What a certificate's state is, by its status and the time.
func TestStates(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	type cert = v1alpha1.ApisixCertificate
	says := func(kind, status, reason string) func(*cert) {
		return func(c *cert) { Say(c, now, kind, status, reason, "") }
	}
	unready := func(issued, issuedReason, reason string) func(*cert) {
		return func(c *cert) { says("Issued", issued, issuedReason)(c); says("Ready", "False", reason)(c) }
	}
	o := newTab(t, page.NewFeed())
	o.open("")
	for _, c := range []struct {
		name string
		edit func(*cert)
		want standing
	}{
		{"all right", func(*cert) {}, standing{"ok", ""}},
		{"ended, and told so", func(c *cert) { c.Status.Issued.NotAfter = at(now); unready("False", "Expired", "Expired")(c) }, standing{"failing", "Expired"}},
		{"ended, and not told", func(c *cert) { c.Status.Issued.NotAfter = at(now) }, standing{"failing", "Expired"}},
		{"not ended", func(c *cert) {
			c.Status.Issued.NotAfter, c.Status.RenewalTime = at(now.Add(time.Second)), at(now.Add(time.Hour))
		}, standing{"ok", ""}},
		{"without conditions", func(c *cert) { c.Status = v1alpha1.ApisixCertificateStatus{} }, standing{"renewing", "New"}},
		{"first on its way", unready("False", "Issuing", "Issuing"), standing{"renewing", "Issuing"}},
		{"refused", unready("False", "Refused", "Refused"), standing{"failing", "Refused"}},
		{"issued and not pushed", unready("True", "Issued", "GatewayUnreachable"), standing{"unserved", "GatewayUnreachable"}},
		{"renewals fail", says("Ready", "True", "RenewalFailing"), standing{"risk", "RenewalFailing"}},
		{"a Secret of others that ends", says("Expiring", "True", "ExpiresWithin7Days"), standing{"risk", "ExpiresWithin7Days"}},
		{"one that does not yet", says("Expiring", "False", "Fine"), standing{"ok", ""}},
		{"renewal time", func(c *cert) { c.Status.RenewalTime = at(now) }, standing{"renewing", "RenewalDue"}},
		{"renewal long overdue", func(c *cert) { c.Status.RenewalTime = at(now.Add(-5 * day)) }, standing{"risk", "RenewalOverdue"}},
		{"without renewal, early", func(c *cert) { c.Status.RenewalTime = nil }, standing{"ok", ""}},
		{"without renewal, late", func(c *cert) { c.Status.RenewalTime, c.Status.Issued.NotAfter = nil, at(now.Add(9*day)) }, standing{"risk", "EndsSoon"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			made := good("a.example.com", now)
			c.edit(&made)
			have := asked[standing](o, fmt.Sprintf("s.standing(c, %d)", now.UnixMilli()), page.CertificateOf(&made))
			if have != c.want {
				t.Errorf("have %+v, want %+v", have, c.want)
			}
		})
	}
}

// What is said of a gateway, by what it holds and serves.
func TestGatewayMarks(t *testing.T) {
	o := newTab(t, page.NewFeed())
	o.open("")
	type gateway = v1alpha1.GatewayStatus
	for _, c := range []struct {
		serial  string
		gateway gateway
		want    string
	}{
		{"01", gateway{PushedSerial: "01", ServedSerial: "01"}, "served"},
		{"01", gateway{PushedSerial: "01", ServedSerial: "02"}, "serves another certificate"},
		{"01", gateway{PushedSerial: "02"}, "has another certificate"},
		{"01", gateway{PushedSerial: "01"}, "pushed, not verified"},
		{"01", gateway{}, "not pushed"},
		{"01", gateway{Mode: "secret"}, "synced, not verified"},
		{"", gateway{PushedSerial: "01"}, "nothing issued"},
	} {
		have := asked[string](o, fmt.Sprintf("s.gatewayMark(c, %s).text", encoded(t, c.gateway)), page.Certificate{Serial: c.serial})
		if have != c.want {
			t.Errorf("serial %q, %+v: %q, want %q", c.serial, c.gateway, have, c.want)
		}
	}
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Times are told in words that have one unit.
func TestSpans(t *testing.T) {
	o := newTab(t, page.NewFeed())
	o.open("")
	for length, want := range map[time.Duration]string{
		time.Second: "1 s", 99 * time.Second: "99 s", 100 * time.Second: "2 min", 90 * time.Minute: "90 min", 30 * time.Hour: "30 h",
		48 * time.Hour: "2 d", 89 * day: "89 d", 3 * 365 * day: "3.0 y",
	} {
		if have := eval[string](o, fmt.Sprintf(`import('./state.js').then((s) => s.span(%d))`, length.Milliseconds())); have != want {
			t.Errorf("%s is %q, want %q", length, have, want)
		}
	}
}
