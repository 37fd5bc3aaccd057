// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testclock "k8s.io/utils/clock/testing"
)

// exchange is one line of a recording.
type exchange struct {
	Number  int    `json:"-"`
	Section string `json:"section"`
	Name    string `json:"name"`

	Method          string            `json:"method"`
	Path            string            `json:"path"`
	RequestHeaders  map[string]string `json:"request_headers"`
	RequestBody     json.RawMessage   `json:"request_body"`
	RequestBodyRaw  *string           `json:"request_body_raw"`
	RequestBodyDesc string            `json:"request_body_desc"`
	Status          int               `json:"status"`
	ResponseHeaders map[string]string `json:"response_headers"`
	ResponseBody    any               `json:"response_body"`

	// Of handshakes.
	TLSClient   map[string]string `json:"tls_client"`
	Served      json.RawMessage   `json:"served"`
	OpenSSLArgs []string          `json:"openssl_args"`
	Args        []string          `json:"args"`
	KW          map[string]string `json:"kw"`
	Result      any               `json:"result"`
}

func recording(t *testing.T, name string) []exchange {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var exchanges []exchange
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		e := exchange{Number: len(exchanges) + 1}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%s:%d: %v", name, e.Number, err)
		}
		exchanges = append(exchanges, e)
	}
	return exchanges
}

// player replays a recording against a server.
type player struct {
	*Server
	clock *testclock.FakePassiveClock
	pki   *clientPKI
	vault *fakeVault
	ids   *strings.Replacer // recorded generated ids to ours
}

func newPlayer(t *testing.T, options Options) *player {
	t.Helper()
	p := &player{
		clock: testclock.NewFakePassiveClock(time.Unix(1795546776, 0)), pki: newClientPKI(t), ids: strings.NewReplacer(),
	}
	options.Clock = p.clock
	server, err := NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	p.Server = server
	p.vault = newFakeVault(t)
	return p
}

// replay plays all exchanges but those in out, which has the reason for each by its number.
func replay(t *testing.T, file string, options Options, out map[int]string) {
	t.Helper()
	p := newPlayer(t, options)
	exchanges := recording(t, file)
	replayed, left, unexplained := 0, 0, 0
	for _, e := range exchanges {
		if out[e.Number] != "" {
			left++
			continue
		}
		replayed++
		if fault := p.play(t, e); fault != "" {
			unexplained++
			t.Errorf("%s:%d [%s] %s %s: %s", file, e.Number, e.Name, e.Method, e.Path, fault)
		}
	}
	if left != len(out) {
		t.Errorf("%d exchanges left out, reasons for %d", left, len(out))
	}
	fmt.Printf("measure: apisix_recordings file=%s exchanges=%d replayed=%d left_out=%d unexplained=%d\n",
		file, len(exchanges), replayed, left, unexplained)
}

// play returns how the answer differs, "" where it does not.
func (p *player) play(t *testing.T, e exchange) string {
	t.Helper()
	if e.Method == "" {
		return p.playHandshakes(t, e)
	}
	p.prepare(e)
	status, got := p.send(t, e)
	p.learn(e, got)
	want := p.rewritten(t, e.ResponseBody)
	if body, ok := want.(string); ok {
		want, _, _ = strings.Cut(body, `"req_body":`)
	}
	if strings.Contains(e.Section, "key first") || strings.Contains(e.Section, "key dropped") {
		want, got = withoutCiphertext(want), withoutCiphertext(got) // of a keyring that was not recorded
	}
	if diff := cmp.Diff(comparable(want), comparable(got)); diff != "" || status != e.Status {
		return fmt.Sprintf("status %d, recorded %d; body (-recorded +got):\n%s", status, e.Status, diff)
	}
	return ""
}

// before lets the time pass that a name tells of, and gives the server the keyring that a section tells of.
func (p *player) prepare(e exchange) {
	switch {
	case strings.HasPrefix(e.Section, "rotated"):
		p.keys.Store(&keyring{strings.Repeat("n", 32), defaultKeyring[0]})
	case strings.HasPrefix(e.Section, "old key dropped"):
		p.keys.Store(&keyring{"0123456789abcdef"})
	}
	if strings.Contains(e.Name, "3.2 s later") {
		p.clock.SetTime(p.clock.Now().Add(3200 * time.Millisecond))
	}
}

func (p *player) send(t *testing.T, e exchange) (int, any) {
	t.Helper()
	request, err := http.NewRequest(e.Method, p.AdminURL()+p.ids.Replace(e.Path), p.requestBody(t, e))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range e.RequestHeaders {
		if name != "Transfer-Encoding" {
			request.Header.Set(name, value)
		}
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%d %s: %v", e.Number, e.Name, err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if json.Unmarshal(data, &value) != nil || e.Name == "gzip PUT" { // its answer is no JSON: the echo is no UTF-8
		value, _, _ = strings.Cut(string(data), `"req_body":`)
	}
	if got := response.Header.Get("Content-Type"); got != e.ResponseHeaders["content-type"] {
		t.Errorf("%d %s: content type %q, recorded %q", e.Number, e.Name, got, e.ResponseHeaders["content-type"])
	}
	if got := response.Header.Get("X-Api-Version"); got != e.ResponseHeaders["x-api-version"] {
		t.Errorf("%d %s: api version %q, recorded %q", e.Number, e.Name, got, e.ResponseHeaders["x-api-version"])
	}
	return response.StatusCode, value
}

// requestBody is what was recorded, or is made where only its description was.
func (p *player) requestBody(t *testing.T, e exchange) io.Reader {
	t.Helper()
	switch {
	case e.RequestBodyRaw != nil:
		return strings.NewReader(*e.RequestBodyRaw)
	case e.RequestBodyDesc != "":
		return described(t, e)
	case len(e.RequestBody) == 0 || bytes.Equal(e.RequestBody, []byte("null")):
		return nil
	}
	var value any
	if err := json.Unmarshal(e.RequestBody, &value); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(marshal(p.rewritten(t, value)))
}
