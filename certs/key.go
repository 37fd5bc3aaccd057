// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
)

// Key is a private key. It shows only its kind under fmt, JSON and structured logs; PEM and Signer are the ways to its
// secret. The zero value is no key, see IsZero. Copies share the key, which never changes.
type Key struct {
	// Two pointers keep fmt out even where a Key lies in an unexported field, which fmt prints without asking its methods:
	// a verb that does not fit makes it follow one.
	secret *secret
}

type secret struct{ signer *crypto.Signer }

func newKey(signer crypto.Signer) Key { return Key{&secret{&signer}} }

// GenerateKey makes a new key. A spec that Spec.Validate refuses is an error.
func GenerateKey(spec KeySpec) (Key, error) {
	spec = spec.WithDefaults()
	if problems := spec.validate(); len(problems) > 0 {
		return Key{}, problems[0]
	}
	signer, err := generate(spec)
	if err != nil {
		return Key{}, fmt.Errorf("generate %s key: %w", spec.Algorithm, err)
	}
	return newKey(signer), nil
}

func generate(spec KeySpec) (crypto.Signer, error) {
	switch spec.Algorithm {
	case RSA:
		return rsa.GenerateKey(rand.Reader, spec.Size)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	default:
		return ecdsa.GenerateKey(curves[spec.Size], rand.Reader)
	}
}

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.secret == nil }

// Signer is the key to sign with, nil for the zero Key. Its value is the secret itself: never print it.
func (k Key) Signer() crypto.Signer {
	if k.IsZero() {
		return nil
	}
	return *k.secret.signer
}

// Public is the public half, nil for the zero Key.
func (k Key) Public() crypto.PublicKey {
	if k.IsZero() {
		return nil
	}
	return k.Signer().Public()
}

// Spec is the key's algorithm and size in bits. Encoding stays empty.
func (k Key) Spec() KeySpec { return publicSpec(k.Public()) }

// publicSpec is the zero KeySpec for a key of a kind that is not known here.
func publicSpec(public crypto.PublicKey) KeySpec {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return KeySpec{Algorithm: RSA, Size: key.N.BitLen()}
	case *ecdsa.PublicKey:
		return KeySpec{Algorithm: ECDSA, Size: key.Curve.Params().BitSize}
	case ed25519.PublicKey:
		return KeySpec{Algorithm: Ed25519}
	}
	return KeySpec{}
}

// Equal reports whether both are the same key, or none.
func (k Key) Equal(other Key) bool {
	if k.IsZero() || other.IsZero() {
		return k.IsZero() && other.IsZero()
	}
	return samePublic(k.Public(), other.Public())
}

// samePublic compares two public keys of any kind; nil equals nothing.
func samePublic(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && b != nil && key.Equal(b)
}
