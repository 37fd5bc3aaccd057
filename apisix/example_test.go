// SPDX-License-Identifier: Apache-2.0

package apisix_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

// selfSigned returns a certificate for host and its key, both PEM.
func selfSigned(host string) (cert, key string) {
	private, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	der, _ := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	keyDER, _ := x509.MarshalPKCS8PrivateKey(private)
	cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	key = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	return cert, key
}

// newGateway returns a test gateway and a client of its Admin API.
func newGateway() (*apisixtest.Server, *apisix.Client) {
	gateway, err := apisixtest.NewServer(apisixtest.Options{})
	if err != nil {
		panic(err)
	}
	client, err := apisix.New(apisix.Options{
		Endpoints: []string{gateway.AdminURL()},
		AdminKey:  apisix.StaticKey(gateway.AdminKey()),
	})
	if err != nil {
		panic(err)
	}
	return gateway, client
}

// Write a certificate to a gateway, and verify with a TLS handshake that it is served.
func Example() {
	gateway, err := apisixtest.NewServer(apisixtest.Options{}) // an APISIX in production
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gateway.Close()
	client, err := apisix.New(apisix.Options{
		Endpoints: []string{gateway.AdminURL()},
		AdminKey:  apisix.StaticKey(gateway.AdminKey()), // or apisix.KeyFile
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	cert, key := selfSigned("shop.example.com")
	if err := apisix.CheckPair([]byte(cert), []byte(key), time.Now()); err != nil {
		fmt.Println(err)
		return
	}
	created, err := client.PutSSL(context.Background(), apisix.SSL{
		ID: "shop", SNIs: []string{"shop.example.com"}, Cert: cert, Key: key,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("created:", created)

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(cert))
	conn, err := tls.Dial("tcp", gateway.TLSAddr(), &tls.Config{ServerName: "shop.example.com", RootCAs: roots})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()
	fmt.Println("served:", conn.ConnectionState().PeerCertificates[0].DNSNames)
	// Output:
	// created: true
	// served: [shop.example.com]
}

func ExampleNew_problems() {
	_, err := apisix.New(apisix.Options{Endpoints: []string{"ftp://gateway"}})
	fmt.Println(err)
	// Output:
	// endpoint "ftp://gateway" must begin with http://HOST or https://HOST
	// an admin key is required
}

func ExampleCheckPair() {
	cert, _ := selfSigned("shop.example.com")
	_, otherKey := selfSigned("shop.example.com")
	fmt.Println(apisix.CheckPair([]byte(cert), []byte(otherKey), time.Now()))
	// Output: the private key does not match the certificate
}

func ExampleClient_Probe() {
	gateway, client := newGateway()
	defer gateway.Close()
	mode, err := client.Probe(context.Background())
	fmt.Println(mode, err)
	// Output: etcd <nil>
}

func ExampleClient_PatchSSL() {
	gateway, client := newGateway()
	defer gateway.Close()
	ctx := context.Background()
	cert, key := selfSigned("shop.example.com")
	if _, err := client.PutSSL(ctx, apisix.SSL{ID: "shop", SNIs: []string{"shop.example.com"}, Cert: cert, Key: key}); err != nil {
		fmt.Println(err)
		return
	}

	cert, key = selfSigned("shop.example.com") // the renewed certificate
	err := client.PatchSSL(ctx, "shop", apisix.SSLPatch{Cert: cert, Key: key})
	if apisix.IsConflict(err) {
		fmt.Println("another client wrote the object: read it again")
		return
	}
	ssl, err := client.GetSSL(ctx, "shop")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ssl.Hosts(), ssl.Cert == cert, "key returned:", ssl.Key != "")
	// Output: [shop.example.com] true key returned: false
}

func ExampleListSSLsAs() {
	gateway, client := newGateway()
	defer gateway.Close()
	ctx := context.Background()
	for _, host := range []string{"a.example.com", "b.example.com"} {
		cert, key := selfSigned(host)
		if _, err := client.PutSSL(ctx, apisix.SSL{ID: host, SNIs: []string{host}, Cert: cert, Key: key}); err != nil {
			fmt.Println(err)
			return
		}
	}
	// Only the hosts of each object are held in memory.
	hosts, err := apisix.ListSSLsAs(ctx, client, func(ssl *apisix.SSL) []string { return ssl.Hosts() })
	fmt.Println(hosts, err)
	// Output: [[a.example.com] [b.example.com]] <nil>
}

func ExampleIsNotFound() {
	gateway, client := newGateway()
	defer gateway.Close()
	_, err := client.GetSSL(context.Background(), "shop")
	fmt.Println(apisix.IsNotFound(err))
	// Output: true
}

func ExampleIsUnavailable() {
	gateway, client := newGateway()
	defer gateway.Close()
	gateway.FailNext(1, http.StatusServiceUnavailable, `{"error_msg":"has no healthy etcd endpoint available"}`)
	err := client.DeleteSSL(context.Background(), "shop")
	fmt.Println(apisix.IsUnavailable(err), apisix.IsConflict(err)) // try again later, with a backoff
	// Output: true false
}

func ExampleUpgradeHint() {
	gateway, client := newGateway()
	defer gateway.Close()
	gateway.SetRelease(apisixtest.Before3)
	_, err := client.ListSSLs(context.Background())
	fmt.Println(apisix.IsOutdated(err))
	fmt.Println(apisix.UpgradeHint(err))
	// Output:
	// true
	// upgrade the gateway to APISIX 3.0.0 or later
}

func ExampleOptions_observe() {
	gateway, _ := newGateway()
	defer gateway.Close()
	client, err := apisix.New(apisix.Options{
		Endpoints: []string{gateway.AdminURL()},
		AdminKey:  apisix.StaticKey("wrong"),
		Observe: func(call apisix.Call) { // for metrics
			fmt.Println(call.Method, call.Resource, call.Status)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(apisix.IsUnauthorized(client.CheckWrite(context.Background())))
	// Output:
	// PATCH ssls 401
	// true
}
