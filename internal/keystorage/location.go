// SPDX-License-Identifier: Apache-2.0

package keystorage

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// noLocation is the location of a key that is not in Vault.
var noLocation v1alpha1.KeyLocation

// locationText is the value of a location in the Secret's annotation. It is empty for a key that is not in Vault.
func locationText(p v1alpha1.KeyLocation) string {
	if p == noLocation {
		return ""
	}
	return p.Issuer + " " + p.Mount + " " + p.Path
}

// presentLocation returns where in Vault the key of the Secret's certificate is. The Secret's annotation selects it among
// wanted and the recorded locations, so that a writer of the Secret cannot direct the controller elsewhere. For a Secret
// without the annotation it is the wanted location, if that is recorded.
func presentLocation(secret *corev1.Secret, wanted v1alpha1.KeyLocation, recorded []v1alpha1.KeyLocation) v1alpha1.KeyLocation {
	if secret == nil {
		return noLocation
	}
	text, marked := secret.Annotations[v1alpha1.AnnotationVaultKV]
	switch {
	case marked && text == locationText(wanted):
		return wanted
	case marked:
		i := slices.IndexFunc(recorded, func(p v1alpha1.KeyLocation) bool { return locationText(p) == text })
		if i < 0 {
			return noLocation
		}
		return recorded[i]
	case slices.Contains(recorded, wanted):
		return wanted
	}
	return noLocation
}

// allLocations returns the recorded locations with the present one last.
func allLocations(recorded []v1alpha1.KeyLocation, present v1alpha1.KeyLocation) []v1alpha1.KeyLocation {
	all := slices.Clone(recorded)
	if present != noLocation {
		all = append(slices.DeleteFunc(all, func(p v1alpha1.KeyLocation) bool { return p == present }), present)
	}
	return all
}
