// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// nowhere is the place of a key that is not in Vault.
var nowhere v1alpha1.KeyLocation

// placeText names a place in the mark on a Secret; empty: not in Vault.
func placeText(p v1alpha1.KeyLocation) string {
	if p == nowhere {
		return ""
	}
	return p.Issuer + " " + p.Mount + " " + p.Path
}

// presentPlace is where in Vault the key of the Secret's certificate is. The mark on the Secret names it, among wanted and those
// that are recorded: who may write the Secret must not lead the controller elsewhere. A Secret that has lost its marks has the
// key where it is wanted, if it was there before.
func presentPlace(secret *corev1.Secret, wanted v1alpha1.KeyLocation, recorded []v1alpha1.KeyLocation) v1alpha1.KeyLocation {
	if secret == nil {
		return nowhere
	}
	text, marked := secret.Annotations[v1alpha1.AnnotationVaultKV]
	switch {
	case marked && text == placeText(wanted):
		return wanted
	case marked:
		i := slices.IndexFunc(recorded, func(p v1alpha1.KeyLocation) bool { return placeText(p) == text })
		if i < 0 {
			return nowhere
		}
		return recorded[i]
	case slices.Contains(recorded, wanted):
		return wanted
	}
	return nowhere
}

// allPlaces are those recorded and the present one, which comes last.
func allPlaces(recorded []v1alpha1.KeyLocation, present v1alpha1.KeyLocation) []v1alpha1.KeyLocation {
	all := slices.Clone(recorded)
	if present != nowhere {
		all = append(slices.DeleteFunc(all, func(p v1alpha1.KeyLocation) bool { return p == present }), present)
	}
	return all
}
