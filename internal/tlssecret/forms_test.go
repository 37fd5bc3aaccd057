// SPDX-License-Identifier: Apache-2.0

package tlssecret

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pavlo-v-chernykh/keystore-go/v4"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"software.sslmate.com/src/go-pkcs12"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

const storePassword = "correct horse"

var issuedAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// secrets are those of the cluster, by NAMESPACE/NAME.
type secrets map[string]*corev1.Secret

func (s secrets) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	found := s[key.String()]
	if found == nil {
		return apierrors.NewNotFound(corev1.Resource("secrets"), key.Name)
	}
	found.DeepCopyInto(into.(*corev1.Secret))
	return nil
}

func (s secrets) List(context.Context, client.ObjectList, ...client.ListOption) error {
	panic("nothing lists Secrets")
}

// put writes a Secret with a password, in another version than before.
func (s secrets) put(name, key, password string) {
	secret := &corev1.Secret{Data: map[string][]byte{key: []byte(password)}}
	secret.UID = "uid"
	secret.ResourceVersion = "1"
	if before := s["ns/"+name]; before != nil {
		secret.ResourceVersion = before.ResourceVersion + "1"
	}
	s["ns/"+name] = secret
}

// wanting is a certificate whose Secret should have all forms, and the Secrets with their passwords.
func wanting() (*v1alpha1.ApisixCertificate, secrets) {
	cert := &v1alpha1.ApisixCertificate{}
	cert.Namespace, cert.Name = "ns", "c"
	cert.Spec.AdditionalOutputFormats = []v1alpha1.OutputFormat{{Type: v1alpha1.OutputCombinedPEM}, {Type: v1alpha1.OutputDER}}
	cert.Spec.Keystores = &v1alpha1.Keystores{
		JKS:    &v1alpha1.JKSKeystore{Create: true, PasswordSecretRef: v1alpha1.SecretKeySelector{Name: "java"}},
		PKCS12: &v1alpha1.PKCS12Keystore{Create: true, PasswordSecretRef: v1alpha1.SecretKeySelector{Name: "p12", Key: "word"}},
	}
	all := secrets{}
	all.put("java", "password", storePassword)
	all.put("p12", "word", storePassword)
	return cert, all
}

func read(t testing.TB, live client.Reader, cert *v1alpha1.ApisixCertificate) Forms {
	t.Helper()
	f, err := ReadForms(t.Context(), live, cert, false)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// pair is a certificate of a CA under another.
type pair struct {
	ca            *certstest.CA
	leaf          *x509.Certificate
	cert, key, in []byte // PEM; in is the CA
}

func newPair(t testing.TB) pair {
	ca := certstest.NewCA(t, "root", issuedAt.Add(1000*time.Hour))
	leaf, key := ca.Pair(t, &x509.Certificate{DNSNames: []string{"a.example"}, NotBefore: issuedAt, NotAfter: issuedAt.Add(time.Hour)})
	return pair{ca, leaf, certstest.PEM(leaf), key, certstest.PEM(ca.Cert)}
}

func TestForms(t *testing.T) {
	p := newPair(t)
	bundle, err := certs.ParseBundle(p.cert, p.key, p.in)
	if err != nil {
		t.Fatal(err)
	}
	public := bundle.Key.Public().(*ecdsa.PublicKey)
	for profile := range pkcs12Profiles {
		cert, live := wanting()
		cert.Spec.Keystores.PKCS12.Profile, cert.Spec.Keystores.JKS.Alias = profile, "web"
		f := read(t, live, cert)
		made, err := f.Make(p.cert, p.key, p.in, issuedAt)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(f.Keys())), slices.Sorted(maps.Keys(made))); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
		if want := string(p.key) + "\n" + string(p.cert); string(made["tls-combined.pem"]) != want {
			t.Error("tls-combined.pem is not key and chain")
		}
		if key, err := x509.ParsePKCS8PrivateKey(made["key.der"]); err != nil || !public.Equal(key.(*ecdsa.PrivateKey).Public()) {
			t.Errorf("key.der: %v", err)
		}
		key, leaf, above, err := pkcs12.DecodeChain(made["keystore.p12"], storePassword)
		if err != nil || !leaf.Equal(p.leaf) || len(above) != 1 || !public.Equal(key.(*ecdsa.PrivateKey).Public()) {
			t.Errorf("%q keystore.p12: %v, %d above", profile, err, len(above))
		}
		if trust, err := pkcs12.DecodeTrustStore(made["truststore.p12"], storePassword); err != nil || len(trust) != 1 || !trust[0].Equal(p.ca.Cert) {
			t.Errorf("%q truststore.p12: %v", profile, err)
		}
		store := keystore.New()
		if err := store.Load(bytes.NewReader(made["keystore.jks"]), []byte(storePassword)); err != nil {
			t.Fatal(err)
		}
		entry, err := store.GetPrivateKeyEntry("web", []byte(storePassword))
		if err != nil || len(entry.CertificateChain) != 2 || !bytes.Equal(entry.CertificateChain[0].Content, p.leaf.Raw) {
			t.Errorf("keystore.jks: %v", err)
		}
		trust := keystore.New()
		if err := trust.Load(bytes.NewReader(made["truststore.jks"]), []byte(storePassword)); err != nil || !trust.IsTrustedCertificateEntry("ca") {
			t.Errorf("truststore.jks: %v", err)
		}
	}
}

func TestNoTruststoreWithoutCA(t *testing.T) {
	p := newPair(t)
	cert, live := wanting()
	made, err := read(t, live, cert).Make(p.cert, p.key, nil, issuedAt)
	if err != nil {
		t.Fatal(err)
	}
	store := keystore.New()
	if err := store.Load(bytes.NewReader(made["keystore.jks"]), []byte(storePassword)); err != nil || !store.IsPrivateKeyEntry("certificate") {
		t.Errorf("keystore.jks: aliases %v, %v", store.Aliases(), err)
	}
	want := []string{"key.der", "keystore.jks", "keystore.p12", "tls-combined.pem"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(made))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The digest changes with all that the forms are made of, and with nothing else.
func TestDigest(t *testing.T) {
	cert, live := wanting()
	before := read(t, live, cert).Digest([]byte("cert"), certs.PKCS8)
	if again := read(t, live, cert).Digest([]byte("cert"), certs.PKCS8); before == "" || again != before {
		t.Fatalf("%q, and then %q", before, again)
	}
	for name, change := range map[string]func(*v1alpha1.ApisixCertificate, secrets){
		"other password":  func(_ *v1alpha1.ApisixCertificate, s secrets) { s.put("java", "password", "battery staple") },
		"other alias":     func(c *v1alpha1.ApisixCertificate, _ secrets) { c.Spec.Keystores.JKS.Alias = "web" },
		"no JKS any more": func(c *v1alpha1.ApisixCertificate, _ secrets) { c.Spec.Keystores.JKS.Create = false },
		"no PKCS #12":     func(c *v1alpha1.ApisixCertificate, _ secrets) { c.Spec.Keystores.PKCS12 = nil },
		"no DER any more": func(c *v1alpha1.ApisixCertificate, _ secrets) {
			c.Spec.AdditionalOutputFormats = c.Spec.AdditionalOutputFormats[:1]
		},
		"neither of the last": func(c *v1alpha1.ApisixCertificate, _ secrets) { c.Spec.AdditionalOutputFormats = nil },
	} {
		cert, live := wanting()
		change(cert, live)
		if read(t, live, cert).Digest([]byte("cert"), certs.PKCS8) == before {
			t.Errorf("%s: the same digest", name)
		}
	}
	f := read(t, live, cert)
	if f.Digest([]byte("other"), certs.PKCS8) == before || f.Digest([]byte("cert"), certs.PKCS1) == before {
		t.Error("another pair or encoding has the same digest")
	}
	cert.Spec.Keystores, cert.Spec.AdditionalOutputFormats = nil, nil
	if f := read(t, live, cert); f.Digest([]byte("cert"), certs.PKCS8) != "" || f.Keys() != nil || PasswordSecrets(cert) != nil {
		t.Errorf("none is wanted: %v", f.Keys())
	}
}

// Secrets in clusters have digests that an earlier version has written: another algorithm would write all of them again.
func TestDigestStays(t *testing.T) {
	cert, live := wanting()
	if got := read(t, live, cert).Digest([]byte("cert"), certs.PKCS8); got != digestBefore {
		t.Errorf("%s", got)
	}
}

// digestBefore is what observed.outputsDigest of package certificate gave at de52f29.
const digestBefore = "33d44746d903ae77caebcbee013de71344af3f0de8ac7e8fc21328c05ec11221"

func TestFormsProblem(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*v1alpha1.ApisixCertificate, secrets)
		says   string
	}{
		"none":            {func(*v1alpha1.ApisixCertificate, secrets) {}, ""},
		"no Secret":       {func(_ *v1alpha1.ApisixCertificate, s secrets) { delete(s, "ns/java") }, "spec.keystores.jks.passwordSecretRef: Secret java with a password under key password does not exist"},
		"no key":          {func(_ *v1alpha1.ApisixCertificate, s secrets) { s.put("p12", "other", "x") }, "spec.keystores.pkcs12.passwordSecretRef: Secret p12 with a password under key word does not exist"},
		"short for Java":  {func(_ *v1alpha1.ApisixCertificate, s secrets) { s.put("java", "password", "horse") }, "shorter than the 6 characters"},
		"short elsewhere": {func(_ *v1alpha1.ApisixCertificate, s secrets) { s.put("p12", "word", "horse") }, ""},
		"not wanted": {func(c *v1alpha1.ApisixCertificate, s secrets) {
			c.Spec.Keystores.JKS.Create = false
			delete(s, "ns/java")
		}, ""},
	} {
		cert, live := wanting()
		row.change(cert, live)
		problem := read(t, live, cert).Problem()
		if (problem == nil) != (row.says == "") || problem != nil && (problem.Reason != v1alpha1.ReasonInvalidSpec || !strings.Contains(problem.Message, row.says)) {
			t.Errorf("%s: %+v", name, problem)
		}
	}
}

func TestFormsOfKeyOutside(t *testing.T) {
	cert, live := wanting()
	for range 2 {
		f, err := ReadForms(t.Context(), live, cert, true)
		if problem := f.Problem(); err != nil || problem == nil || !strings.Contains(problem.Message, "keyStorage") {
			t.Errorf("%+v %v", problem, err)
		}
		cert.Spec.Keystores = nil
	}
	cert.Spec.AdditionalOutputFormats = nil
	if f, err := ReadForms(t.Context(), live, cert, true); err != nil || f.Problem() != nil {
		t.Errorf("none is wanted: %+v %v", f.Problem(), err)
	}
}

// refusing is an API server that does not answer.
type refusing struct{ secrets }

func (refusing) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return apierrors.NewServiceUnavailable("no")
}

func TestFormsUnread(t *testing.T) {
	cert, live := wanting()
	if _, err := ReadForms(t.Context(), refusing{live}, cert, false); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("%v", err)
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	cert, live := wanting()
	horse := "horse \U0001F40E" // which PKCS #12 does not take
	live.put("p12", "word", horse)
	f := read(t, live, cert)
	p := newPair(t)
	_, err := f.Make(p.cert, p.key, p.in, issuedAt)
	if err == nil || !strings.Contains(err.Error(), "Basic Multilingual Plane") {
		t.Fatalf("a password that PKCS #12 does not take: %v", err)
	}
	text, _ := json.Marshal(struct{ In Forms }{f})
	shown := fmt.Sprintf("%v %+v %#v %+v %s %v", f, f, f, struct{ in Forms }{f}, text, err)
	for _, secret := range []string{storePassword, "horse", "99 111 114"} {
		if strings.Contains(shown, secret) {
			t.Errorf("shows a password: %s", shown)
		}
	}
}

func TestPasswordSecrets(t *testing.T) {
	cert, _ := wanting()
	if diff := cmp.Diff([]string{"ns/java", "ns/p12"}, PasswordSecrets(cert)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	cert.Spec.Keystores.JKS.Create = false
	if diff := cmp.Diff([]string{"ns/p12"}, PasswordSecrets(cert)); diff != "" {
		t.Errorf("without JKS (-want +got):\n%s", diff)
	}
}

// The Secret is written for what changes in its further forms, and rests then.
func TestFormsInContent(t *testing.T) {
	p := newPair(t)
	content := func(cert *v1alpha1.ApisixCertificate, live secrets) Content {
		f := read(t, live, cert)
		made, err := f.Make(p.cert, p.key, p.in, issuedAt)
		if err != nil {
			t.Fatal(err)
		}
		c := Content{Type: corev1.SecretTypeTLS, Data: map[string][]byte{corev1.TLSCertKey: p.cert, corev1.TLSPrivateKeyKey: p.key}, Marks: Marks{Outputs: f.Digest(p.cert, certs.PKCS8)}}
		maps.Copy(c.Data, made)
		return c
	}
	before, live := wanting()
	secret := content(before, live).Apply(nil, types.NamespacedName{Namespace: "ns", Name: "s"})
	before.Spec.Keystores, before.Spec.AdditionalOutputFormats = nil, nil
	none := content(before, live)
	if none.Fits(secret) {
		t.Fatal("a Secret with forms that are not wanted fits")
	}
	if secret = none.Apply(secret, types.NamespacedName{}); len(secret.Data) != 2 || !none.Fits(secret) {
		t.Errorf("after: %v", slices.Sorted(maps.Keys(secret.Data)))
	}
}
