// SPDX-License-Identifier: Apache-2.0

// Package certs decides when an X.509 certificate must be issued or renewed, and checks what an issuer returns.
//
// A [Spec] is the requested certificate and a [Bundle] the current one. [Decide] compares them and gives the renewal
// time, [CreateRequest] creates a CSR, and [CheckResponse] reports whether the issuer's response may replace the
// current certificate:
//
//	spec := certs.Spec{DNSNames: []string{"www.example.com"}}.Normalize()
//	if problems := spec.Validate(); len(problems) > 0 {
//		return problems[0]
//	}
//	decision := certs.Decide(certs.Observed{Spec: spec, SecretExists: true, CertPEM: crt, KeyPEM: key}, now)
//	if decision.Issue {
//		key, err := certs.GenerateKey(spec.Key)
//		...
//		csr, err := certs.CreateRequest(spec, key)
//		...
//		bundle := certs.Assemble(leaf, others, now) // what the issuer signed
//		warnings, err := certs.CheckResponse(bundle, spec, key.Public(), now)
//	}
//
// [CheckProvided] checks a certificate that was issued elsewhere.
//
// A chain is a graph in this package (RFC 5280 section 6.1 describes the paths through it): a CA may be signed by several
// others, or twice by the same one. [Assemble] keeps all of them, and [CheckResponse] requires one path that verifies.
// [Bundle.Expiry] and [CAExpiry] return when the first clients can no longer verify a certificate, and when none can.
//
// A [Key] does not reveal its secret under fmt, JSON and structured logs. Errors and messages are stable: they contain no
// secret, and nothing that changes between two attempts.
//
// The package uses only the standard library. It has no clock, network or logger: callers pass the current time. It does
// not check host names against public suffix lists, and it does not fetch CRL or OCSP addresses. Package vault obtains
// certificates from Vault.
package certs
