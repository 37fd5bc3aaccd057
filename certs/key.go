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

// Key is a private key. Under fmt, JSON and structured logs it shows only its type; only PEM and Signer return the
// secret. The zero value is no key: see IsZero. A Key is immutable, and copies share the key.
type Key struct {
	// Two pointers hide the key from fmt even if a Key is in an unexported field. fmt prints such a field without
	// calling its methods, and follows one pointer for some verbs.
	secret *secret
}

type secret struct{ signer *crypto.Signer }

func newKey(signer crypto.Signer) Key { return Key{&secret{&signer}} }

// GenerateKey generates a private key. A spec that Spec.Validate rejects is an error.
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

// Signer returns the key to sign with, or nil for the zero Key. It is the secret itself: never print it.
func (k Key) Signer() crypto.Signer {
	if k.IsZero() {
		return nil
	}
	return *k.secret.signer
}

// Public returns the public key, or nil for the zero Key.
func (k Key) Public() crypto.PublicKey {
	if k.IsZero() {
		return nil
	}
	return k.Signer().Public()
}

// Spec returns the key's algorithm and its size in bits. Encoding is empty.
func (k Key) Spec() KeySpec { return publicSpec(k.Public()) }

// publicSpec returns the zero KeySpec for a key of an unknown type.
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

// Equal reports whether both keys are the same, or both are zero.
func (k Key) Equal(other Key) bool {
	if k.IsZero() || other.IsZero() {
		return k.IsZero() && other.IsZero()
	}
	return samePublic(k.Public(), other.Public())
}

// samePublic compares public keys of any type. A nil key equals none.
func samePublic(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && b != nil && key.Equal(b)
}
