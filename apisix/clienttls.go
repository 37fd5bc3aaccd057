// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// ClientTLS are the files for an Admin API behind TLS, all PEM.
type ClientTLS struct {
	// CAFile has the certificates that the Admin API's own must be signed by. Empty: the system's roots.
	CAFile string
	// CertFile and KeyFile are the client certificate, for an Admin API that asks for one (admin_api_mtls). Both or
	// neither; read again for each connection, so that they may be renewed.
	CertFile, KeyFile string
}

// Config makes the configuration for [Options]; nil where nothing is set. Its errors name the file.
func (c ClientTLS) Config() (*tls.Config, error) {
	if c == (ClientTLS{}) {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		data, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", c.CAFile)
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, errors.New("a client certificate needs both its certificate and its key file")
	}
	if c.CertFile == "" {
		return config, nil
	}
	if _, err := c.pair(); err != nil {
		return nil, err
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.pair() }
	return config, nil
}

func (c ClientTLS) pair() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("client certificate of %s and %s: %w", c.CertFile, c.KeyFile, err)
	}
	return &pair, nil
}
