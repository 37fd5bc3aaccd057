// SPDX-License-Identifier: Apache-2.0

package source

import (
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// vaultPlace is the CRD's pattern for a mount or a path of spec.vaultKV.
var vaultPlace = regexp.MustCompile(`^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$`)

// mostPlace is their maximum length.
const mostPlace = 128

// vaultKVAnnotations are the annotations that require VaultKV.
var vaultKVAnnotations = []string{
	v1alpha1.AnnotationVaultKVTokenSecret, v1alpha1.AnnotationVaultKVTokenKey, v1alpha1.AnnotationVaultKVMount, v1alpha1.AnnotationVaultKVPath,
}

// keyStorage returns where the private key is stored, and the location in Vault for VaultKV. It returns neither if there is a
// problem, as the API server would reject the certificate that is to report it.
func (p *parser) keyStorage(key *v1alpha1.PrivateKey) (v1alpha1.KeyStorage, *v1alpha1.VaultKV) {
	before := len(p.problems)
	where := v1alpha1.KeyStorage(p.oneOf(v1alpha1.AnnotationKeyStorage, string(v1alpha1.KeyInSecret), string(v1alpha1.KeyAtGateway), string(v1alpha1.KeyInVaultKV)))
	var kv *v1alpha1.VaultKV
	if where == v1alpha1.KeyInVaultKV {
		kv = p.vaultKV()
	} else {
		p.excess(vaultKVAnnotations, "requires "+v1alpha1.AnnotationKeyStorage+" VaultKV: set it, or remove this one")
	}
	if outside(where) && key != nil && key.RotationPolicy == v1alpha1.RotationNever {
		p.problem(v1alpha1.AnnotationKeyStorage, string(where)+" cannot be combined with "+v1alpha1.AnnotationKeyRotationPolicy+" Never, as a key that is stored there cannot be read back: remove one")
	}
	if len(p.problems) > before {
		return "", nil
	}
	return where, kv
}

// excess reports a problem for those of keys that are set.
func (p *parser) excess(keys []string, what string) {
	for _, key := range keys {
		if p.text(key) != "" {
			p.problem(key, what)
		}
	}
}

func (p *parser) vaultKV() *v1alpha1.VaultKV {
	kv := &v1alpha1.VaultKV{
		Mount: p.vaultPlace(v1alpha1.AnnotationVaultKVMount), Path: p.vaultPlace(v1alpha1.AnnotationVaultKVPath),
		TokenSecretRef: v1alpha1.SecretKeySelector{Name: p.text(v1alpha1.AnnotationVaultKVTokenSecret), Key: p.text(v1alpha1.AnnotationVaultKVTokenKey)},
	}
	switch name := kv.TokenSecretRef.Name; {
	case name == "":
		p.problem(v1alpha1.AnnotationKeyStorage, "VaultKV requires "+v1alpha1.AnnotationVaultKVTokenSecret+": set it to the Secret with the Vault token that the gateway reads with")
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		p.problem(v1alpha1.AnnotationVaultKVTokenSecret, quote(name)+" is not a valid name of a Secret: set the Secret with the Vault token that the gateway reads with")
	}
	return kv
}

func (p *parser) vaultPlace(annotation string) string {
	text := p.text(annotation)
	if text != "" && (!vaultPlace.MatchString(text) || len(text) > mostPlace) {
		p.problem(annotation, quote(text)+" is not a valid location in Vault: use at most 128 letters, digits, ., _ and -, with / between parts that do not begin with a .")
		return ""
	}
	return text
}

// outside reports whether a key is stored outside of its Secret.
func outside(where v1alpha1.KeyStorage) bool { return where != "" && where != v1alpha1.KeyInSecret }
