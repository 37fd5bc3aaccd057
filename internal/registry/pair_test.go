// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// registryTarget is a target with a pair of its own.
func registryTarget(t *testing.T, host string) gateway.Target {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(time.Hour)
	leaf := certstest.NewCA(t, "root", end.Add(time.Hour)).Sign(t, &x509.Certificate{DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Minute), NotAfter: end}, key.Public())
	return gateway.Target{
		Namespace: "default", Name: "shop", UID: "0-" + host, SecretName: "shop", Hosts: []string{host},
		Pair: gateway.Pair{
			Cert: certstest.PEM(leaf), Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
			Fingerprint: certs.Fingerprint(leaf), Serial: certs.Serial(leaf),
		},
	}
}
