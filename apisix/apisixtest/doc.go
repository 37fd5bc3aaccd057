// SPDX-License-Identifier: Apache-2.0

// Package apisixtest is an in-memory imitation of Apache APISIX for tests and demos: its Admin API and its TLS port, in
// this process. It proxies no requests. A test replays recordings of a real APISIX 3.18.0 (in testdata) and compares status
// and body of every response.
//
//	gateway, err := apisixtest.NewServer(apisixtest.Options{})
//	...
//	defer gateway.Close()
//	client, err := apisix.New(apisix.Options{
//		Endpoints: []string{gateway.AdminURL()}, AdminKey: apisix.StaticKey(gateway.AdminKey()),
//	})
//	...
//	gateway.FailNext(2, 503, `{"error_msg":"has no healthy etcd endpoint available"}`)
//	...
//	conn, err := tls.Dial("tcp", gateway.TLSAddr(), &tls.Config{ServerName: "shop.example.com", RootCAs: roots})
//
// # What is imitated
//
// The ssl objects of the Admin API, or the configs of API-driven standalone mode, with their validation and error messages;
// which fields of keys are returned; paging; merge patches; secret references to Vault; and which certificate a handshake
// receives. Other resources are stored and read without validation, so that an ingress controller can use the server.
//
// # What is not
//
// Routes are not followed: the response to each HTTPS request is a line of JSON about the connection. Concurrent PATCH
// requests never conflict; use [Server.FailNext] for that. A server name with a final dot is rejected, as Go's TLS server
// rejects it.
package apisixtest
