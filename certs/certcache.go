// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"sync"
)

// known are the certificates that were parsed before.
var parsedCerts certCache

// parsed holds certificates by their DER: the CAs, of which there are a few and each Secret has one or two, and the last
// leaves, which one run of the controller looks at several times. The zero value is ready. Nobody may change what it gives.
type certCache struct {
	mu          sync.Mutex
	cas, leaves map[string]*x509.Certificate
}

// They bound the memory, to some 4 MiB and 1 MiB. Beyond them all are forgotten.
const (
	maxCAs    = 1 << 9
	maxLeaves = 1 << 7
)

// parse is x509.ParseCertificate, which for a certificate that is known does its work once.
func (p *certCache) parse(der []byte) (*x509.Certificate, error) {
	p.mu.Lock()
	cert := p.cas[string(der)]
	if cert == nil {
		cert = p.leaves[string(der)]
	}
	p.mu.Unlock()
	if cert != nil {
		return cert, nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if cert.IsCA {
		store(&p.cas, maxCAs, cert)
	} else {
		store(&p.leaves, maxLeaves, cert)
	}
	return cert, nil
}

func store(in *map[string]*x509.Certificate, most int, cert *x509.Certificate) {
	if *in == nil || len(*in) >= most {
		*in = map[string]*x509.Certificate{}
	}
	(*in)[string(cert.Raw)] = cert
}
