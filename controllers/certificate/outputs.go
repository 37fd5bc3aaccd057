// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// The keys of a Secret beside those of its type, named as cert-manager names them.
const (
	keyCombined    = "tls-combined.pem"
	keyDER         = "key.der"
	keyJKS         = "keystore.jks"
	keyJKSTrust    = "truststore.jks"
	keyPKCS12      = "keystore.p12"
	keyPKCS12Trust = "truststore.p12"
)

// passwords are those of the keystores, with the versions of their Secrets: a digest of the password itself would give
// it away to whoever can guess.
type passwords struct {
	jks, pkcs12 password
}

type password struct {
	// The pointer keeps fmt out, which prints unexported fields without asking their methods.
	text    *string
	version string
}

// reveal is the password itself: never print it.
func (p password) reveal() string {
	if p.text == nil {
		return ""
	}
	return *p.text
}

// observePasswords reads the passwords of the keystores that are wanted.
func (r *Reconciler) observePasswords(ctx context.Context, o *observed) (err error) {
	jks, pkcs12 := o.keystores()
	if jks != nil {
		if o.passwords.jks, err = r.password(ctx, o, "spec.keystores.jks.passwordSecretRef", jks.PasswordSecretRef); err != nil {
			return err
		}
		if n := len(o.passwords.jks.reveal()); n > 0 && n < 6 {
			o.noPassword = &finding{v1alpha1.ReasonInvalidSpec, "spec.keystores.jks.passwordSecretRef: the password has less than the 6 characters that Java asks for: put a longer one there"}
		}
	}
	if pkcs12 != nil {
		o.passwords.pkcs12, err = r.password(ctx, o, "spec.keystores.pkcs12.passwordSecretRef", pkcs12.PasswordSecretRef)
	}
	return err
}

// keystores are those that are to be written, nil where not.
func (o *observed) keystores() (*v1alpha1.JKSKeystore, *v1alpha1.PKCS12Keystore) {
	stores := o.cert.Spec.Keystores
	if stores == nil {
		return nil, nil
	}
	jks, pkcs12 := stores.JKS, stores.PKCS12
	if jks != nil && !jks.Create {
		jks = nil
	}
	if pkcs12 != nil && !pkcs12.Create {
		pkcs12 = nil
	}
	return jks, pkcs12
}

func (r *Reconciler) password(ctx context.Context, o *observed, field string, ref v1alpha1.SecretKeySelector) (password, error) {
	secret := &corev1.Secret{}
	err := r.Live.Get(ctx, client.ObjectKey{Namespace: o.cert.Namespace, Name: ref.Name}, secret)
	if err != nil && !apierrors.IsNotFound(err) {
		return password{}, fmt.Errorf("password of a keystore: %w", err)
	}
	key := cmp.Or(ref.Key, "password")
	text := string(secret.Data[key])
	if text == "" {
		o.noPassword = &finding{v1alpha1.ReasonInvalidSpec, fmt.Sprintf("%s: there is no Secret %s with a password under key %s: create it, or correct name and key", field, ref.Name, key)}
	}
	return password{&text, string(secret.UID) + "/" + secret.ResourceVersion}, nil
}

// outputsDigest identifies what the further forms are made of, for the pair with this certificate; empty where none is
// wanted.
func (o *observed) outputsDigest(certPEM []byte) string {
	jks, pkcs12 := o.keystores()
	if len(o.cert.Spec.AdditionalOutputFormats) == 0 && jks == nil && pkcs12 == nil {
		return ""
	}
	text, _ := json.Marshal([]any{ // plain data always marshals
		o.cert.Spec.AdditionalOutputFormats, jks, pkcs12, o.passwords.jks.version, o.passwords.pkcs12.version, o.spec.Key.Encoding, certPEM,
	})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// wantedOutputs are the keys of the further forms that the Secret should hold.
func (o *observed) wantedOutputs() []string {
	jks, pkcs12 := o.keystores()
	var keys []string
	for _, format := range o.cert.Spec.AdditionalOutputFormats {
		keys = append(keys, map[string]string{v1alpha1.OutputCombinedPEM: keyCombined, v1alpha1.OutputDER: keyDER}[format.Type])
	}
	if jks != nil {
		keys = append(keys, keyJKS, keyJKSTrust)
	}
	if pkcs12 != nil {
		keys = append(keys, keyPKCS12, keyPKCS12Trust)
	}
	return keys
}

// outputs are the further forms of a pair by their keys in the Secret.
func (o *observed) outputs(m material) (map[string][]byte, error) {
	made := map[string][]byte{}
	for _, format := range o.cert.Spec.AdditionalOutputFormats {
		switch format.Type {
		case v1alpha1.OutputCombinedPEM:
			made[keyCombined] = bytes.Join([][]byte{m.key, m.cert}, []byte("\n"))
		case v1alpha1.OutputDER:
			if block, _ := pem.Decode(m.key); block != nil {
				made[keyDER] = block.Bytes
			}
		}
	}
	jks, pkcs12 := o.keystores()
	if jks == nil && pkcs12 == nil {
		return made, nil
	}
	bundle, err := certs.ParseBundle(m.cert, m.key, m.ca)
	if err != nil {
		return nil, err
	}
	if jks != nil {
		if err := addJKS(made, *jks, o.passwords.jks, bundle, m.issuedAt); err != nil {
			return nil, err
		}
	}
	if pkcs12 != nil {
		return made, addPKCS12(made, *pkcs12, o.passwords.pkcs12, bundle)
	}
	return made, nil
}

// outputProblem says why further forms cannot be had.
func (o *observed) outputProblem() *finding {
	if o.noPassword != nil {
		return o.noPassword
	}
	if o.keyOutside() && o.outputsDigest(nil) != "" {
		return &finding{v1alpha1.ReasonInvalidSpec, "spec.additionalOutputFormats and spec.keystores hold the private key, which spec.keyStorage keeps out of the Secret: drop them, or set keyStorage: Secret"}
	}
	return nil
}

func passwordKeys(object client.Object) []string {
	o := observed{cert: object.(*v1alpha1.ApisixCertificate)}
	var keys []string
	jks, pkcs12 := o.keystores()
	if jks != nil {
		keys = append(keys, object.GetNamespace()+"/"+jks.PasswordSecretRef.Name)
	}
	if pkcs12 != nil {
		keys = append(keys, object.GetNamespace()+"/"+pkcs12.PasswordSecretRef.Name)
	}
	return keys
}
