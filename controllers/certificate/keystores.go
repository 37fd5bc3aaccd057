// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// addJKS writes the pair as a Java keystore, and its CA as a truststore.
func addJKS(made map[string][]byte, spec v1alpha1.JKSKeystore, secret password, b certs.Bundle, at time.Time) error {
	der, err := x509.MarshalPKCS8PrivateKey(b.Key.Signer())
	if err != nil {
		return fmt.Errorf("keystore: %w", certs.ErrKeyKind)
	}
	entry := keystore.PrivateKeyEntry{CreationTime: at, PrivateKey: der, CertificateChain: []keystore.Certificate{jksCertificate(b.Leaf)}}
	for _, cert := range slices.Concat(b.Intermediates, above(b)) {
		entry.CertificateChain = append(entry.CertificateChain, jksCertificate(cert))
	}
	store := keystore.New(keystore.WithOrderedAliases())
	if err := store.SetPrivateKeyEntry(cmp.Or(spec.Alias, "certificate"), entry, []byte(secret.reveal())); err != nil {
		return fmt.Errorf("Java keystore: %w", err)
	}
	if made[keyJKS], err = jksBytes(store, secret); err != nil || len(b.CA) == 0 {
		return err
	}
	trust := keystore.New(keystore.WithOrderedAliases())
	for i, cert := range b.CA {
		alias := "ca"
		if i > 0 {
			alias = fmt.Sprintf("ca-%d", i)
		}
		if err := trust.SetTrustedCertificateEntry(alias, keystore.TrustedCertificateEntry{CreationTime: at, Certificate: jksCertificate(cert)}); err != nil {
			return fmt.Errorf("Java truststore: %w", err)
		}
	}
	made[keyJKSTrust], err = jksBytes(trust, secret)
	return err
}

func jksCertificate(cert *x509.Certificate) keystore.Certificate {
	return keystore.Certificate{Type: "X509", Content: cert.Raw}
}

func jksBytes(store keystore.KeyStore, secret password) ([]byte, error) {
	var out bytes.Buffer
	if err := store.Store(&out, []byte(secret.reveal())); err != nil {
		return nil, fmt.Errorf("Java keystore: %w", err)
	}
	return out.Bytes(), nil
}

// above are the CAs that are not among the intermediates already.
func above(b certs.Bundle) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(b.CA), func(ca *x509.Certificate) bool {
		return ca.Equal(b.Leaf) || slices.ContainsFunc(b.Intermediates, ca.Equal)
	})
}

var pkcs12Profiles = map[string]*pkcs12.Encoder{
	"": pkcs12.LegacyRC2, "LegacyRC2": pkcs12.LegacyRC2, "LegacyDES": pkcs12.LegacyDES, "Modern2023": pkcs12.Modern2023,
}

// addPKCS12 writes the pair as PKCS #12, and its CA as another.
func addPKCS12(made map[string][]byte, spec v1alpha1.PKCS12Keystore, secret password, b certs.Bundle) (err error) {
	encoder := pkcs12Profiles[spec.Profile]
	if encoder == nil {
		return certs.FieldError{Field: "keystores.pkcs12.profile", Problem: "is not known", Mend: "use LegacyRC2, LegacyDES or Modern2023"}
	}
	unfit := certs.FieldError{Field: "keystores.pkcs12.passwordSecretRef", Problem: "names a password that cannot be written in PKCS #12", Mend: "use characters of the basic plane of Unicode"}
	if made[keyPKCS12], err = encoder.Encode(b.Key.Signer(), b.Leaf, slices.Concat(b.Intermediates, above(b)), secret.reveal()); err != nil {
		return unfit
	}
	if len(b.CA) == 0 {
		return nil
	}
	if made[keyPKCS12Trust], err = encoder.EncodeTrustStore(b.CA, secret.reveal()); err != nil {
		return unfit
	}
	return nil
}
