// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// PEM returns the private key as one PEM block. It uses PKCS8 if encoding is empty or does not exist for the type of
// key. The zero Key gives nil.
func (k Key) PEM(encoding Encoding) []byte {
	if k.IsZero() {
		return nil
	}
	block := k.block(encoding)
	return pem.EncodeToMemory(&block)
}

func (k Key) block(encoding Encoding) pem.Block {
	if encoding == PKCS1 {
		switch key := k.Signer().(type) {
		case *rsa.PrivateKey:
			return pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
		case *ecdsa.PrivateKey:
			// This fails only for an unknown curve, which no Key has.
			der, _ := x509.MarshalECPrivateKey(key)
			return pem.Block{Type: "EC PRIVATE KEY", Bytes: der}
		}
	}
	der, _ := x509.MarshalPKCS8PrivateKey(k.Signer())
	return pem.Block{Type: "PRIVATE KEY", Bytes: der}
}

// Key errors, for use with errors.Is. Neither they nor errors that wrap them contain any of the input.
var (
	ErrNoKey        = errors.New("no private key in the PEM data")
	ErrKeyEncrypted = errors.New("the private key is encrypted: store it without a passphrase")
	ErrKeyDamaged   = errors.New("the private key cannot be parsed")
	ErrKeyKind      = errors.New("unsupported private key: use RSA with 2048 to 8192 bits, ECDSA P-256, P-384 or P-521, or Ed25519")
)

// ParseKey parses the first private key in PEM data: PKCS #8, PKCS #1 or SEC 1. Other blocks before it, such as the
// "EC PARAMETERS" that openssl writes, are ignored. Errors are ErrNoKey, ErrKeyEncrypted, ErrKeyDamaged and
// ErrKeyKind.
func ParseKey(data []byte) (Key, error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return Key{}, ErrNoKey
		}
		switch block.Type {
		case "ENCRYPTED PRIVATE KEY":
			return Key{}, ErrKeyEncrypted
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY":
			return parseBlock(block)
		}
	}
}

func parseBlock(block *pem.Block) (Key, error) {
	if block.Headers["DEK-Info"] != "" {
		return Key{}, ErrKeyEncrypted
	}
	private, err := parseDER(block)
	if err != nil {
		return Key{}, ErrKeyDamaged
	}
	signer, ok := private.(crypto.Signer)
	if !ok || !supported(signer) {
		return Key{}, ErrKeyKind
	}
	return newKey(signer), nil
}

func parseDER(block *pem.Block) (any, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}

// supported reports whether gateways and clients support the type and size of a key.
func supported(signer crypto.Signer) bool {
	switch key := signer.(type) {
	case *rsa.PrivateKey:
		return key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192
	case *ecdsa.PrivateKey:
		return key.Curve.Params().BitSize >= 256
	case ed25519.PrivateKey:
		return true
	}
	return false
}
