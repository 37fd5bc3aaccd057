// SPDX-License-Identifier: Apache-2.0

// Package apisix is a client of the APISIX Admin API for ssl objects, the certificates that a gateway serves.
//
//	client, err := apisix.New(apisix.Options{
//		Endpoints: []string{"http://10.0.0.7:9180", "http://10.0.0.8:9180"},
//		AdminKey:  apisix.KeyFile("/etc/apisix-certs/admin-key"),
//	})
//	...
//	if err := apisix.CheckPair(chainPEM, keyPEM, time.Now()); err != nil {
//		return err
//	}
//	created, err := client.PutSSL(ctx, apisix.SSL{
//		ID: "shop", SNIs: []string{"shop.example.com"}, Cert: string(chainPEM), Key: string(keyPEM),
//	})
//
// # Endpoints and retries
//
// The endpoints of a [Client] share one etcd. A request goes to the endpoint that responded last, and once to each of the
// others if that one does not respond. There are no further retries: callers have a queue that backs off.
//
// # Certificates and keys
//
// APISIX stores whatever it can parse: a key of another certificate, an expired leaf, a chain in the wrong order.
// [CheckPair] finds these before a write. APISIX never returns a private key, so compare a stored object by its
// certificate, and check the key with a TLS handshake.
//
// # Errors
//
// Errors are an [APIError], a [NetworkError], a [KeyError] or an [IDError]. Use [IsNotFound], [IsConflict], [IsUnavailable]
// and the similar functions to distinguish them. No error contains a response body, as APISIX echoes malformed JSON with
// the key in it.
//
// # Versions
//
// The client requires Admin API v3, which APISIX has since [MinVersion]. An older one is recognized by the header
// X-API-Version, by Server or by the form of its responses, and causes an error of its own; see [IsOutdated] and
// [UpgradeHint].
//
// # Limits
//
// The package knows nothing of Kubernetes and does not decide what is stored. It sends no conditional headers, as APISIX
// applies the write and then responds with 412. It follows no redirects and does not log.
package apisix
