// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clientPKI stands in for the CA of the recorded client certificates.
type clientPKI struct {
	ca       string
	recorded map[string]bool
	good     tls.Certificate
	other    tls.Certificate
}

func newClientPKI(t *testing.T) *clientPKI {
	t.Helper()
	ca, caKey := newCert(t, "test client ca", nil, nil)
	good, goodKey := newCert(t, "client", ca, caKey)
	other, otherKey := newCert(t, "other", nil, nil)
	pki := &clientPKI{
		ca:       string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})),
		good:     tls.Certificate{Certificate: [][]byte{good.Raw}, PrivateKey: goodKey},
		other:    tls.Certificate{Certificate: [][]byte{other.Raw}, PrivateKey: otherKey},
		recorded: map[string]bool{},
	}
	for _, e := range recording(t, "tls") {
		var object struct{ Client struct{ CA string } }
		if e.Section == "mtls" && e.Method == http.MethodPut && decodeInto(e.RequestBody, &object) {
			pki.recorded[object.Client.CA] = true
		}
	}
	return pki
}

func (c *clientPKI) replaces(s string) bool { return c.recorded[s] }

func (c *clientPKI) client(good bool) *tls.Certificate {
	if good {
		return &c.good
	}
	return &c.other
}

// newCert returns a certificate signed by the parent, or by itself where that is nil.
func newCert(
	t *testing.T, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey,
) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, DNSNames: []string{name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	if parent == nil {
		parent, parentKey = template, key
		template.KeyUsage = x509.KeyUsageCertSign
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// fakeVault answers GET /v1/kv/apisix/ssl with the pair that the recorded Vault had then.
type fakeVault struct {
	url   string
	mu    sync.Mutex
	pair  map[string]any
	later map[string]any
	calls []any
}

func newFakeVault(t *testing.T) *fakeVault {
	t.Helper()
	v := &fakeVault{}
	for _, e := range recording(t, "tls") {
		var object map[string]any
		if e.Section != "existing_connections" || !decodeInto(e.RequestBody, &object) || object["cert"] == nil {
			continue
		}
		if v.pair == nil {
			v.pair = object
		}
		v.later = object
	}
	server := httptest.NewServer(http.HandlerFunc(v.serve))
	t.Cleanup(server.Close)
	v.url = server.URL
	return v
}

func (v *fakeVault) serve(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls = append(v.calls, []any{r.URL.Path, r.Header.Get("X-Vault-Token"), nil})
	_, _ = w.Write(marshal(map[string]any{"data": map[string]any{"cert": v.pair["cert"], "key": v.pair["key"]}}))
}

// follow changes the value when the recorded one was changed.
func (v *fakeVault) follow(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if strings.HasPrefix(name, "Vault value changed") {
		v.pair = v.later
	}
}

// compare compares the requests so far with the recorded ones.
func (v *fakeVault) compare(e exchange) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return cmp.Diff(e.Result, any(v.calls))
}

func decodeInto(data []byte, target any) bool {
	return len(data) > 0 && json.Unmarshal(data, target) == nil
}
