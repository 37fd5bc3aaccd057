// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"

	"github.com/pavlo-v-chernykh/keystore-go/v4"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"software.sslmate.com/src/go-pkcs12"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

const storePassword = "correct horse"

// stores wants everything.
func stores(s *scene) {
	s.cert.Spec.AdditionalOutputFormats = []v1alpha1.OutputFormat{{Type: v1alpha1.OutputCombinedPEM}, {Type: v1alpha1.OutputDER}}
	s.cert.Spec.Keystores = &v1alpha1.Keystores{JKS: &v1alpha1.JKSKeystore{Create: true}, PKCS12: &v1alpha1.PKCS12Keystore{Create: true}}
	s.passwords = passwords{password{ptr.To(storePassword), "uid/1"}, password{ptr.To(storePassword), "uid/1"}}
}

// made is the material of the Secret, with its further forms.
func (s *scene) made(t *testing.T) material {
	t.Helper()
	m := material{cert: s.secret.Data[corev1.TLSCertKey], key: s.secret.Data[corev1.TLSPrivateKeyKey], ca: s.secret.Data[corev1.ServiceAccountRootCAKey], issuedAt: now}
	var err error
	if m.outputs, err = s.outputs(m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOutputs(t *testing.T) {
	for profile := range pkcs12Profiles {
		s := fits(t, stores)
		s.cert.Spec.Keystores.PKCS12.Profile = profile
		m := s.made(t)
		bundle, err := certs.ParseBundle(m.cert, m.key, m.ca)
		if err != nil {
			t.Fatal(err)
		}
		if want := string(m.key) + "\n" + string(m.cert); string(m.outputs[keyCombined]) != want {
			t.Error("tls-combined.pem is not key and chain")
		}
		if key, err := x509.ParsePKCS8PrivateKey(m.outputs[keyDER]); err != nil || !bundle.Key.Public().(*ecdsa.PublicKey).Equal(key.(*ecdsa.PrivateKey).Public()) {
			t.Errorf("key.der: %v", err)
		}
		key, leaf, above, err := pkcs12.DecodeChain(m.outputs[keyPKCS12], storePassword)
		if err != nil || !leaf.Equal(bundle.Leaf) || len(above) != 1 || !bundle.Key.Public().(*ecdsa.PublicKey).Equal(key.(*ecdsa.PrivateKey).Public()) {
			t.Errorf("%q keystore.p12: %v, %d above", profile, err, len(above))
		}
		if trust, err := pkcs12.DecodeTrustStore(m.outputs[keyPKCS12Trust], storePassword); err != nil || len(trust) != 1 || !trust[0].Equal(s.ca.Cert) {
			t.Errorf("%q truststore.p12: %v", profile, err)
		}
		store := keystore.New()
		if err := store.Load(bytes.NewReader(m.outputs[keyJKS]), []byte(storePassword)); err != nil {
			t.Fatal(err)
		}
		entry, err := store.GetPrivateKeyEntry("certificate", []byte(storePassword))
		if err != nil || len(entry.CertificateChain) != 2 || !bytes.Equal(entry.CertificateChain[0].Content, bundle.Leaf.Raw) {
			t.Errorf("keystore.jks: %v", err)
		}
		trust := keystore.New()
		if err := trust.Load(bytes.NewReader(m.outputs[keyJKSTrust]), []byte(storePassword)); err != nil || !trust.IsTrustedCertificateEntry("ca") {
			t.Errorf("truststore.jks: %v", err)
		}
	}
}

// TestOutputsAreWrittenOnce: the Secret is written for what changes in them, and rests then.
func TestOutputsAreWrittenOnce(t *testing.T) {
	for name, change := range map[string]func(*scene){
		"wanted":          func(*scene) {},
		"other password":  func(s *scene) { s.passwords.jks.version = "uid/2" },
		"other alias":     func(s *scene) { s.cert.Spec.Keystores.JKS.Alias = "web" },
		"no JKS any more": func(s *scene) { s.cert.Spec.Keystores.JKS.Create = false },
		"no more at all":  func(s *scene) { s.cert.Spec.Keystores, s.cert.Spec.AdditionalOutputFormats = nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := fits(t)
			if name != "wanted" {
				stores(s)
				s.secret = s.secretWith(s.made(t))
				s.secret.Annotations[v1alpha1.AnnotationIssuedAt] = now.Format("2006-01-02T15:04:05Z07:00")
				if p := s.decide(); p.relabel || p.issue {
					t.Fatal("it does not rest to begin with")
				}
				change(s)
			} else {
				stores(s)
			}
			if p := s.decide(); !p.relabel || p.issue {
				t.Errorf("relabel %v, issue %v", p.relabel, p.issue)
			}
			s.secret = s.secretWith(s.made(t))
			if p := s.decide(); p.relabel || p.issue {
				t.Errorf("after: relabel %v, issue %v", p.relabel, p.issue)
			}
		})
	}
}

func TestOutputProblems(t *testing.T) {
	missing := &finding{v1alpha1.ReasonInvalidSpec, "there is no Secret"}
	s := fits(t, stores)
	s.noPassword = missing
	if p := s.decide(); p.held == nil || p.held.message != missing.message {
		t.Errorf("held %+v", p.held)
	}
	s.noPassword = nil
	s.cert.Spec.KeyStorage = v1alpha1.KeyAtGateway
	if p := s.decide(); p.held == nil || !strings.Contains(p.held.message, "keyStorage") {
		t.Errorf("held %+v", p.held)
	}
	s.cert.Spec.KeyStorage = ""
	s.passwords.pkcs12.text = ptr.To("\U0001F40E")
	m := material{cert: s.secret.Data[corev1.TLSCertKey], key: s.secret.Data[corev1.TLSPrivateKeyKey], ca: s.secret.Data[corev1.ServiceAccountRootCAKey]}
	if _, err := s.outputs(m); err == nil || strings.Contains(err.Error(), "\U0001F40E") {
		t.Errorf("a password that PKCS #12 does not take: %v", err)
	}
	if shown := fmt.Sprintf("%v %+v %#v", s.passwords, s.passwords, s.passwords.jks); strings.Contains(shown, storePassword) {
		t.Errorf("shows a password: %s", shown)
	}
}
