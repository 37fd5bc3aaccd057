// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"apisix-certs.io/apisix-certs/controllers/page"
)

var shots = flag.String("shots", "", "folder that screenshots are written into")

// chromium is the running browser, which all tests share, nil where there is none.
var chromium context.Context

// noChromium is why there is none.
var noChromium error

func TestMain(m *testing.M) {
	flag.Parse()
	ctrllog.SetLogger(logr.Discard()) // the API server warns of what the tests apply
	end := startChromium()
	code := m.Run()
	end()
	os.Exit(code)
}

// startChromium starts Debian's chromium, installed by test/tools.sh. APISIX_CERTS_CHROMIUM names another one.
func startChromium() func() {
	name := os.Getenv("APISIX_CERTS_CHROMIUM")
	if name == "" {
		name = "chromium"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		noChromium = fmt.Errorf("no Chromium: %w: test/tools.sh installs it on Debian", err)
		return func() {}
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("lang", "en-US"))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	browser, end := chromedp.NewContext(allocator)
	if err := chromedp.Do(browser); err != nil {
		noChromium = fmt.Errorf("%s does not start: %w", path, err)
	}
	chromium = browser
	return func() { end(); stop() }
}

// tab is a page in the browser.
type tab struct {
	*testing.T
	context.Context
	feed *page.Feed
	url  string

	mu       sync.Mutex
	problems []string // of the console, exceptions, and requests to other origins
}

// newTab opens a tab beside a server with feed. Whatever the page complains of fails the test at its end.
func newTab(t *testing.T, feed *page.Feed) *tab {
	t.Helper()
	server := httptest.NewServer(page.Handler(feed, clock.RealClock{}, nil))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	o := newTabAt(t, server.URL)
	o.feed = feed
	return o
}

func newTabAt(t *testing.T, url string) *tab {
	t.Helper()
	if noChromium != nil {
		t.Skip(noChromium)
	}
	ctx, end := chromedp.NewContext(chromium, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	o := &tab{T: t, Context: limited, url: url}
	if err := chromedp.Listen(ctx, o.heard); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		end()
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, problem := range o.problems {
			t.Error(problem)
		}
	})
	call(o, network.Enable, network.EnableParams{})
	o.size(1440, 900)
	return o
}

func (o *tab) heard(event any) {
	problem := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		problem = fmt.Sprintf("exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		problem = fmt.Sprintf("console.%s: %s", e.Type, texts(e.Args))
	case *log.EventEntryAdded:
		problem = fmt.Sprintf("log: %s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, o.url+"/") {
			problem = "request to another origin: " + e.Request.URL
		}
	}
	if problem != "" {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.problems = append(o.problems, problem)
	}
}

func (o *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	o.Helper()
	if err := chromedp.Do(o.Context, actions...); err != nil {
		o.Fatal(err)
	}
}

// call sends a command of the DevTools protocol.
func call[P, R any](o *tab, command cdp.Command[P, R], params P) R {
	o.Helper()
	result, err := chromedp.Call(o.Context, command, params)
	if err != nil {
		o.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

func (o *tab) size(width, height int64) {
	o.Helper()
	o.do(chromedp.EmulateViewport(width, height))
}

func (o *tab) prefer(feature, value string) {
	o.Helper()
	call(o, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

// open loads the page with a query such as "?state=failing" and waits until it has drawn the first snapshot.
func (o *tab) open(query string) {
	o.Helper()
	o.do(chromedp.Navigate(o.url + "/page/" + query))
	o.wait("document.documentElement.dataset.read === 'true'")
}

// eval runs an expression and decodes what it gives.
func eval[T any](o *tab, expression string) T {
	o.Helper()
	text, err := chromedp.Run(o.Context, chromedp.Evaluate[string](`(async () => JSON.stringify(await (`+expression+`) ?? null))()`, chromedp.EvalAwaitPromise))
	if err != nil {
		o.Fatalf("%s: %v", expression, err)
	}
	var value T
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		o.Fatalf("%s gives %s: %v", expression, text, err)
	}
	return value
}

// wait waits until an expression is true.
func (o *tab) wait(expression string) {
	o.Helper()
	err := chromedp.Do(o.Context, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(15*time.Second)))
	if errors.Is(err, chromedp.ErrPollingTimeout) {
		o.shot("timeout")
		o.Fatalf("never true: %s", expression)
	}
	if err != nil {
		o.Fatalf("%s: %v", expression, err)
	}
}

// press sends keys to what has the focus. A printable one comes as a keyboard sends it: its text is part of the key, and
// goes with it where the page takes the key for itself.
func (o *tab) press(keys ...string) {
	o.Helper()
	for _, key := range keys {
		if key < " " || key > "~" {
			o.do(chromedp.KeyEvent(key))
			continue
		}
		call(o, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Text: key})
		call(o, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: key})
	}
}

// hosts are those of the rows that are drawn, from the top.
func (o *tab) hosts() []string {
	o.Helper()
	return eval[[]string](o, `[...document.querySelectorAll('#rows .row:not([hidden])')].sort((a, b) => a.dataset.index - b.dataset.index).map((r) => r.querySelector('.c-host .strong').textContent)`)
}

// states are those of the rows that are drawn, from the top.
func (o *tab) states() []string {
	o.Helper()
	return eval[[]string](o, `[...document.querySelectorAll('#rows .row:not([hidden])')].sort((a, b) => a.dataset.index - b.dataset.index).map((r) => r.dataset.state)`)
}

// shot writes a screenshot where they are asked for.
func (o *tab) shot(name string) {
	o.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(o.Context, chromedp.CaptureScreenshot())
	if err != nil {
		o.Fatal(err)
	}
	if err := os.MkdirAll(*shots, 0o755); err != nil {
		o.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o644); err != nil {
		o.Fatal(err)
	}
}

const (
	enter  = kb.Enter
	escape = kb.Escape
	down   = kb.ArrowDown
	home   = kb.Home
	end    = kb.End
)

// texts are the arguments of a call of the console.
func texts(args []*runtime.RemoteObject) string {
	var b strings.Builder
	for _, arg := range args {
		fmt.Fprintf(&b, " %s%s", arg.Description, arg.Value)
	}
	return b.String()
}
