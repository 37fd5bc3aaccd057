// SPDX-License-Identifier: Apache-2.0

package handshake_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"apisix-certs.io/apisix-certs/handshake"
)

// Example checks that a server presents the expected certificate.
func Example() {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	expected := server.Certificate()

	seen, err := handshake.Probe{Timeout: 5 * time.Second}.Do(context.Background(), server.Listener.Addr().String(), "example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(seen.Leaf.Equal(expected))
	// Output: true
}

func ExampleProbe_Do() {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()

	seen, err := handshake.Probe{}.Do(context.Background(), server.Listener.Addr().String(), "example.com")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(seen.Leaf.Subject, seen.Leaf.DNSNames)
	// Output: O=Acme Co [example.com *.example.com]
}

func ExampleError() {
	server := httptest.NewServer(http.NotFoundHandler()) // without TLS
	defer server.Close()

	_, err := handshake.Probe{}.Do(context.Background(), server.Listener.Addr().String(), "example.com")
	var failed *handshake.Error
	if errors.As(err, &failed) && failed.Cause == handshake.NotTLS {
		fmt.Println(err)
	}
	// Output: the port does not speak TLS
}
