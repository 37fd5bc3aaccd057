// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/elliptic"
	"fmt"
	"slices"
)

// Algorithm is the kind of a private key, with cert-manager's names. Empty means no wish: see KeySpec.
type Algorithm string

// The algorithms that keys are made for.
const (
	RSA     Algorithm = "RSA"
	ECDSA   Algorithm = "ECDSA"
	Ed25519 Algorithm = "Ed25519"
)

// Encoding is how a private key is written as PEM, with cert-manager's names. Empty means PKCS8.
type Encoding string

// The encodings. PKCS1 is RFC 8017 ("RSA PRIVATE KEY") for RSA, SEC 1 of RFC 5915 ("EC PRIVATE KEY") for ECDSA;
// Ed25519 has only PKCS8 (RFC 5958, "PRIVATE KEY").
const (
	PKCS1 Encoding = "PKCS1"
	PKCS8 Encoding = "PKCS8"
)

// KeySpec says which key is wanted. The zero value makes an ECDSA P-256 key and is content with any sound key that is
// already there: an empty Algorithm is no wish, so an adopted RSA key, or one that Vault made, is kept, and so is its kind
// at a renewal where NextKeySpec is used.
type KeySpec struct {
	Algorithm Algorithm
	// Size is 2048, 3072 or 4096 for RSA and 256, 384 or 521 for ECDSA, in bits; 0 is the smallest of them when a key
	// is made and any when one is compared. Ed25519 has none: 0.
	Size int
	// Encoding is not compared with what there is: a key written otherwise is no reason to issue.
	Encoding Encoding
}

// WithDefaults is the key that GenerateKey makes for s.
func (s KeySpec) WithDefaults() KeySpec {
	if s.Algorithm == "" {
		s.Algorithm = ECDSA
	}
	if sizes := keySizes[s.Algorithm]; s.Size == 0 && len(sizes) > 0 {
		s.Size = sizes[0]
	}
	if s.Encoding == "" {
		s.Encoding = PKCS8
	}
	return s
}

// keySizes are the sizes that may be asked for, in bits, the default first.
var keySizes = map[Algorithm][]int{RSA: {2048, 3072, 4096}, ECDSA: {256, 384, 521}, Ed25519: nil}

var curves = map[int]elliptic.Curve{256: elliptic.P256(), 384: elliptic.P384(), 521: elliptic.P521()}

func (s KeySpec) validate() []FieldError {
	var found []FieldError
	sizes, known := keySizes[s.WithDefaults().Algorithm]
	switch {
	case !known:
		found = append(found, fieldError("privateKey.algorithm", string(s.Algorithm),
			problem{"is not known", "use RSA, ECDSA or Ed25519"}))
	case s.Size != 0 && !slices.Contains(sizes, s.Size):
		found = append(found, fieldError("privateKey.size", fmt.Sprint(s.Size), s.sizeProblem()))
	}
	if s.Encoding != "" && s.Encoding != PKCS1 && s.Encoding != PKCS8 {
		found = append(found, fieldError("privateKey.encoding", string(s.Encoding),
			problem{"is not known", "use PKCS1 or PKCS8"}))
	}
	return found
}

func (s KeySpec) sizeProblem() problem {
	algorithm := s.WithDefaults().Algorithm
	what := fmt.Sprintf("is no size of an %s key", algorithm)
	switch {
	case s.Algorithm == "" && slices.Contains(keySizes[RSA], s.Size):
		return problem{what, "set privateKey.algorithm: RSA"}
	case algorithm == RSA:
		return problem{what, "use 2048, 3072 or 4096"}
	case algorithm == ECDSA:
		return problem{what, "use 256, 384 or 521"}
	}
	return problem{what, "leave it out"}
}
