// SPDX-License-Identifier: Apache-2.0

package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/clock"

	"apisix-certs.io/apisix-certs/controllers/page"
)

// A change is on the page within a second, and said to those who do not see it.
func TestLive(t *testing.T) {
	now := time.Now()
	o := newTab(t, few(now))
	o.open("")
	o.wait(`document.getElementById('link').dataset.link === 'live'`)
	broken := good("a-ok.example.com", now)
	NotServed(&broken, now)
	began := time.Now()
	o.feed.PutCertificate(page.CertificateOf(&broken))
	o.wait(`document.querySelectorAll('#rows .row[data-state="unserved"]').length === 2`)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the change took %s", took)
	}
	o.wait(`document.getElementById('said').textContent === 'a-ok.example.com is Not served'`)
	added := good("f-new.example.com", now)
	o.feed.PutCertificate(page.CertificateOf(&added))
	o.feed.Remove("certificate/shop/b")
	o.wantHosts("a-ok.example.com", "c-unserved.example.com", "e-risk.example.com", "d-renewing.example.com", "f-new.example.com")
}

// A server that restarts knows no revisions of the one before: the page reads everything anew.
func TestReconnect(t *testing.T) {
	now := time.Now()
	var handler atomic.Pointer[http.Handler]
	serve := func(feed *page.Feed) {
		h := page.Handler(feed, clock.RealClock{}, nil)
		handler.Store(&h)
	}
	serve(few(now))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load()).ServeHTTP(w, r) }))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	o := newTabAt(t, server.URL)
	o.open("")
	o.wait(`document.getElementById('link').dataset.link === 'live'`)
	feed := page.NewFeed()
	other := good("other.example.com", now)
	feed.PutCertificate(page.CertificateOf(&other))
	serve(feed)
	server.CloseClientConnections()
	o.wantHosts("other.example.com")
	o.wait(`document.getElementById('link').dataset.link === 'live'`)
	o.forget("net::ERR_") // what Chromium logs of a connection that breaks
}

// forget drops the problems that contain text, which the test means to bring about.
func (o *tab) forget(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var rest []string
	for _, problem := range o.problems {
		if !strings.Contains(problem, text) {
			rest = append(rest, problem)
		}
	}
	o.problems = rest
}

// A page that is left open shows a certificate as ended when it ends, though nothing is reported.
func TestTimePasses(t *testing.T) {
	now := time.Now()
	feed := page.NewFeed()
	cert := good("short.example.com", now)
	cert.Status.Issued.NotAfter, cert.Status.RenewalTime = at(now.Add(4*time.Second)), nil
	feed.PutCertificate(page.CertificateOf(&cert))
	o := newTab(t, feed)
	o.open("")
	if diff := cmp.Diff([]string{"risk"}, o.states()); diff != "" {
		t.Error(diff)
	}
	o.wait(`document.querySelector('#rows .row:not([hidden])').dataset.state === 'failing'`)
	if have := o.text("#rows .row:not([hidden]) .c-reason"); !strings.Contains(have, "the controller has not reported it") {
		t.Errorf("reason: %s", have)
	}
}

// The words that tell of times go on, on a long axis too.
func TestWordsGoOn(t *testing.T) {
	now := time.Now()
	feed := page.NewFeed()
	cert := good("short.example.com", now)
	cert.Status.Issued.NotAfter = at(now.Add(90 * time.Second))
	feed.PutCertificate(page.CertificateOf(&cert))
	o := newTab(t, feed)
	o.open("?axis=5y")
	const words = `document.querySelector('#rows .c-expires .plain-text').textContent`
	before := eval[string](o, words)
	o.wait(words + " !== '" + before + "'")
}

// A page that is hidden rests, and goes on from where it was.
func TestHidden(t *testing.T) {
	now := time.Now()
	o := newTab(t, few(now))
	o.open("")
	o.wait(`document.getElementById('link').dataset.link === 'live'`)
	o.show(false)
	o.wait(`document.getElementById('link').dataset.link === 'resting'`)
	o.feed.Remove("certificate/shop/b")
	o.show(true)
	o.wantHosts(fewInOrder[1:]...)
	o.wait(`document.getElementById('link').dataset.link === 'live'`)
	if n := eval[int](o, `performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/snapshot') && e.initiatorType === 'fetch').length`); n > 1 {
		t.Errorf("the snapshot was read %d times", n)
	}
}

// show hides the tab, or brings it back.
func (o *tab) show(shown bool) {
	o.Helper()
	eval[any](o, fmt.Sprintf(`(Object.defineProperty(document, 'hidden', { value: %t, configurable: true }), document.dispatchEvent(new Event('visibilitychange')))`, !shown))
}

// A page that is hidden while nothing answers asks no more, until it is looked at.
func TestHiddenWithoutServer(t *testing.T) {
	var asked atomic.Int32
	var up atomic.Bool
	handler := page.Handler(few(time.Now()), clock.RealClock{}, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asks := strings.HasSuffix(r.URL.Path, "/snapshot"); asks && !up.Load() {
			asked.Add(1)
			http.Error(w, "away", http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	o := newTabAt(t, server.URL)
	o.do(chromedp.Navigate(o.url + "/page/"))
	o.show(false)
	o.wait(`document.getElementById('link').dataset.link === 'resting'`)
	before := asked.Load()
	time.Sleep(5 * time.Second) // it asks every two
	if more := asked.Load() - before; before == 0 || more > 0 {
		t.Errorf("asked %d times, and %d times at rest", before, more)
	}
	up.Store(true)
	o.show(true)
	o.wantHosts(fewInOrder...)
	o.forget("503")
}

// The clock of the browser is what states are told by: where it is wrong, the page says so.
func TestClockThatIsOff(t *testing.T) {
	o := newTab(t, few(time.Now()))
	o.open("")
	eval[any](o, `(() => { const real = Date.now; Date.now = () => real() + 600e3 })()`)
	o.feed.Remove("certificate/shop/b")
	o.wait(`!document.getElementById('notice').hidden`)
	if have := o.text("#notice"); !strings.HasPrefix(have, "The clock here is 10 min ahead of the controller's") {
		t.Errorf("notice: %s", have)
	}
}
