// SPDX-License-Identifier: Apache-2.0

package page

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/page"
)

// few are certificates by their first hosts, one of each state and in order of the page, with an issuer of each kind.
func few(now time.Time) *page.Feed {
	feed := page.NewFeed()
	for host, fate := range map[string]func(*v1alpha1.ApisixCertificate, time.Time){
		"a-ok.example.com":       func(*v1alpha1.ApisixCertificate, time.Time) {},
		"b-failing.example.com":  Refused,
		"c-unserved.example.com": NotServed,
		"d-renewing.example.com": func(c *v1alpha1.ApisixCertificate, now time.Time) { c.Status.RenewalTime = at(now.Add(-time.Minute)) },
		"e-risk.example.com":     func(c *v1alpha1.ApisixCertificate, now time.Time) { c.Status.RenewalTime = at(now.Add(-30 * day)) },
	} {
		cert := good(host, now)
		fate(&cert, now)
		feed.PutCertificate(page.CertificateOf(&cert))
	}
	feed.PutIssuer(page.IssuerOf(issuer(0, now)))
	return feed
}

// good is a certificate of 90 days, of which 30 are over.
func good(host string, now time.Time) v1alpha1.ApisixCertificate {
	cert := Certificate(1, now)
	cert.Namespace, cert.Name = "shop", host[:1]
	cert.Spec.DNSNames, cert.Spec.IssuerRef.Name = []string{host}, "vault-web"
	cert.Status = v1alpha1.ApisixCertificateStatus{
		Issued:      v1alpha1.IssuedCertificate{SerialNumber: "01", NotBefore: at(now.Add(-30 * day)), NotAfter: at(now.Add(60 * day))},
		RenewalTime: at(now.Add(30 * day)),
		Gateways:    []v1alpha1.GatewayStatus{{Name: "edge-eu", Mode: "own", PushedSerial: "01", ServedSerial: "01"}},
	}
	Settle(&cert, now)
	return cert
}

var fewInOrder = []string{"b-failing.example.com", "c-unserved.example.com", "e-risk.example.com", "d-renewing.example.com", "a-ok.example.com"}

func (o *tab) wantHosts(want ...string) {
	o.Helper()
	if want == nil {
		want = []string{}
	}
	deadline := time.Now().Add(5 * time.Second)
	for diff := "."; diff != ""; time.Sleep(20 * time.Millisecond) {
		if diff = cmp.Diff(want, o.hosts()); diff != "" && time.Now().After(deadline) {
			o.Fatalf("hosts (-want +have):\n%s", diff)
		}
	}
}

func (o *tab) click(selector string) {
	o.Helper()
	o.do(chromedp.Click(chromedp.CSS(selector)))
}

func (o *tab) text(selector string) string {
	o.Helper()
	return eval[string](o, `document.querySelector('`+selector+`')?.innerText ?? ''`)
}

func (o *tab) query() string { return eval[string](o, `location.search`) }

func TestFailuresComeFirst(t *testing.T) {
	o := newTab(t, few(time.Now()))
	o.open("")
	o.wantHosts(fewInOrder...)
	if diff := cmp.Diff([]string{"failing", "unserved", "risk", "renewing", "ok"}, o.states()); diff != "" {
		t.Error(diff)
	}
	for state, want := range map[string]string{"failing": "1", "unserved": "1", "risk": "1", "renewing": "1", "ok": "1"} {
		if have := o.text(`.state[data-state="` + state + `"] .count`); have != want {
			t.Errorf("%s of state %s, want %s", have, state, want)
		}
	}
	if have := o.text("#gateways .pill"); have != "edge-eu\n3 of 4 served as issued, 1 not" {
		t.Errorf("gateways: %q", have)
	}
	if have := o.text("#issuers .pill"); have != "vault-web\nCA expires in 3.3 y · 5 certificates" {
		t.Errorf("issuers: %q", have)
	}
}

func TestSort(t *testing.T) {
	o := newTab(t, few(time.Now()))
	o.open("")
	byHost := slices.Sorted(slices.Values(fewInOrder))
	o.click("#head .c-host button")
	o.wantHosts(byHost...)
	if have := eval[string](o, `document.querySelector('#head .c-host').ariaSort`); have != "ascending" {
		t.Errorf("aria-sort %s", have)
	}
	o.click("#head .c-host button")
	slices.Reverse(byHost)
	o.wantHosts(byHost...)
	if o.query() != "?sort=-host" {
		t.Errorf("URL %s", o.query())
	}
	o.open(o.query())
	o.wantHosts(byHost...)
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		name, query string
		want        []string
	}{
		{"host", "?q=A-OK", []string{"a-ok.example.com"}},
		{"all words", "?q=shop/+refused", []string{"b-failing.example.com"}},
		{"namespace", "?q=namespace:shop&state=ok", []string{"a-ok.example.com"}},
		{"other namespace", "?q=namespace:sho", nil},
		{"issuer", "?q=issuer:clustervaultissuer/vault-web&state=failing,risk", []string{"b-failing.example.com", "e-risk.example.com"}},
		{"part of an issuer with its kind", "?q=issuer:clustervaultissuer/vault", nil},
		{"gateway", "?q=gateway:edge-eu&state=failing,unserved", []string{"c-unserved.example.com"}},
		{"unknown state", "?state=nonsense", fewInOrder},
		{"unknown order", "?sort=constructor", fewInOrder},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := newTab(t, few(time.Now()))
			o.open(c.query)
			o.wantHosts(c.want...)
		})
	}
}

func TestFilterByHand(t *testing.T) {
	o := newTab(t, few(time.Now()))
	o.open("")
	o.press("/")
	o.do(chromedp.KeyEvent("example failing"))
	o.wantHosts("b-failing.example.com")
	o.press(escape)
	o.wantHosts(fewInOrder...)
	o.click(`.state[data-state="risk"]`)
	o.wantHosts("e-risk.example.com")
	if o.query() != "?state=risk" {
		t.Errorf("URL %s", o.query())
	}
	o.click(`.state[data-state="risk"]`)
	o.click("#issuers .pill")
	o.wantHosts(fewInOrder...)
	if have := eval[string](o, `document.getElementById('search').value`); have != "issuer:ClusterVaultIssuer/vault-web" {
		t.Errorf("the pill of the issuer searches for %q", have)
	}
	o.click("#issuers .pill")
	o.press("/")
	o.do(chromedp.KeyEvent("nothing-like-it"))
	o.wantHosts()
	o.click("#empty button")
	o.wantHosts(fewInOrder...)
}

func TestKeys(t *testing.T) {
	o := newTab(t, few(time.Now()))
	o.open("")
	active := func() string {
		return eval[string](o, `document.getElementById(document.getElementById('grid').getAttribute('aria-activedescendant'))?.querySelector('.c-host .strong').textContent ?? ''`)
	}
	for _, step := range []struct{ key, want string }{
		{"j", fewInOrder[0]}, {"j", fewInOrder[1]}, {down, fewInOrder[2]}, {"k", fewInOrder[1]}, {end, fewInOrder[4]}, {"j", fewInOrder[4]}, {home, fewInOrder[0]},
	} {
		o.press(step.key)
		if have := active(); have != step.want {
			t.Fatalf("after %q %s is active, want %s", step.key, have, step.want)
		}
	}
	o.press(enter)
	o.wait(`document.activeElement.id === 'detail'`)
	if have := o.text("#detail-title"); have != fewInOrder[0] {
		t.Errorf("open is %s", have)
	}
	o.press("j")
	if have := o.text("#detail-title"); have != fewInOrder[1] {
		t.Errorf("j shows %s", have)
	}
	if o.query() != "?open=shop%2Fc" {
		t.Errorf("URL %s", o.query())
	}
	o.press(escape)
	o.wait(`document.getElementById('detail').hidden && document.activeElement.id === 'grid'`)
	o.press("?")
	o.wait(`document.getElementById('help').open`)
}

func TestDetail(t *testing.T) {
	o := newTab(t, few(time.Now()))
	o.open("?open=shop/c")
	o.wait(`!document.getElementById('detail').hidden`)
	have := eval[string](o, `document.getElementById('detail').innerText`)
	for _, want := range []string{"c-unserved.example.com", "NotServed", "ClusterVaultIssuer/vault-web", "0badc0de", "serves another", "kubectl -n shop describe acert c"} {
		if !strings.Contains(have, want) {
			t.Errorf("the details lack %q:\n%s", want, have)
		}
	}
	o.open("?open=shop/none")
	o.wait(`document.getElementById('detail').hidden`)
}

func TestTheme(t *testing.T) {
	o := newTab(t, few(time.Now()))
	ground := func() string { return eval[string](o, `getComputedStyle(document.body).backgroundColor`) }
	const light, dark = "rgb(246, 247, 248)", "rgb(18, 21, 24)"
	want := func(when, colour string) {
		t.Helper()
		if have := ground(); have != colour {
			t.Errorf("%s: ground %s, want %s", when, have, colour)
		}
	}
	o.prefer("prefers-color-scheme", "dark")
	o.open("")
	want("system is dark", dark)
	o.click("#theme")
	want("light is chosen", light)
	o.open("")
	want("light is remembered", light)
	o.click("#theme")
	o.prefer("prefers-color-scheme", "light")
	want("dark is chosen", dark)
	o.click("#theme")
	want("system is light", light)
}
