// SPDX-License-Identifier: Apache-2.0

// Package authority decides ownership. Everything the controller does to what it does not own outright - write or delete a
// Secret, issue for a name, serve a host, revoke a certificate - requires a value of this package.
//
//	names := claims.Acquire(cert, judge)          // the DNS names that belong to the certificate
//	right := authority.OfSecret(facts)            // what may be done to its Secret
//	if permit, ok := right.Write(); ok { ... }    // only this package creates permits
//
// Rights come from recorded facts: status.issued, status.ownedNames, an annotation on the Secret, a ReferenceGrant. An
// observation, such as an equal certificate or an equal host, never gives a right. What is unclear is not allowed, and the
// refusal says why.
//
// The package only decides: it reads no API and writes nothing.
package authority
