// SPDX-License-Identifier: Apache-2.0

package source

import (
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// vaultPlace is what the CRD takes as a mount or a path of spec.vaultKV.
var vaultPlace = regexp.MustCompile(`^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$`)

// mostPlace is how long one may be there.
const mostPlace = 128

// vaultKVAnnotations are those that go with VaultKV alone.
var vaultKVAnnotations = []string{
	v1alpha1.AnnotationVaultKVTokenSecret, v1alpha1.AnnotationVaultKVTokenKey, v1alpha1.AnnotationVaultKVMount, v1alpha1.AnnotationVaultKVPath,
}

// keyStorage is where the private key is kept, and the place in Vault where that is VaultKV. With a problem it is neither:
// the API server would refuse the certificate that is to carry the problem.
func (p *parser) keyStorage(key *v1alpha1.PrivateKey) (v1alpha1.KeyStorage, *v1alpha1.VaultKV) {
	before := len(p.problems)
	where := v1alpha1.KeyStorage(p.oneOf(v1alpha1.AnnotationKeyStorage, string(v1alpha1.KeyInSecret), string(v1alpha1.KeyAtGateway), string(v1alpha1.KeyInVaultKV)))
	var kv *v1alpha1.VaultKV
	if where == v1alpha1.KeyInVaultKV {
		kv = p.vaultKV()
	} else {
		p.excess(vaultKVAnnotations, "belongs to "+v1alpha1.AnnotationKeyStorage+" VaultKV: set that, or remove it")
	}
	if outside(where) && key != nil && key.RotationPolicy == v1alpha1.RotationNever {
		p.problem(v1alpha1.AnnotationKeyStorage, string(where)+" excludes "+v1alpha1.AnnotationKeyRotationPolicy+" Never, as a key that is kept there cannot be read to be used again: remove one")
	}
	if len(p.problems) > before {
		return "", nil
	}
	return where, kv
}

// excess finds fault with those of keys that are set.
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
		p.problem(v1alpha1.AnnotationKeyStorage, "VaultKV needs "+v1alpha1.AnnotationVaultKVTokenSecret+": name there the Secret with the Vault token with which the gateway reads")
	case len(validation.IsDNS1123Subdomain(name)) > 0:
		p.problem(v1alpha1.AnnotationVaultKVTokenSecret, quote(name)+" cannot be the name of a Secret: name the one with the Vault token with which the gateway reads")
	}
	return kv
}

func (p *parser) vaultPlace(annotation string) string {
	text := p.text(annotation)
	if text != "" && (!vaultPlace.MatchString(text) || len(text) > mostPlace) {
		p.problem(annotation, quote(text)+" is no place in Vault: write at most 128 letters, digits, ., _ and -, with / between its parts, none of which begins with a .")
		return ""
	}
	return text
}

// outside tells whether a key is kept outside of its Secret.
func outside(where v1alpha1.KeyStorage) bool { return where != "" && where != v1alpha1.KeyInSecret }
