// SPDX-License-Identifier: Apache-2.0

package tlssecret

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/finding"
)

// Additional keys of a Secret, named as in cert-manager.
const (
	keyCombined    = "tls-combined.pem"
	keyDER         = "key.der"
	keyJKS         = "keystore.jks"
	keyJKSTrust    = "truststore.jks"
	keyPKCS12      = "keystore.p12"
	keyPKCS12Trust = "truststore.p12"
)

// Forms are the additional output formats of a pair (spec.additionalOutputFormats and spec.keystores), with their passwords,
// which are printed neither by fmt nor as JSON. The zero value has none.
type Forms struct {
	formats []v1alpha1.OutputFormat
	// jks and pkcs12 are nil if not wanted.
	jks            *v1alpha1.JKSKeystore
	pkcs12         *v1alpha1.PKCS12Keystore
	jksPassword    password
	pkcs12Password password
	problem        *finding.Finding
}

// ReadForms returns the output formats of a certificate's Secret with their passwords. keyOutside means that the key is not
// in the Secret. live reads from the API server. Errors are those of Kubernetes; a missing password is a Problem.
func ReadForms(ctx context.Context, live client.Reader, cert *v1alpha1.ApisixCertificate, keyOutside bool) (Forms, error) {
	f := formsOf(cert)
	if keyOutside && f.wanted() {
		f.problem = finding.New(v1alpha1.ReasonInvalidSpec, "spec.additionalOutputFormats and spec.keystores contain the private key, which spec.keyStorage keeps out of the Secret; remove them, or set keyStorage: Secret")
		return f, nil
	}
	return f, f.readPasswords(ctx, live, cert.Namespace)
}

func formsOf(cert *v1alpha1.ApisixCertificate) Forms {
	f := Forms{formats: cert.Spec.AdditionalOutputFormats}
	stores := cert.Spec.Keystores
	if stores == nil {
		return f
	}
	if stores.JKS != nil && stores.JKS.Create {
		f.jks = stores.JKS
	}
	if stores.PKCS12 != nil && stores.PKCS12.Create {
		f.pkcs12 = stores.PKCS12
	}
	return f
}

func (f Forms) wanted() bool { return len(f.formats) > 0 || f.jks != nil || f.pkcs12 != nil }

// minJKSPassword is the minimum length in bytes that Java requires.
const minJKSPassword = 6

func (f *Forms) readPasswords(ctx context.Context, live client.Reader, namespace string) (err error) {
	if f.jks != nil {
		if f.jksPassword, err = readPassword(ctx, live, namespace, f.jks.PasswordSecretRef); err != nil {
			return err
		}
		f.problem = f.jksPassword.missing("spec.keystores.jks.passwordSecretRef", f.jks.PasswordSecretRef)
		if f.problem == nil && len(f.jksPassword.reveal()) < minJKSPassword {
			f.problem = finding.New(v1alpha1.ReasonInvalidSpec, "spec.keystores.jks.passwordSecretRef: the password is shorter than the 6 characters that Java requires; use a longer one")
		}
	}
	if f.pkcs12 != nil {
		if f.pkcs12Password, err = readPassword(ctx, live, namespace, f.pkcs12.PasswordSecretRef); err != nil {
			return err
		}
		if f.problem == nil {
			f.problem = f.pkcs12Password.missing("spec.keystores.pkcs12.passwordSecretRef", f.pkcs12.PasswordSecretRef)
		}
	}
	return nil
}

// PasswordSecrets returns the Secrets with the passwords of a certificate's keystores, NAMESPACE/NAME, for an index.
func PasswordSecrets(cert *v1alpha1.ApisixCertificate) []string {
	f := formsOf(cert)
	var keys []string
	if f.jks != nil {
		keys = append(keys, cert.Namespace+"/"+f.jks.PasswordSecretRef.Name)
	}
	if f.pkcs12 != nil {
		keys = append(keys, cert.Namespace+"/"+f.pkcs12.PasswordSecretRef.Name)
	}
	return keys
}

// Problem returns why the formats cannot be written, or nil.
func (f Forms) Problem() *finding.Finding { return f.problem }

// Digest identifies the formats for the pair with this certificate and a key in this encoding. It is empty if there are
// none. It has the versions of the password Secrets: a digest of a password could be brute-forced.
func (f Forms) Digest(certPEM []byte, encoding certs.Encoding) string {
	if !f.wanted() {
		return ""
	}
	text, _ := json.Marshal([]any{ // plain data always marshals
		f.formats, f.jks, f.pkcs12, f.jksPassword.version, f.pkcs12Password.version, encoding, certPEM,
	})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Keys returns the Secret's keys of the formats. A truststore is only written if the CA is known.
func (f Forms) Keys() []string {
	var keys []string
	for _, format := range f.formats {
		keys = append(keys, map[string]string{v1alpha1.OutputCombinedPEM: keyCombined, v1alpha1.OutputDER: keyDER}[format.Type])
	}
	if f.jks != nil {
		keys = append(keys, keyJKS, keyJKSTrust)
	}
	if f.pkcs12 != nil {
		keys = append(keys, keyPKCS12, keyPKCS12Trust)
	}
	return keys
}

// Make returns the formats of a pair by their keys in the Secret. All arguments are PEM, caPEM may be empty; issuedAt is the
// date of the entries in a Java keystore. Errors are a certs.FieldError, or those of package certs if the pair cannot be
// parsed.
func (f Forms) Make(certPEM, keyPEM, caPEM []byte, issuedAt time.Time) (map[string][]byte, error) {
	made := map[string][]byte{}
	for _, format := range f.formats {
		switch format.Type {
		case v1alpha1.OutputCombinedPEM:
			made[keyCombined] = bytes.Join([][]byte{keyPEM, certPEM}, []byte("\n"))
		case v1alpha1.OutputDER:
			if block, _ := pem.Decode(keyPEM); block != nil {
				made[keyDER] = block.Bytes
			}
		}
	}
	if f.jks == nil && f.pkcs12 == nil {
		return made, nil
	}
	bundle, err := certs.ParseBundle(certPEM, keyPEM, caPEM)
	if err != nil {
		return nil, err
	}
	if f.jks != nil {
		if made[keyJKS], made[keyJKSTrust], err = javaStores(bundle, f.jks.Alias, f.jksPassword, issuedAt); err != nil {
			return nil, err
		}
	}
	if f.pkcs12 != nil {
		if made[keyPKCS12], made[keyPKCS12Trust], err = pkcs12Stores(bundle, f.pkcs12.Profile, f.pkcs12Password); err != nil {
			return nil, err
		}
	}
	for _, trust := range []string{keyJKSTrust, keyPKCS12Trust} {
		if len(made[trust]) == 0 {
			delete(made, trust)
		}
	}
	return made, nil
}
