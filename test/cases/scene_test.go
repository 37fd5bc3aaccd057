// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/controllers/certificate/controllertest"
)

const day = 24 * time.Hour

// now is when the scenes of package controllertest begin.
var now = controllertest.Start

type cert = v1alpha1.ApisixCertificate

// scene is a controller with what the rows ask of it.
type scene struct {
	*controllertest.Scene
	t *testing.T
}

func newScene(t *testing.T) *scene { return &scene{controllertest.New(t), t} }

// issued has ApisixCertificate web at rest, after the edits.
func issued(t *testing.T, edits ...func(*cert)) *scene {
	s := newScene(t)
	s.Create("web", edits...)
	s.Run()
	s.ready("web")
	return s
}

func (s *scene) ready(name string) {
	s.t.Helper()
	if ready := s.Ready(name); !strings.HasPrefix(ready, "True ") {
		s.t.Fatalf("%s is %s: %s", name, ready, s.Message(name, v1alpha1.ConditionReady))
	}
}

// is wants a condition as "STATUS REASON", and its message to have some text in it.
func (s *scene) is(name, kind, want string, says ...string) {
	s.t.Helper()
	message := s.Message(name, kind)
	if got := s.Condition(name, kind); got != want {
		s.t.Errorf("%s of %s is %q (%s), want %q", kind, name, got, message, want)
	}
	for _, text := range says {
		if !strings.Contains(message, text) {
			s.t.Errorf("%s of %s says %q, which lacks %q", kind, name, message, text)
		}
	}
}

// signatures wants so many to have been asked for.
func (s *scene) signatures(want int) {
	s.t.Helper()
	if got := s.Count("sign"); got != want {
		s.t.Errorf("%d signatures, want %d", got, want)
	}
}

// shows wants the gateway to serve the certificate that the Secret holds.
func (s *scene) shows(host string, leaf *x509.Certificate) {
	s.t.Helper()
	served := s.Served(host)
	if served == nil || leaf == nil || !served.Equal(leaf) {
		s.t.Errorf("%s is served with %v, want %v", host, certs.Serial(served), certs.Serial(leaf))
	}
}

// pair is a certificate of the scene's CA for names, and its key, both PEM.
func (s *scene) pair(kind certs.KeySpec, names ...string) (certPEM, keyPEM []byte) {
	s.t.Helper()
	key := newKey(s.t, kind)
	leaf := s.Vault.CA.Sign(s.t, &x509.Certificate{DNSNames: names, NotBefore: s.Clock.Now().Add(-time.Minute), NotAfter: s.Clock.Now().Add(90 * day)}, key.Public())
	return certstest.PEM(leaf), key.PEM("")
}

func newKey(t testing.TB, spec certs.KeySpec) certs.Key {
	t.Helper()
	key, err := certs.GenerateKey(spec)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// objects are those of a file of testdata.
func objects(t *testing.T, file string) []unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all []unstructured.Unstructured
	for part := range bytes.SplitSeq(data, []byte("\n---\n")) {
		var object map[string]any
		if err := yaml.Unmarshal(part, &object); err != nil {
			t.Fatal(err)
		}
		if len(object) > 0 {
			all = append(all, unstructured.Unstructured{Object: object})
		}
	}
	return all
}

// specOf is the spec of the ApisixCertificate that is called so in a file of testdata.
func specOf(t *testing.T, file, name string) func(*cert) {
	t.Helper()
	for _, object := range objects(t, file) {
		if object.GetKind() != "ApisixCertificate" || object.GetName() != name {
			continue
		}
		data, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var read cert
		if err := yaml.UnmarshalStrict(data, &read); err != nil {
			t.Fatal(err)
		}
		return func(c *cert) { c.Spec = read.Spec }
	}
	t.Fatalf("%s has no ApisixCertificate %s", file, name)
	return nil
}

// create makes an object of any kind.
func (s *scene) create(object client.Object) {
	s.t.Helper()
	if err := s.Kube.Create(s.t.Context(), object); err != nil {
		s.t.Fatal(err)
	}
}

// requests are the CertificateRequests that there are.
func (s *scene) requests() []unstructured.Unstructured {
	s.t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("cert-manager.io/v1")
	list.SetKind("CertificateRequestList")
	if err := s.Kube.List(s.t.Context(), list); err != nil {
		s.t.Fatal(err)
	}
	return list.Items
}

// request is the only one.
func (s *scene) request() (*unstructured.Unstructured, *x509.CertificateRequest) {
	s.t.Helper()
	all := s.requests()
	if len(all) != 1 {
		s.t.Fatalf("%d CertificateRequests", len(all))
	}
	text, _, _ := unstructured.NestedString(all[0].Object, "spec", "request")
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		s.t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		s.t.Fatal("the request is no PEM")
	}
	csr, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	return &all[0], csr
}

func data(values map[string][]byte) func(*corev1.Secret) {
	return func(secret *corev1.Secret) { secret.Data = values }
}
