// SPDX-License-Identifier: Apache-2.0

// Package apisix is a client of the APISIX Admin API for ssl objects, the certificates that a gateway serves.
//
//	client, err := apisix.New(apisix.Options{
//		Endpoints: []string{"http://10.0.0.7:9180", "http://10.0.0.8:9180"},
//		AdminKey:  apisix.KeyFile("/etc/apisix-certs/admin-key"),
//	})
//	...
//	created, err := client.PutSSL(ctx, apisix.SSL{
//		ID: "shop", SNIs: []string{"shop.example.com"}, Cert: chainPEM, Key: keyPEM,
//	})
//	if apisix.IsConflict(err) {
//		// somebody else wrote the object: read it again
//	}
//
// The endpoints share one etcd. A request goes to the endpoint that answered last, and once to each other one
// where that one does not answer; there is no other retry, as the caller has a queue that backs off.
//
// APISIX stores whatever parses: a key of another certificate, an expired leaf, a chain in the wrong order.
// [CheckPair] finds these before a write. APISIX never gives a key back, so what is stored is compared by its
// certificate, and the rest is proven by a handshake.
//
// It speaks Admin API v3, which APISIX has since [LeastVersion]. An older one is told by the header X-API-Version, by Server or by the form
// of its answers, and gives an error of its own, see [IsOutdated] and [UpgradeOf]; nothing is taken from such an answer.
//
// What it does not do: it knows nothing of Kubernetes, never decides what should be stored, sends no conditional
// headers (APISIX applies the write and then answers 412), follows no redirect, and neither logs nor returns a
// body of an answer in an error, as APISIX echoes malformed JSON with its key.
package apisix
