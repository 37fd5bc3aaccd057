// SPDX-License-Identifier: Apache-2.0

// Package clientca writes the CAs of an issuer to the Secrets with which ApisixTlses verify client certificates
// (spec.client.caSecret), if annotation client-ca names an issuer.
//
//	kind: ApisixTls
//	metadata: {annotations: {apisix-certs.io/client-ca: vault}}
//	spec: {client: {caSecret: {name: clients, namespace: shop}}}
//
// When the CA of the issuer is rotated, the Secret contains the old and the new CA until the last certificate that the old one is
// known to have signed has expired. The pure function makeBundle decides which CAs a Secret contains, and the pure function
// makePlan what to do.
//
// It only writes to Secrets that it created, and never to an ApisixTls. It does not know certificates that clients get from the
// issuer by other means: for these the old CA may be removed too early.
package clientca
