// SPDX-License-Identifier: Apache-2.0

package apisixtest_test

import (
	"context"
	"fmt"
	"net/http"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
)

// Make a request fail, and read which requests the Admin API received.
func ExampleServer_FailNext() {
	gateway, err := apisixtest.NewServer(apisixtest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer gateway.Close()
	client, err := apisix.New(apisix.Options{
		Endpoints: []string{gateway.AdminURL()},
		AdminKey:  apisix.StaticKey(gateway.AdminKey()),
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	gateway.FailNext(1, http.StatusServiceUnavailable, `{"error_msg":"has no healthy etcd endpoint available"}`)
	for range 2 {
		_, err := client.ListSSLs(context.Background())
		fmt.Println("unavailable:", apisix.IsUnavailable(err))
	}
	for _, call := range gateway.Calls() {
		fmt.Println(call.Method, call.Path, call.Status)
	}
	// Output:
	// unavailable: true
	// unavailable: false
	// GET /apisix/admin/ssls 503
	// GET /apisix/admin/ssls 200
}
