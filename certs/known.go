// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"sync"
)

// knownCAs are the CA certificates that were parsed before: there are a few, and each Secret has one or two of them.
var knownCAs authorities

// authorities holds parsed CA certificates by their DER. The zero value is ready. Nobody may change what it gives.
type authorities struct {
	mu    sync.Mutex
	byDER map[string]*x509.Certificate
}

// mostKnown bounds the memory, to some 4 MiB. Beyond it all are forgotten.
const mostKnown = 1 << 9

// parse is x509.ParseCertificate, which for a CA certificate does its work once.
func (a *authorities) parse(der []byte) (*x509.Certificate, error) {
	a.mu.Lock()
	known := a.byDER[string(der)]
	a.mu.Unlock()
	if known != nil {
		return known, nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil || !cert.IsCA {
		return cert, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byDER == nil || len(a.byDER) >= mostKnown {
		a.byDER = map[string]*x509.Certificate{}
	}
	a.byDER[string(der)] = cert
	return cert, nil
}
