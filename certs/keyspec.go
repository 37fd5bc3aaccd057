// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/elliptic"
	"fmt"
	"slices"
)

// Algorithm is a private key algorithm, named as in cert-manager. Empty means any: see KeySpec.
type Algorithm string

// The supported algorithms.
const (
	RSA     Algorithm = "RSA"
	ECDSA   Algorithm = "ECDSA"
	Ed25519 Algorithm = "Ed25519"
)

// Encoding is the PEM encoding of a private key, named as in cert-manager. Empty means PKCS8.
type Encoding string

// The encodings. PKCS1 is RFC 8017 ("RSA PRIVATE KEY") for RSA, SEC 1 of RFC 5915 ("EC PRIVATE KEY") for ECDSA;
// Ed25519 has only PKCS8 (RFC 5958, "PRIVATE KEY").
const (
	PKCS1 Encoding = "PKCS1"
	PKCS8 Encoding = "PKCS8"
)

// KeySpec is the requested private key. The zero value generates an ECDSA P-256 key and accepts any supported key
// that already exists, such as an adopted RSA key or one that Vault generated. NextKeySpec keeps the type of such a
// key at renewal.
type KeySpec struct {
	Algorithm Algorithm
	// Size is in bits: 2048, 3072 or 4096 for RSA, and 256, 384 or 521 for ECDSA. Zero generates the smallest size
	// and matches any. Ed25519 has no size, so it is 0.
	Size int
	// Encoding is ignored when a key is compared: another encoding is no reason to issue.
	Encoding Encoding
}

// WithDefaults returns the KeySpec of the key that GenerateKey generates for s.
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

// keySizes are the valid sizes in bits, the default first.
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
	what := fmt.Sprintf("is not a valid size for an %s key", algorithm)
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
