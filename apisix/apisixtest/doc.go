// SPDX-License-Identifier: Apache-2.0

// Package apisixtest is a stand-in for Apache APISIX in tests and demos: its Admin API and its TLS port, in memory and
// in this process. It is not APISIX and proxies nothing. It is held to recordings of a real APISIX 3.18.0, which lie
// in testdata: a test replays every exchange and compares status and body.
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
// What is as in APISIX: the ssl objects of the Admin API (or the configs of API-driven standalone mode) with their
// checks and messages, what is shown of keys, paging, merge patches, secret references to Vault, and which certificate
// a handshake gets. Of the other resources only storing and reading is there, without their rules, so that an ingress
// controller can run against it.
//
// What is not: routes are never followed, each HTTPS request is answered with a line of JSON about the connection. A
// PATCH beside another write never conflicts (use [Server.FailNext]). A server name with a final dot is refused, as
// the TLS server of Go refuses it.
package apisixtest
