// SPDX-License-Identifier: Apache-2.0

package tlssecret

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	"software.sslmate.com/src/go-pkcs12"

	"apisix-certs.io/apisix-certs/certs"
)

// javaStores returns the pair as a Java keystore, and its CA as a truststore, nil if it is not known. An empty alias means
// "certificate".
func javaStores(b certs.Bundle, alias string, secret password, at time.Time) (store, trust []byte, err error) {
	der, err := x509.MarshalPKCS8PrivateKey(b.Key.Signer())
	if err != nil {
		return nil, nil, fmt.Errorf("keystore: %w", certs.ErrKeyKind)
	}
	entry := keystore.PrivateKeyEntry{CreationTime: at, PrivateKey: der}
	for _, cert := range slices.Concat([]*x509.Certificate{b.Leaf}, b.Intermediates, extraCAs(b)) {
		entry.CertificateChain = append(entry.CertificateChain, javaCertificate(cert))
	}
	keys := keystore.New(keystore.WithOrderedAliases())
	if err := keys.SetPrivateKeyEntry(cmp.Or(alias, "certificate"), entry, []byte(secret.reveal())); err != nil {
		return nil, nil, fmt.Errorf("Java keystore: %w", err)
	}
	if store, err = javaBytes(keys, secret); err != nil {
		return nil, nil, err
	}
	trust, err = javaTrust(b.CA, secret, at)
	return store, trust, err
}

func javaTrust(ca []*x509.Certificate, secret password, at time.Time) ([]byte, error) {
	if len(ca) == 0 {
		return nil, nil
	}
	trust := keystore.New(keystore.WithOrderedAliases())
	for i, cert := range ca {
		alias := "ca"
		if i > 0 {
			alias = fmt.Sprintf("ca-%d", i)
		}
		if err := trust.SetTrustedCertificateEntry(alias, keystore.TrustedCertificateEntry{CreationTime: at, Certificate: javaCertificate(cert)}); err != nil {
			return nil, fmt.Errorf("Java truststore: %w", err)
		}
	}
	return javaBytes(trust, secret)
}

func javaCertificate(cert *x509.Certificate) keystore.Certificate {
	return keystore.Certificate{Type: "X509", Content: cert.Raw}
}

func javaBytes(store keystore.KeyStore, secret password) ([]byte, error) {
	var out bytes.Buffer
	if err := store.Store(&out, []byte(secret.reveal())); err != nil {
		return nil, fmt.Errorf("Java keystore: %w", err)
	}
	return out.Bytes(), nil
}

// extraCAs returns the CAs that are not among the intermediates.
func extraCAs(b certs.Bundle) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(b.CA), func(ca *x509.Certificate) bool {
		return ca.Equal(b.Leaf) || slices.ContainsFunc(b.Intermediates, ca.Equal)
	})
}

var pkcs12Profiles = map[string]*pkcs12.Encoder{
	"": pkcs12.LegacyRC2, "LegacyRC2": pkcs12.LegacyRC2, "LegacyDES": pkcs12.LegacyDES, "Modern2023": pkcs12.Modern2023,
}

// pkcs12Stores returns the pair as PKCS #12, and its CA as a truststore, nil if it is not known.
func pkcs12Stores(b certs.Bundle, profile string, secret password) (store, trust []byte, err error) {
	encoder := pkcs12Profiles[profile]
	if encoder == nil {
		return nil, nil, certs.FieldError{Field: "keystores.pkcs12.profile", Problem: "is not known", Fix: "use LegacyRC2, LegacyDES or Modern2023"}
	}
	unfit := certs.FieldError{Field: "keystores.pkcs12.passwordSecretRef", Problem: "refers to a password that PKCS #12 cannot encode", Fix: "use characters of the Unicode Basic Multilingual Plane"}
	if store, err = encoder.Encode(b.Key.Signer(), b.Leaf, slices.Concat(b.Intermediates, extraCAs(b)), secret.reveal()); err != nil {
		return nil, nil, unfit
	}
	if len(b.CA) == 0 {
		return store, nil, nil
	}
	if trust, err = encoder.EncodeTrustStore(b.CA, secret.reveal()); err != nil {
		return nil, nil, unfit
	}
	return store, trust, nil
}
