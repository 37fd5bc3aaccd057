// SPDX-License-Identifier: Apache-2.0

// Package clientca fills the Secrets by which ApisixTlses verify the certificates of clients (spec.client.caSecret) with the CAs of
// an issuer, where annotation client-ca names one.
//
//	kind: ApisixTls
//	metadata: {annotations: {apisix-certs.io/client-ca: vault}}
//	spec: {client: {caSecret: {name: clients, namespace: shop}}}
//
// When the issuer gets another CA, the Secret holds the old and the new one until the last certificate that the old one is known
// to have signed has expired. Which CAs a Secret should hold is decided by one pure function, makeBundle; what is to be done, by
// another, makePlan.
//
// It writes no Secret that it did not make, and never to an ApisixTls. Clients that get certificates of the issuer elsewhere are
// not known here: for them the old CA may go too soon.
package clientca
