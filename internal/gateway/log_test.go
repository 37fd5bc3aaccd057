// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

// logged is what a logger got.
type logged struct{ lines []string }

func (l *logged) context(ctx context.Context) context.Context {
	return logr.NewContext(ctx, funcr.New(func(_, line string) { l.lines = append(l.lines, line) }, funcr.Options{}))
}

// writes counts the requests that change something.
func writes(server *apisixtest.Server) int {
	n := 0
	for _, call := range server.Calls() {
		if call.Method != http.MethodGet && call.Method != http.MethodHead {
			n++
		}
	}
	return n
}

// TestWritesAreLogged: each write leaves one line that says what, where, for which certificate and why, and never what was
// written.
func TestWritesAreLogged(t *testing.T) {
	s := newAdoptScene(t)
	log := &logged{}
	ctx := log.context(t.Context())
	push := func(target Target) {
		t.Helper()
		s.headStart(target)
		state, err := s.Observe(ctx, target)
		if err == nil {
			_, _, err = s.Push(ctx, state, target)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	remove := func(target Target) {
		t.Helper()
		if _, err := s.Remove(ctx, target, true); err != nil {
			t.Fatal(err)
		}
	}
	s.standIn.ResetCalls()
	push(s.next) // patched
	missing := s.target("u2", "new.example.com")
	ref := tlsUse
	ref.Name, ref.Hosts = "new", missing.Hosts
	missing.References = []Reference{ref}
	push(missing)
	s.fake.Step(controllerGrace)
	push(missing) // made
	ref.Terminating = true
	missing.References = []Reference{ref}
	remove(missing) // deleted
	conflict := s.target("u", s.next.Hosts...)
	conflict.References = s.next.References
	s.headStart(conflict)
	s.conflict(1, false)
	push(conflict) // patched twice
	s.Mode = ModeOwn
	if err := s.Admin.DeleteSSL(t.Context(), s.theirs.ID); err != nil {
		t.Fatal(err)
	}
	s.refresh()
	own := s.target("u3", "own.example.com")
	id := s.ID(own)
	own.VaultReference = &VaultReference{Cert: "$secret://vault/" + id + "/a/cert", Key: "$secret://vault/" + id + "/a/key"}
	own.VaultReference.Secret = apisix.VaultSecret{ID: id, URI: "http://127.0.0.1:1", Prefix: "kv", Token: "hvs.not-for-the-log"}
	push(own)   // two objects
	remove(own) // two objects
	if got, want := len(log.lines), writes(s.standIn)-1; got != want || want != 9 {
		t.Errorf("%d lines for %d writes:\n%s", got, want, strings.Join(log.lines, "\n"))
	}
	shape := regexp.MustCompile(`"gateway written" "verb"="(put|patch|delete)" "gateway"="default" "object"="(ssls|secrets/vault)/[0-9a-z-]+" "mode"="(own|adopt)" "certificate"="shop/web-u[0-9]?" "serial"="[0-9a-f:]+" "why"="[^"]{10,}" "outcome"="(done|conflict)"$`)
	for _, line := range log.lines {
		if !shape.MatchString(line) {
			t.Errorf("the line is %s", line)
		}
	}
	all := strings.Join(log.lines, "\n")
	for _, secret := range []string{"BEGIN", "PRIVATE", "hvs.", s.adminKey, strings.Split(string(s.next.Key), "\n")[1], strings.Split(string(s.next.Cert), "\n")[1]} {
		if strings.Contains(all, secret) {
			t.Errorf("%q is in the log", secret)
		}
	}
}

// TestOneWriter: what writes to the Admin API is in one file, where it is logged.
func TestOneWriter(t *testing.T) {
	call := regexp.MustCompile(`Admin\.(Put|Patch|Delete)`)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"inventory", "memory", "proof"} {
		more, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, more...)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if call.Match(text) != (file == filepath.Join("inventory", "write.go")) && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s writes to the Admin API: %t", file, call.Match(text))
		}
	}
}
