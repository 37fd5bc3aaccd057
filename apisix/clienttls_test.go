// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clientPair writes a certificate that signed itself, and its key, to two files.
func clientPair(t *testing.T, name string) ClientTLS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	files := ClientTLS{CertFile: filepath.Join(folder, "tls.crt"), KeyFile: filepath.Join(folder, "tls.key")}
	writePEM(t, files.CertFile, "CERTIFICATE", der)
	writePEM(t, files.KeyFile, "PRIVATE KEY", keyDER)
	return files
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// An Admin API that asks for a client certificate gets it, a renewed one after its files changed, and is itself verified.
func TestClientTLS(t *testing.T) {
	files, renewed := clientPair(t, "first"), clientPair(t, "second")
	var seen string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.TLS.PeerCertificates[0].Subject.CommonName
		answering(http.StatusOK, putDone)(w, r)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the last client does not trust it
	server.StartTLS()
	t.Cleanup(server.Close)
	files.CAFile = filepath.Join(t.TempDir(), "ca.crt")
	writePEM(t, files.CAFile, "CERTIFICATE", server.Certificate().Raw)
	config, err := files.Config()
	if err != nil {
		t.Fatal(err)
	}
	put := func(config *tls.Config) error {
		client, err := New(Options{Endpoints: []string{server.URL}, AdminKey: StaticKey("key"), TLS: config})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		_, err = client.PutSSL(t.Context(), SSL{ID: "shop"})
		return err
	}
	if err := put(config); err != nil || seen != "first" {
		t.Errorf("%q is seen: %v", seen, err)
	}
	for from, to := range map[string]string{renewed.CertFile: files.CertFile, renewed.KeyFile: files.KeyFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := put(config); err != nil || seen != "second" {
		t.Errorf("after the renewal %q is seen: %v", seen, err)
	}
	var network *NetworkError
	if err := put(nil); !errors.As(err, &network) {
		t.Errorf("an Admin API of an unknown CA is taken: %v", err)
	}
}

func TestClientTLSFaults(t *testing.T) {
	good := clientPair(t, "x")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		files ClientTLS
		says  string
	}{
		"no such CA":      {ClientTLS{CAFile: "/no/such"}, "/no/such"},
		"CA without PEM":  {ClientTLS{CAFile: empty}, "no PEM certificate"},
		"no key":          {ClientTLS{CertFile: good.CertFile}, "both"},
		"no certificate":  {ClientTLS{KeyFile: good.KeyFile}, "both"},
		"key without PEM": {ClientTLS{CertFile: good.CertFile, KeyFile: empty}, empty},
		"files exchanged": {ClientTLS{CertFile: good.KeyFile, KeyFile: good.CertFile}, good.KeyFile},
	} {
		if _, err := test.files.Config(); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if config, err := (ClientTLS{}).Config(); config != nil || err != nil {
		t.Errorf("nothing set: %v, %v", config, err)
	}
}

// New endpoints are used from the next request on; bad ones change nothing.
func TestSetEndpoints(t *testing.T) {
	first, second := behave(t, answering(http.StatusOK, putDone)), behave(t, answering(http.StatusOK, putDone))
	client, err := New(Options{Endpoints: []string{first.URL}, AdminKey: StaticKey("key")})
	if err != nil {
		t.Fatal(err)
	}
	put := func() {
		t.Helper()
		if _, err := client.PutSSL(context.Background(), SSL{ID: "shop"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.SetEndpoints([]string{second.URL, second.URL}); err != nil {
		t.Fatal(err)
	}
	put()
	for _, bad := range [][]string{nil, {first.URL, "host:9180"}} {
		if err := client.SetEndpoints(bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	put()
	if first.requests.Load() != 0 || second.requests.Load() != 2 {
		t.Errorf("%d and %d requests", first.requests.Load(), second.requests.Load())
	}
}

func TestCheckEndpoint(t *testing.T) {
	for url, good := range map[string]bool{
		"http://a": true, "https://a:9180": true, "http://a:9180/": true, "http://a:9180/apisix/admin": true, " http://a ": true, "http://[fd00::1]:9180": true,
		"": false, "a": false, "a:9180": false, "ftp://a": false, "http://": false, "http://user:hunter2@a": false, "http://a?api_key=hunter2": false, "http://a#x": false,
	} {
		err := CheckEndpoint(url)
		if (err == nil) != good || err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", url, err)
		}
	}
}
