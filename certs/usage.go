// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"maps"
	"slices"
)

// Usage is a key usage (RFC 5280 section 4.2.1.3) or an extended key usage (section 4.2.1.12), named as in
// cert-manager.
type Usage string

// Common usages.
const (
	DigitalSignature Usage = "digital signature"
	KeyEncipherment  Usage = "key encipherment"
	ServerAuth       Usage = "server auth"
	ClientAuth       Usage = "client auth"
	AnyUsage         Usage = "any"
)

var keyUsages = map[Usage]x509.KeyUsage{
	"signing":            x509.KeyUsageDigitalSignature,
	DigitalSignature:     x509.KeyUsageDigitalSignature,
	"content commitment": x509.KeyUsageContentCommitment,
	KeyEncipherment:      x509.KeyUsageKeyEncipherment,
	"key agreement":      x509.KeyUsageKeyAgreement,
	"data encipherment":  x509.KeyUsageDataEncipherment,
	"cert sign":          x509.KeyUsageCertSign,
	"crl sign":           x509.KeyUsageCRLSign,
	"encipher only":      x509.KeyUsageEncipherOnly,
	"decipher only":      x509.KeyUsageDecipherOnly,
}

var extKeyUsages = map[Usage]x509.ExtKeyUsage{
	AnyUsage:           x509.ExtKeyUsageAny,
	ServerAuth:         x509.ExtKeyUsageServerAuth,
	ClientAuth:         x509.ExtKeyUsageClientAuth,
	"code signing":     x509.ExtKeyUsageCodeSigning,
	"email protection": x509.ExtKeyUsageEmailProtection,
	"s/mime":           x509.ExtKeyUsageEmailProtection,
	"ipsec end system": x509.ExtKeyUsageIPSECEndSystem,
	"ipsec tunnel":     x509.ExtKeyUsageIPSECTunnel,
	"ipsec user":       x509.ExtKeyUsageIPSECUser,
	"timestamping":     x509.ExtKeyUsageTimeStamping,
	"ocsp signing":     x509.ExtKeyUsageOCSPSigning,
	"microsoft sgc":    x509.ExtKeyUsageMicrosoftServerGatedCrypto,
	"netscape sgc":     x509.ExtKeyUsageNetscapeServerGatedCrypto,
}

// Usages returns all valid usages, sorted.
func Usages() []Usage {
	return slices.Sorted(func(visit func(Usage) bool) {
		for u := range maps.Keys(keyUsages) {
			if !visit(u) {
				return
			}
		}
		maps.Keys(extKeyUsages)(visit)
	})
}

func (u Usage) known() bool {
	_, key := keyUsages[u]
	_, ext := extKeyUsages[u]
	return key || ext
}

// grants reports whether leaf may be used for u.
func grants(leaf *x509.Certificate, u Usage) bool {
	if bit, ok := keyUsages[u]; ok {
		return leaf.KeyUsage&bit != 0
	}
	return slices.Contains(leaf.ExtKeyUsage, extKeyUsages[u])
}

// serves reports whether TLS clients accept leaf from a server: it has no extended key usages, or a suitable one.
func serves(leaf *x509.Certificate) bool {
	unlimited := len(leaf.ExtKeyUsage) == 0 && len(leaf.UnknownExtKeyUsage) == 0
	return unlimited || grants(leaf, ServerAuth) || grants(leaf, AnyUsage)
}
