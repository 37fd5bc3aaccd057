// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"sync"
)

// parsedCerts are the certificates that were parsed before.
var parsedCerts certCache

// certCache stores parsed certificates by their DER: CAs, which are few and shared by many Secrets, and the last
// leaves, which one reconciliation parses several times. The zero value is ready to use. The certificates are shared
// and must not be modified.
type certCache struct {
	mu          sync.Mutex
	cas, leaves map[string]*x509.Certificate
}

// The limits bound memory to about 4 MiB and 1 MiB. A full cache is emptied.
const (
	maxCAs    = 1 << 9
	maxLeaves = 1 << 7
)

// parse is x509.ParseCertificate with a cache.
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
