// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
)

func TestKeys(t *testing.T) {
	for _, row := range []struct {
		spec         KeySpec
		want         KeySpec
		pkcs1, pkcs8 string
	}{
		{KeySpec{}, KeySpec{Algorithm: ECDSA, Size: 256}, "EC PRIVATE KEY", "PRIVATE KEY"},
		{KeySpec{Size: 384}, KeySpec{Algorithm: ECDSA, Size: 384}, "EC PRIVATE KEY", "PRIVATE KEY"},
		{KeySpec{Algorithm: ECDSA, Size: 521}, KeySpec{Algorithm: ECDSA, Size: 521}, "EC PRIVATE KEY", "PRIVATE KEY"},
		{KeySpec{Algorithm: RSA}, KeySpec{Algorithm: RSA, Size: 2048}, "RSA PRIVATE KEY", "PRIVATE KEY"},
		{KeySpec{Algorithm: Ed25519}, KeySpec{Algorithm: Ed25519}, "PRIVATE KEY", "PRIVATE KEY"},
	} {
		key := mustKey(t, row.spec)
		if key.Spec() != row.want {
			t.Errorf("%+v gives %+v", row.spec, key.Spec())
		}
		for encoding, kind := range map[Encoding]string{PKCS1: row.pkcs1, PKCS8: row.pkcs8, "": row.pkcs8} {
			data := key.PEM(encoding)
			if block, _ := pem.Decode(data); block == nil || block.Type != kind {
				t.Errorf("%+v as %q is not a %s", row.want, encoding, kind)
			}
			again, err := ParseKey(data)
			if err != nil || !samePublic(again.Public(), key.Public()) {
				t.Errorf("%+v as %q does not come back: %v", row.want, encoding, err)
			}
		}
	}
}

func TestGenerateKeyRefuses(t *testing.T) {
	for _, spec := range []KeySpec{{Algorithm: "DSA"}, {Algorithm: RSA, Size: 1024}, {Size: 224}} {
		if key, err := GenerateKey(spec); err == nil || !key.IsZero() {
			t.Errorf("%+v gives a key", spec)
		}
	}
}

func TestParseKeyErrors(t *testing.T) {
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	legacy := &pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}}
	for _, row := range []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, ErrNoKey},
		{"no PEM", []byte("hunter2"), ErrNoKey},
		{"certificate only", block("CERTIFICATE", nil), ErrNoKey},
		{"PKCS #8 encrypted", block("ENCRYPTED PRIVATE KEY", nil), ErrKeyEncrypted},
		{"encrypted in the old way", pem.EncodeToMemory(legacy), ErrKeyEncrypted},
		{"damaged", block("PRIVATE KEY", []byte("hunter2")), ErrKeyDamaged},
		{"under another name", block("EC PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small)), ErrKeyDamaged},
		{"too short", block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(small)), ErrKeyKind},
		{"weak curve", block("EC PRIVATE KEY", p224), ErrKeyKind},
	} {
		_, err := ParseKey(row.data)
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
		if strings.Contains(fmt.Sprint(err), "hunter2") {
			t.Errorf("%s: the error shows the input: %v", row.name, err)
		}
	}
}

func TestParseKeyPassesOver(t *testing.T) {
	key := mustKey(t, KeySpec{})
	data := append([]byte("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"), key.PEM(PKCS1)...)
	if got, err := ParseKey(data); err != nil || !samePublic(got.Public(), key.Public()) {
		t.Errorf("%v", err)
	}
}

func TestKeyRedacts(t *testing.T) {
	type holder struct{ hidden Key }
	for _, spec := range []KeySpec{{}, {Algorithm: RSA}, {Algorithm: Ed25519}} {
		key := mustKey(t, spec)
		var out bytes.Buffer
		bundle := Bundle{Key: key}
		for _, v := range []any{key, &key, bundle, &bundle, holder{key}, &holder{key}, []Key{key}, map[string]Key{"k": key}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&out, verb+"\n", v)
			}
			if text, err := json.Marshal(v); err == nil {
				out.Write(text)
			}
			for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
				slog.New(handler).Info("key", "key", v)
			}
		}
		shows(t, out.String(), key)
	}
}

// shows fails if text contains a part of the private key in hex, base64 or as decimal numbers.
func shows(t *testing.T, text string, key Key) {
	t.Helper()
	var private []byte
	var forms []string
	switch k := key.Signer().(type) {
	case *rsa.PrivateKey:
		private, forms = k.D.Bytes(), []string{k.D.String(), k.Primes[0].String()}
	case *ecdsa.PrivateKey:
		private, _ = k.Bytes()
		forms = []string{new(big.Int).SetBytes(private).String()}
	case ed25519.PrivateKey:
		private = k.Seed()
	}
	part := private[8:16]
	forms = append(forms, fmt.Sprintf("%x", part), fmt.Sprintf("%X", part), strings.Trim(fmt.Sprint(part), "[]"),
		strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}"))
	// Base64 has three shapes, by where in a group of three bytes the part begins.
	for shift := range 3 {
		forms = append(forms, base64.StdEncoding.EncodeToString(private[8+shift:8+shift+12]))
	}
	for _, form := range forms {
		if strings.Contains(text, form) {
			t.Errorf("%s shows %s", key, form)
		}
	}
}

func TestShowsFinds(t *testing.T) {
	key := mustKey(t, KeySpec{Algorithm: Ed25519})
	for _, leak := range []string{fmt.Sprint(key.Signer()), fmt.Sprintf("%#v", key.Signer()), fmt.Sprintf("%x", key.Signer())} {
		probe := &testing.T{}
		if shows(probe, leak, key); !probe.Failed() {
			t.Errorf("not found in %s...", leak[:20])
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, spec := range []KeySpec{{}, {Algorithm: RSA}, {Algorithm: Ed25519}} {
		f.Add(mustKey(f, spec).PEM(PKCS1))
		f.Add(mustKey(f, spec).PEM(PKCS8))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := ParseKey(data)
		if (err == nil) == key.IsZero() {
			t.Fatalf("key %s, error %v", key, err)
		}
		if err != nil {
			return
		}
		again, err := ParseKey(key.PEM(PKCS1))
		if err != nil || !samePublic(again.Public(), key.Public()) {
			t.Errorf("a key does not come back: %v", err)
		}
	})
}

// TestNextKeySpec: an adopted pair keeps its kind of key until the spec names one.
func TestNextKeySpec(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	odd, err := rsa.GenerateKey(rand.Reader, 2560)
	if err != nil {
		t.Fatal(err)
	}
	leaf := func(public crypto.PublicKey) Bundle { return Bundle{Leaf: &x509.Certificate{PublicKey: public}} }
	key := func(spec KeySpec) Bundle { return Bundle{Key: mustKey(t, spec)} }
	for _, row := range []struct {
		name      string
		spec      KeySpec
		old       Bundle
		want      KeySpec
		generates KeySpec
	}{
		{"nothing there", KeySpec{}, Bundle{}, KeySpec{}, KeySpec{Algorithm: ECDSA, Size: 256}},
		{"RSA", KeySpec{}, key(KeySpec{Algorithm: RSA}), KeySpec{Algorithm: RSA, Size: 2048}, KeySpec{Algorithm: RSA, Size: 2048}},
		{"encoding is no wish for a kind", KeySpec{Encoding: PKCS1}, key(KeySpec{Algorithm: RSA, Size: 3072}), KeySpec{Algorithm: RSA, Size: 3072, Encoding: PKCS1}, KeySpec{Algorithm: RSA, Size: 3072}},
		{"P-384", KeySpec{}, key(KeySpec{Size: 384}), KeySpec{Algorithm: ECDSA, Size: 384}, KeySpec{Algorithm: ECDSA, Size: 384}},
		{"Ed25519", KeySpec{}, key(KeySpec{Algorithm: Ed25519}), KeySpec{Algorithm: Ed25519}, KeySpec{Algorithm: Ed25519}},
		{"the spec names one", KeySpec{Algorithm: ECDSA}, key(KeySpec{Algorithm: RSA}), KeySpec{Algorithm: ECDSA}, KeySpec{Algorithm: ECDSA, Size: 256}},
		{"the spec names a size", KeySpec{Size: 384}, key(KeySpec{Algorithm: RSA}), KeySpec{Size: 384}, KeySpec{Algorithm: ECDSA, Size: 384}},
		{"key elsewhere", KeySpec{}, leaf(mustKey(t, KeySpec{Algorithm: RSA}).Public()), KeySpec{Algorithm: RSA, Size: 2048}, KeySpec{Algorithm: RSA, Size: 2048}},
		{"a size between", KeySpec{}, leaf(odd.Public()), KeySpec{Algorithm: RSA, Size: 3072}, KeySpec{Algorithm: RSA, Size: 3072}},
		{"a size beyond", KeySpec{}, leaf(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 8191), E: 65537}), KeySpec{Algorithm: RSA, Size: 4096}, KeySpec{}},
		{"a kind that is not made here", KeySpec{}, leaf(p224.Public()), KeySpec{}, KeySpec{Algorithm: ECDSA, Size: 256}},
		{"a kind that is not known", KeySpec{}, leaf("?"), KeySpec{}, KeySpec{Algorithm: ECDSA, Size: 256}},
	} {
		got := NextKeySpec(row.spec, row.old)
		if got != row.want {
			t.Errorf("%s: %+v, want %+v", row.name, got, row.want)
		}
		if row.generates != (KeySpec{}) && mustKey(t, got).Spec() != row.generates {
			t.Errorf("%s: makes %s", row.name, mustKey(t, got))
		}
	}
}
