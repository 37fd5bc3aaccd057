// SPDX-License-Identifier: Apache-2.0

package apisixtest

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// alerts are the ends of a recorded handshake and what Go says of the same alert.
var alerts = map[string]string{
	"INTERNAL_ERROR": "internal error", "SSL alert number 80": "internal error",
	"HANDSHAKE_FAILURE": "handshake failure", "PROTOCOL_VERSION": "protocol version not supported",
	"CERTIFICATE_REQUIRED": "certificate required", "UNKNOWN_CA": "unknown certificate authority",
}

// ending gives a recorded leaf name or failure in the words of Go.
func ending(recorded string) string {
	for part, alert := range alerts {
		if strings.Contains(recorded, part) {
			return "remote error: tls: " + alert
		}
	}
	return recorded
}

// playHandshakes returns how what is served differs.
func (p *player) playHandshakes(t *testing.T, e exchange) string {
	t.Helper()
	var served map[string]string
	switch {
	case e.Name == "summary":
		return p.playSummary(e)
	case decodeInto(e.Served, &served):
		return p.playServed(e, served)
	case e.OpenSSLArgs != nil:
		return p.playOpenSSL(e)
	case e.Args != nil:
		return p.playRequest(e)
	case e.Section == "vault":
		return p.vault.compare(e)
	}
	return "this kind of exchange is not understood"
}

// playSummary compares what is served after the exchanges of a keyring. The lengths of keys are in the exchanges.
func (p *player) playSummary(e exchange) string {
	var served []string
	if !decodeInto(e.Served, &served) {
		return "no leaf and version"
	}
	conn, err := tls.Dial("tcp", p.TLSAddr(), clientConfig("a.example.com", nil))
	if err != nil {
		return err.Error()
	}
	defer func() { _ = conn.Close() }()
	state := conn.ConnectionState()
	version := strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1)
	return cmp.Diff(served, []string{state.PeerCertificates[0].Subject.CommonName, version})
}

func (p *player) playServed(e exchange, served map[string]string) string {
	p.reloads(e.Name)
	p.vault.follow(e.Name)
	want, got := map[string]string{}, map[string]string{}
	for sni, leaf := range served {
		want[sni] = ending(leaf)
		name, _ := p.leaf(clientConfig(sni, e.TLSClient))
		got[sni] = name
	}
	return cmp.Diff(want, got)
}

// reloads does what happened to APISIX before the handshakes.
func (p *player) reloads(name string) {
	if strings.Contains(name, "after nginx reload") || strings.Contains(name, "after restart") {
		if err := p.Restart(); err != nil {
			panic(err)
		}
	}
}

func (p *player) playOpenSSL(e exchange) string {
	sni := "None"
	if i := slices.Index(e.OpenSSLArgs, "-servername"); i >= 0 {
		sni = e.OpenSSLArgs[i+1]
	}
	result := e.Result.(map[string]any)
	want := text(result["leaf"])
	if failure := text(result["err"]); failure != "" {
		want = ending(failure)
	}
	name, length := p.leaf(clientConfig(sni, nil))
	return cmp.Diff(fmt.Sprint(want, " ", result["chain_len"]), fmt.Sprint(name, " ", length))
}

// playRequest makes a request over TLS. The stand-in answers 200 where APISIX had no route.
func (p *player) playRequest(e exchange) string {
	config := clientConfig(e.Args[0], nil)
	if name := e.KW["client"]; name != "" {
		// Sent whatever CA the server asks for, as OpenSSL does.
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return p.pki.client(name == "client"), nil
		}
	}
	path := "/"
	if len(e.Args) > 2 {
		path = e.Args[2]
	}
	want := strings.Replace(ending(text(e.Result)), "404 Not Found", "200 OK", 1)
	got := p.get(config, path)
	if want, _, _ := strings.Cut(want, " | "); want != got && !strings.HasSuffix(got, want) {
		return cmp.Diff(want, got)
	}
	return ""
}

func (p *player) get(config *tls.Config, path string) string {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	response, err := client.Get("https://" + p.TLSAddr() + path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.Proto + " " + response.Status
}

// suites by their names in OpenSSL.
var suites = map[string]uint16{
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
}

func clientConfig(sni string, limits map[string]string) *tls.Config {
	config := &tls.Config{ServerName: sni, InsecureSkipVerify: true}
	if sni == "None" {
		config.ServerName = ""
	}
	if limits["maxv"] == "771" {
		config.MaxVersion = tls.VersionTLS12
	}
	if suite, ok := suites[limits["ciphers"]]; ok {
		config.CipherSuites = []uint16{suite}
	}
	return config
}

// leaf returns the common name of the served leaf and the length of the chain, or how the handshake failed.
func (p *player) leaf(config *tls.Config) (string, int) {
	conn, err := tls.Dial("tcp", p.TLSAddr(), config)
	if err != nil {
		return err.Error(), 0
	}
	defer func() { _ = conn.Close() }()
	chain := conn.ConnectionState().PeerCertificates
	return chain[0].Subject.CommonName, len(chain)
}
