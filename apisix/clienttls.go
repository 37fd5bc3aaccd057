// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// ClientTLS has the files for an Admin API behind TLS, all PEM.
type ClientTLS struct {
	// CAFile has the CA certificates that the Admin API's certificate is verified with. Empty means the system's roots.
	CAFile string
	// CertFile and KeyFile are the client certificate, for an Admin API that requires one (admin_api_mtls). Set both or
	// neither. They are read for each connection, so a renewed certificate is used without a restart.
	CertFile, KeyFile string
}

// Config returns the TLS configuration for [Options], or nil if no file is set. Its errors contain the file name.
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
			return nil, fmt.Errorf("%s contains no PEM certificate", c.CAFile)
		}
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, errors.New("a client certificate requires both a certificate file and a key file")
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
