// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
)

func TestResponsesNotFromVault(t *testing.T) {
	page := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			fmt.Fprint(w, "<html>s3cr3t</html>")
		}
	}
	var elsewhere int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	for _, row := range []struct {
		name     string
		response http.HandlerFunc
		kind     Kind
		want     string
	}{
		{"redirect to another host", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, 302) }, Setup, "redirect"},
		{"web page", page(200), Setup, "web page"},
		{"web page of a missing path", page(404), Setup, "web page"},
		{"web page of a proxy", page(502), Transient, "Bad Gateway"},
		{"not JSON", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }, Setup, "not JSON"},
		{"text of an error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "s3cr3t", 500) }, Transient, "Internal Server Error"},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, Setup, "empty"},
		{"no certificate", func(w http.ResponseWriter, _ *http.Request) { vaulttest.WriteData(w, map[string]any{"a": 1}) }, Setup, "no certificate"},
		{"5 MB", func(w http.ResponseWriter, _ *http.Request) {
			vaulttest.WriteData(w, map[string]any{"certificate": strings.Repeat("a", 5<<20)})
		}, Setup, "larger than 4 MiB"},
		{"error of 5 MB", func(w http.ResponseWriter, _ *http.Request) { vaulttest.WriteError(w, 500, strings.Repeat("a", 5<<20)) }, Setup, "larger than 4 MiB"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `{"data":`)
			panic(http.ErrAbortHandler)
		}, Transient, "connection"},
		{"hangs", hang, Transient, "timed out"},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := newVault(t)
			f.SetHandler("pki/sign/web", row.response)
			c := configOf(f)
			c.Timeout = 2 * time.Second
			request, _ := newRequest(t, spec)
			_, err := open(t, c).Issue(t.Context(), request)
			if kindOfError(t, err) != row.kind || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v", err)
			}
			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the text of a stranger shows: %v", err)
			}
		})
	}
	if elsewhere > 0 {
		t.Error("a redirect was followed")
	}
}

// hang reads the body first: until then a server does not see its client go.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestConnections(t *testing.T) {
	f := newVault(t)
	secure := httptest.NewTLSServer(f)
	defer secure.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, row := range []struct {
		name               string
		server, serverName string
		ca                 []byte
		kind               Kind
		want               string
	}{
		{"right", secure.URL, "", ca, "", ""},
		{"right name", secure.URL, "example.com", ca, "", ""},
		{"unknown CA", secure.URL, "", nil, Setup, "set caBundle"},
		{"wrong name", secure.URL, "vault.example", ca, Setup, "set serverName"},
		{"https of http", strings.Replace(f.URL, "http:", "https:", 1), "", nil, Setup, "write http://"},
		{"http of https", strings.Replace(secure.URL, "https:", "http:", 1), "", nil, Setup, "write https://"},
		{"nothing listens", "http://" + closed.Addr().String(), "", nil, Transient, "refused"},
		{"no such host", "http://vault.invalid:8200", "", nil, Transient, "resolved"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := configOf(f)
			c.Server, c.ServerName, c.CABundle = row.server, row.serverName, row.ca
			_, err := open(t, c).Check(t.Context())
			if kindOfError(t, err) != row.kind || err != nil && !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v", err)
			}
			if err != nil && strings.Contains(err.Error(), "127.0.0.1") {
				t.Errorf("an address shows: %v", err)
			}
		})
	}
}

func TestClientCertificate(t *testing.T) {
	f := newVault(t)
	server := httptest.NewUnstartedServer(f)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, key := newRequest(t, spec)
	leaf := f.CA.Sign(t, &x509.Certificate{NotAfter: time.Now().Add(time.Hour)}, key.Public())
	c := configOf(f)
	c.Server = server.URL
	c.CABundle = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	c.Auth = ClientCertAuth{Name: "web"}
	c.ClientCert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})
	c.ClientKey = NewSecret(string(key.PEM("")))
	if _, err := open(t, c).Check(t.Context()); err != nil {
		t.Error(err)
	}
	if f.Calls("auth/cert/login") != 1 {
		t.Error("no login by certificate")
	}
	c.ClientCert, c.ClientKey, c.Auth = nil, Secret{}, AppRoleAuth{RoleID: "r", SecretID: NewSecret("s")}
	if _, err := open(t, c).Check(t.Context()); kindOfError(t, err) != Setup {
		t.Errorf("without a client certificate: %v", err)
	}
}

func TestCallCanceled(t *testing.T) {
	f := newVault(t)
	f.SetHandler("pki/sign/web", hang)
	s := open(t, configOf(f))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	request, _ := newRequest(t, spec)
	if _, err := s.Issue(ctx, request); kindOfError(t, err) != Transient || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestCallFinished keeps what Vault signs for a caller that is stopped meanwhile, as a controller is.
func TestCallFinished(t *testing.T) {
	f := newVault(t)
	ctx, cancel := context.WithCancel(t.Context())
	sign := f.Sign
	f.SetHandler("pki/sign/web", func(w http.ResponseWriter, r *http.Request) {
		cancel()
		time.Sleep(20 * time.Millisecond)
		sign(w, r)
	})
	request, key := newRequest(t, spec)
	request.FinishAfterCancel = true
	response, err := open(t, configOf(f)).Issue(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	if response.Bundle.Leaf == nil || !response.Bundle.Leaf.PublicKey.(*ecdsa.PublicKey).Equal(key.Public()) {
		t.Error("the answer is for another key")
	}
	if _, err := open(t, configOf(f)).Issue(ctx, request); kindOfError(t, err) != Transient {
		t.Errorf("a call that was not begun: %v", err)
	}
}
