// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "cmp"

// Older reports whether a was created before b. If both were created in the same second, the one whose namespace, then
// name, sorts first is older. A host or Secret that no ApisixCertificate owns yet goes to the oldest that names it.
func Older(a, b *ApisixCertificate) bool {
	return cmp.Or(
		a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Name, b.Name),
	) < 0
}
