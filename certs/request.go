// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/bits"
	"net"
	"net/url"
)

// CreateRequest creates a certificate signing request (RFC 2986) for spec, signed by key, as one PEM block. It
// contains the subject, the SANs, and usage extensions if spec has usages. The common name is
// Spec.RequestedCommonName, which Vault roles require by default. A spec that Validate rejects and the zero Key are
// errors.
func CreateRequest(spec Spec, key Key) (csrPEM []byte, err error) {
	return createRequest(spec, spec.RequestedCommonName(), key)
}

// CreateExactRequest is CreateRequest with Spec.CommonName instead of Spec.RequestedCommonName, for issuers that do
// not require a common name.
func CreateExactRequest(spec Spec, key Key) (csrPEM []byte, err error) {
	return createRequest(spec, spec.CommonName, key)
}

func createRequest(spec Spec, commonName string, key Key) (csrPEM []byte, err error) {
	if problems := spec.Validate(); len(problems) > 0 {
		return nil, problems[0]
	}
	if key.IsZero() {
		return nil, fmt.Errorf("create certificate request: %w", ErrNoKey)
	}
	template := &x509.CertificateRequest{
		Subject:        spec.Subject.name(commonName),
		DNSNames:       spec.RequestedDNSNames(),
		EmailAddresses: spec.EmailAddresses,
	}
	for _, address := range spec.IPAddresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	for _, text := range spec.URIs {
		u, err := url.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("create certificate request: %w", err)
		}
		template.URIs = append(template.URIs, u)
	}
	if template.ExtraExtensions, err = usageExtensions(spec.Usages); err != nil {
		return nil, fmt.Errorf("create certificate request: %w", err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, key.Signer())
	if err != nil {
		return nil, fmt.Errorf("create certificate request: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

var (
	oidKeyUsage    = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidExtKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// extKeyUsageOIDs are the OIDs of RFC 5280 section 4.2.1.12 and of vendors, which crypto/x509 does not export.
var extKeyUsageOIDs = map[x509.ExtKeyUsage]asn1.ObjectIdentifier{
	x509.ExtKeyUsageAny:                        {2, 5, 29, 37, 0},
	x509.ExtKeyUsageServerAuth:                 {1, 3, 6, 1, 5, 5, 7, 3, 1},
	x509.ExtKeyUsageClientAuth:                 {1, 3, 6, 1, 5, 5, 7, 3, 2},
	x509.ExtKeyUsageCodeSigning:                {1, 3, 6, 1, 5, 5, 7, 3, 3},
	x509.ExtKeyUsageEmailProtection:            {1, 3, 6, 1, 5, 5, 7, 3, 4},
	x509.ExtKeyUsageIPSECEndSystem:             {1, 3, 6, 1, 5, 5, 7, 3, 5},
	x509.ExtKeyUsageIPSECTunnel:                {1, 3, 6, 1, 5, 5, 7, 3, 6},
	x509.ExtKeyUsageIPSECUser:                  {1, 3, 6, 1, 5, 5, 7, 3, 7},
	x509.ExtKeyUsageTimeStamping:               {1, 3, 6, 1, 5, 5, 7, 3, 8},
	x509.ExtKeyUsageOCSPSigning:                {1, 3, 6, 1, 5, 5, 7, 3, 9},
	x509.ExtKeyUsageMicrosoftServerGatedCrypto: {1, 3, 6, 1, 4, 1, 311, 10, 3, 3},
	x509.ExtKeyUsageNetscapeServerGatedCrypto:  {2, 16, 840, 1, 113730, 4, 1},
}

func usageExtensions(usages []Usage) ([]pkix.Extension, error) {
	var keyUsage x509.KeyUsage
	var extended []asn1.ObjectIdentifier
	for _, u := range distinct(usages) {
		if ext, ok := extKeyUsages[u]; ok {
			extended = append(extended, extKeyUsageOIDs[ext])
		}
		keyUsage |= keyUsages[u]
	}
	var extensions []pkix.Extension
	if keyUsage != 0 {
		value, err := asn1.Marshal(keyUsageBits(keyUsage))
		if err != nil {
			return nil, err
		}
		extensions = append(extensions, pkix.Extension{Id: oidKeyUsage, Critical: true, Value: value})
	}
	if len(extended) > 0 {
		value, err := asn1.Marshal(extended)
		if err != nil {
			return nil, err
		}
		extensions = append(extensions, pkix.Extension{Id: oidExtKeyUsage, Value: value})
	}
	return extensions, nil
}

// keyUsageBits converts the bit order of crypto/x509, lowest bit first, to that of ASN.1 and removes trailing zeros
// as DER requires.
func keyUsageBits(usage x509.KeyUsage) asn1.BitString {
	reversed := bits.Reverse16(uint16(usage))
	raw := []byte{byte(reversed >> 8), byte(reversed)}
	length := bits.Len16(uint16(usage))
	return asn1.BitString{Bytes: raw[:(length+7)/8], BitLength: length}
}
