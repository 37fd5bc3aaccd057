// SPDX-License-Identifier: Apache-2.0

// Package authority answers one question: whose is it? Everything the controller does to what it does not own outright -
// write or delete a Secret, issue for a name, serve a host, revoke a certificate - rests on a value of this package.
//
//	names := claims.Acquire(cert, judge)          // which DNS names belong to the certificate
//	right := authority.OfSecret(facts)            // what may be done to its Secret
//	if permit, ok := right.Write(); ok { ... }    // only this package makes permits
//
// Rights come from recorded facts: status.issued, status.ownedNames, an annotation on the Secret, a ReferenceGrant. That
// something was merely observed, such as an equal certificate or an equal host, never gives one. What is unclear is not
// allowed, and the refusal says why.
//
// The package decides and does nothing: it reads no API and writes nothing.
package authority
