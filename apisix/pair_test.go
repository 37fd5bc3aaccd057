// SPDX-License-Identifier: Apache-2.0

package apisix

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// authority is a certificate that can sign others.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	pem  string
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign returns a certificate of the key that is valid for an hour from start, signed by itself without a parent.
func sign(t *testing.T, name string, key crypto.Signer, parent *authority, start time.Time) *authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: start, NotAfter: start.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if parent == nil {
		parent = &authority{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key, pem: armour("CERTIFICATE", der)}
}

func armour(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return armour("PRIVATE KEY", der)
}

func TestCheckPair(t *testing.T) {
	start := now.Add(-time.Minute)
	root := sign(t, "root", newKey(t), nil, start)
	middle := sign(t, "middle", newKey(t), root, start)
	leaf := sign(t, "leaf", newKey(t), middle, start)
	old := sign(t, "old", leaf.key, middle, now.Add(-2*time.Hour))
	early := sign(t, "early", leaf.key, middle, now.Add(time.Minute))
	oldMiddle := sign(t, "middle", middle.key, root, now.Add(-2*time.Hour))
	root2 := sign(t, "root 2", newKey(t), nil, start)
	middle2 := sign(t, "middle", middle.key, root2, start)
	key, other := pkcs8(t, leaf.key), pkcs8(t, newKey(t))
	sec1, _ := x509.MarshalECPrivateKey(leaf.key.(*ecdsa.PrivateKey))
	parameters := armour("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7})
	broken := strings.Replace(middle.pem, "-----END", "----END", 1)
	for _, test := range []struct {
		name, cert, key string
		want            PairReason // empty for a good pair
	}{
		{"leaf alone", leaf.pem, key, ""},
		{"chain", leaf.pem + middle.pem, key, ""},
		{"chain with root", leaf.pem + middle.pem + root.pem, key, ""},
		{"SEC 1 key", leaf.pem, armour("EC PRIVATE KEY", sec1), ""},
		{"key after parameters", leaf.pem, parameters + armour("EC PRIVATE KEY", sec1), ""},
		{"other key", leaf.pem, other, PairKeyMismatch},
		{"key of the issuer", leaf.pem + middle.pem, pkcs8(t, middle.key), PairKeyMismatch},
		{"chain reversed", middle.pem + leaf.pem, pkcs8(t, middle.key), PairChainOrder},
		{"chain with a gap", leaf.pem + root.pem, key, PairChainOrder},
		{"expired", old.pem + middle.pem, key, PairExpired},
		{"expired issuer", leaf.pem + oldMiddle.pem, key, PairExpired},
		{"cross-signed", leaf.pem + middle.pem + middle2.pem, key, ""},
		{"cross-signed, with roots", leaf.pem + middle.pem + root.pem + middle2.pem + root2.pem, key, ""},
		{"cross-signed, one expired", leaf.pem + oldMiddle.pem + middle2.pem, key, ""},
		{"a root of another chain", leaf.pem + middle.pem + root2.pem, key, PairChainOrder},
		{"not yet valid", early.pem, key, PairNotYetValid},
		{"key in the certificate", leaf.pem + key, key, PairKeyInCert},
		{"broken issuer", leaf.pem + broken, key, PairSyntax},
		{"broken issuer in the middle", leaf.pem + broken + root.pem, key, PairSyntax},
		{"garbage", strings.Repeat("x", 200), key, PairSyntax},
		{"parameters in the certificate", parameters + leaf.pem, key, PairSyntax},
		{"broken certificate", armour("CERTIFICATE", make([]byte, 200)), key, PairSyntax},
		{"space before the key", leaf.pem, "\n" + key, PairSyntax},
		{"public key", leaf.pem, armour("PUBLIC KEY", make([]byte, 100)), PairSyntax},
		{"encrypted key", leaf.pem, armour("ENCRYPTED PRIVATE KEY", make([]byte, 100)), PairSyntax},
		{"broken key", leaf.pem, armour("PRIVATE KEY", make([]byte, 100)), PairSyntax},
		{"empty certificate", "", key, PairSize},
		{"empty key", leaf.pem, "", PairSize},
		{"certificate too long", leaf.pem + strings.Repeat("\n", maxPEM), key, PairSize},
		{"key too long", leaf.pem, key + strings.Repeat("\n", maxPEM), PairSize},
	} {
		err := CheckPair([]byte(test.cert), []byte(test.key), now)
		var e *PairError
		if errors.As(err, &e); (err == nil) != (test.want == "") || e != nil && e.Reason != test.want {
			t.Errorf("%s: %v, want reason %q", test.name, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "BEGIN") {
			t.Errorf("%s: the error shows PEM", test.name)
		}
	}
}

func TestCheckPairKeyKinds(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaCert, edCert := sign(t, "rsa", rsaKey, nil, now).pem, sign(t, "ed", edKey, nil, now).pem
	for _, test := range []struct{ name, cert, key string }{
		{"RSA PKCS #8", rsaCert, pkcs8(t, rsaKey)},
		{"RSA PKCS #1", rsaCert, armour("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey))},
		{"Ed25519", edCert, pkcs8(t, edKey)},
	} {
		if err := CheckPair([]byte(test.cert), []byte(test.key), now); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if err := CheckPair([]byte(rsaCert), []byte(pkcs8(t, edKey)), now); err == nil {
		t.Error("a key of another kind is taken")
	}
}
