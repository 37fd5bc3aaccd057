// SPDX-License-Identifier: Apache-2.0

// Package certs holds what this project knows about X.509 certificates: what is wanted (Spec), what there is
// (Bundle), whether a new one is due (Decide), and whether an issuer's answer may replace the old one (CheckResponse).
//
//	spec := certs.Spec{DNSNames: []string{"www.example.com"}}.Normalize()
//	if problems := spec.Validate(); len(problems) > 0 {
//		return problems[0]
//	}
//	decision := certs.Decide(certs.Observed{Spec: spec, SecretExists: true, CertPEM: crt, KeyPEM: key}, now)
//	if decision.Issue {
//		key, _ := certs.GenerateKey(spec.Key)
//		csr, _ := certs.CreateRequest(spec, key)
//		// have csr signed, then CheckResponse, then write
//	}
//
// A chain is a graph here (RFC 5280 section 6.1 has the paths through it): a CA may have been signed by several others, or
// twice by the same one. Assemble keeps them all, CheckResponse wants one path that verifies, and Bundle.Expiry and CAExpiry say
// when the first client is lost and when the last is.
//
// It is pure: no clock, no network, no logger, nothing but the standard library. Where certificates come from
// (package vault), where they are kept and who serves them is for others. It does not verify hosts against public
// suffix lists and does not follow CRL or OCSP addresses.
package certs
