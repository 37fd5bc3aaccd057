// SPDX-License-Identifier: Apache-2.0

package apisixtest_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

func start(t testing.TB, options apisixtest.Options) (*apisixtest.Server, *apisix.Client) {
	t.Helper()
	server, err := apisixtest.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client, err := apisix.New(apisix.Options{
		Endpoints: []string{server.AdminURL()}, AdminKey: apisix.StaticKey(server.AdminKey()),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return server, client
}

// newSSL returns an ssl object with a fresh self-signed certificate for its id and the serial number given.
func newSSL(t testing.TB, id string, serial int64) apisix.SSL {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: id}, DNSNames: []string{id},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return apisix.SSL{
		ID: id, SNIs: []string{id},
		Cert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})),
		Key:  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	}
}

func put(t testing.TB, client *apisix.Client, ssl apisix.SSL) {
	t.Helper()
	if _, err := client.PutSSL(context.Background(), ssl); err != nil {
		t.Fatal(err)
	}
}

// serial makes a new handshake and returns the serial number of the leaf, or the failure.
func serial(server *apisixtest.Server, sni string) string {
	conn, err := tls.Dial("tcp", server.TLSAddr(), &tls.Config{ServerName: sni, InsecureSkipVerify: true})
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

const noCertificate = "remote error: tls: internal error"

func TestOpenConnections(t *testing.T) {
	server, client := start(t, apisixtest.Options{})
	put(t, client, newSSL(t, "a.example.com", 10))
	conn, err := tls.Dial("tcp", server.TLSAddr(), &tls.Config{ServerName: "a.example.com", InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	off := 0
	steps := []struct {
		name   string
		change func() error
		then   string
	}{
		{"put", func() error { _, err := client.PutSSL(t.Context(), newSSL(t, "a.example.com", 11)); return err }, "11"},
		{"status 0", func() error {
			return client.PatchSSL(t.Context(), "a.example.com", apisix.SSLPatch{Status: &off})
		}, noCertificate},
		{"delete", func() error { return client.DeleteSSL(t.Context(), "a.example.com") }, noCertificate},
	}
	for _, step := range steps {
		if err := step.change(); err != nil {
			t.Fatal(step.name, err)
		}
		if got := serial(server, "a.example.com"); got != step.then {
			t.Errorf("%s: a new connection gets %s, want %s", step.name, got, step.then)
		}
		if got := ask(t, conn)["serial"]; got != "0a" {
			t.Errorf("%s: the open connection gets serial %s, want that of its handshake, 0a", step.name, got)
		}
	}
}

// ask makes a request on an open connection and returns the JSON of the stand-in.
func ask(t *testing.T, conn *tls.Conn) map[string]string {
	t.Helper()
	if _, err := io.WriteString(conn, "GET /x?y HTTP/1.1\r\nHost: a.example.com\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := bytes.Cut(buffer[:n], []byte("\r\n\r\n"))
	var fields map[string]string
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatalf("%q: %v", buffer[:n], err)
	}
	return fields
}

func TestAnswerOfTLSPort(t *testing.T) {
	server, client := start(t, apisixtest.Options{})
	ssl := newSSL(t, "b.example.com", 0xabc)
	put(t, client, ssl)
	conn, err := tls.Dial("tcp", server.TLSAddr(), &tls.Config{ServerName: "b.example.com", InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	want := map[string]string{"stand_in": "apisixtest", "sni": "b.example.com", "serial": "0abc", "path": "/x"}
	if diff := cmp.Diff(want, ask(t, conn)); diff != "" {
		t.Error(diff)
	}
}

func TestStopAndRestart(t *testing.T) {
	server, client := start(t, apisixtest.Options{})
	put(t, client, newSSL(t, "a.example.com", 10))
	url, addr := server.AdminURL(), server.TLSAddr()
	server.Stop()
	if err := client.DeleteSSL(t.Context(), "a.example.com"); !apisix.IsUnavailable(err) {
		t.Errorf("stopped: error %v, want an unavailable one", err)
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	if server.AdminURL() != url || server.TLSAddr() != addr {
		t.Errorf("restarted at %s and %s, want %s and %s", server.AdminURL(), server.TLSAddr(), url, addr)
	}
	if got := serial(server, "a.example.com"); got != "10" {
		t.Errorf("after the restart %s is served, want 10", got)
	}
	server.Wipe()
	if got := serial(server, "a.example.com"); got != noCertificate || len(server.SSLs()) != 0 {
		t.Errorf("after the wipe %s is served and %d objects are there", got, len(server.SSLs()))
	}
}

func TestServeDelay(t *testing.T) {
	server, client := start(t, apisixtest.Options{})
	put(t, client, newSSL(t, "a.example.com", 10))
	server.SetServeDelay(200 * time.Millisecond)
	put(t, client, newSSL(t, "a.example.com", 11))
	if got := serial(server, "a.example.com"); got != "10" {
		t.Errorf("at once %s is served, want still 10", got)
	}
	time.Sleep(250 * time.Millisecond)
	if got := serial(server, "a.example.com"); got != "11" {
		t.Errorf("later %s is served, want 11", got)
	}
}

func TestFailures(t *testing.T) {
	server, client := start(t, apisixtest.Options{})
	ssl := newSSL(t, "a.example.com", 10)
	server.FailNext(1, http.StatusServiceUnavailable, `{"error_msg":"value changed before overwritten"}`)
	if _, err := client.PutSSL(t.Context(), ssl); !apisix.IsConflict(err) || len(server.SSLs()) != 0 {
		t.Errorf("error %v and %d objects, want a conflict and none", err, len(server.SSLs()))
	}
	server.Fail(func(r *http.Request) *apisixtest.Failure {
		if r.Method == http.MethodPut {
			return &apisixtest.Failure{Drop: true, After: true}
		}
		return nil
	})
	if _, err := client.PutSSL(t.Context(), ssl); !apisix.IsUnavailable(err) || len(server.SSLs()) != 1 {
		t.Errorf("error %v and %d objects, want a lost answer and one", err, len(server.SSLs()))
	}
	server.Fail(nil)
	server.SetLatency(30 * time.Millisecond)
	began := time.Now()
	if _, err := client.GetSSL(t.Context(), ssl.ID); err != nil || time.Since(began) < 30*time.Millisecond {
		t.Errorf("error %v after %s, want none after 30 ms", err, time.Since(began))
	}
	var got []string
	for _, call := range server.Calls() {
		got = append(got, fmt.Sprint(call.Method, " ", call.ID, " ", call.Status))
	}
	want := []string{"PUT a.example.com 503", "PUT a.example.com 0", "GET a.example.com 200"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if server.ResetCalls(); len(server.Calls()) != 0 {
		t.Error("calls are left after the reset")
	}
}

func TestSnapshotHasKeys(t *testing.T) {
	server, client := start(t, apisixtest.Options{})
	ssl := newSSL(t, "a.example.com", 10)
	put(t, client, ssl)
	got := server.SSLs()
	if len(got) != 1 || got[0].Key != ssl.Key || got[0].Cert != ssl.Cert {
		t.Errorf("the snapshot does not hold the pair that was put: %v", got)
	}
	if printed := fmt.Sprintf("%v %+v %#v %s", got, got, got[0], got[0]); strings.Contains(printed, "PRIVATE") {
		t.Error("the snapshot prints its key")
	}
}
