// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/finding"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const day = 24 * time.Hour

// scene is certificate "c" for a.example in Secret "s", of which nothing is there yet.
type scene struct {
	order    Request
	decision certs.Decision
	issuers  *Issuers
	clock    *clocktesting.FakeClock
	ca       *certstest.CA
	vault    *vaulttest.Vault // that of ofVault
	tried    []string         // the requests of which was asked whether an answer could be stored
	full     error            // what that answers
	absent   bool             // the cluster has no CertificateRequests
	made     int              // objects
}

func newScene(t testing.TB, edits ...func(*scene)) *scene {
	t.Helper()
	cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{
		SecretName: "s", DNSNames: []string{"a.example"}, IssuerRef: v1alpha1.IssuerReference{Name: "vault"},
	}}
	cert.Namespace, cert.Name, cert.UID, cert.Generation = "ns", "c", "uid-c", 1
	s := &scene{
		order:    Request{Certificate: cert, Issuer: &v1alpha1.VaultIssuer{}},
		decision: certs.Decision{Issue: true, Reason: certs.SecretMissing, Message: "the Secret does not exist"},
		clock:    clocktesting.NewFakeClock(now), ca: certstest.NewCA(t, "root", now.Add(3650*day)),
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c := interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).Build(), interceptor.Funcs{Create: s.create, Get: s.get})
	s.issuers = &Issuers{Client: c, Live: c, Clock: s.clock, Signers: &signers{}}
	for _, edit := range edits {
		edit(s)
	}
	s.order.Spec = certspec.Of(cert)
	return s
}

// create gives UIDs and times as an API server does.
func (s *scene) create(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
	if err := s.kindOf(object); err != nil {
		return err
	}
	s.made++
	object.SetUID(types.UID(fmt.Sprintf("uid-%d", s.made)))
	object.SetCreationTimestamp(metav1.NewTime(s.clock.Now()))
	return c.Create(ctx, object, options...)
}

func (s *scene) get(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if err := s.kindOf(object); err != nil {
		return err
	}
	return c.Get(ctx, key, object, options...)
}

func (s *scene) kindOf(object client.Object) error {
	if s.absent && object.GetObjectKind().GroupVersionKind() == RequestKind {
		return &meta.NoKindMatchError{GroupKind: RequestKind.GroupKind()}
	}
	return nil
}

// signers gives one session, or a failure.
type signers struct {
	session *vault.Session
	err     error
}

func (s *signers) Get(context.Context, v1alpha1.Issuer) (*vault.Session, error) {
	return s.session, s.err
}

func (s *signers) Observation(v1alpha1.Issuer) issuer.Observation { return issuer.Observation{} }

// ofVault lets a scripted Vault sign.
func ofVault(t testing.TB, edits ...func(*vault.Config)) func(*scene) {
	return func(s *scene) {
		s.vault = vaulttest.New(t, s.clock.Now)
		s.vault.AddToken("token")
		config := vault.Config{Server: s.vault.URL, Path: "pki/sign/web", Auth: vault.TokenAuth{Token: vault.NewSecret("token")}, Now: s.clock.Now}
		for _, edit := range edits {
			edit(&config)
		}
		session, err := vault.Open(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(session.Close)
		s.issuers.Signers = &signers{session: session}
	}
}

// byCA lets the certificate come from an issuer that only cert-manager can ask.
func byCA(s *scene) {
	s.order.Certificate.Spec.IssuerRef = v1alpha1.IssuerReference{Group: v1alpha1.GroupCertManager, Name: "ca"}
	s.order.Issuer = &issuer.CertManagerIssuer{Kind: v1alpha1.KindIssuer, Type: "ca"}
}

func (s *scene) annotate(key, value string) {
	metav1.SetMetaDataAnnotation(&s.order.Certificate.ObjectMeta, key, value)
}

func (s *scene) observe(t testing.TB) State {
	t.Helper()
	state, err := s.issuers.Observe(t.Context(), s.order, false)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func (s *scene) plan(t testing.TB) Verdict {
	t.Helper()
	return s.observe(t).Plan(s.order, s.decision, s.clock.Now())
}

func (s *scene) issue(t testing.TB) (*Response, *finding.Finding, error) {
	t.Helper()
	return s.issuers.Issue(t.Context(), s.order, s.observe(t), s.decision, func(_ context.Context, csr []byte) error {
		s.tried = append(s.tried, string(csr))
		return s.full
	})
}

// issued is the answer, where there has to be one.
func (s *scene) issued(t testing.TB) *Response {
	t.Helper()
	response, pending, err := s.issue(t)
	if err != nil || response == nil {
		t.Fatalf("no answer: pending %v, error %v", pending, err)
	}
	return response
}

// has puts a good certificate of so long ago into the Secret, written by a field manager last.
func (s *scene) has(t testing.TB, ago time.Duration, manager string) {
	t.Helper()
	key, err := certs.GenerateKey(s.order.Spec.Key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := certs.CreateRequest(s.order.Spec, key)
	if err != nil {
		t.Fatal(err)
	}
	at := s.clock.Now().Add(-ago)
	leaf := s.ca.SignRequest(t, csr, at, at.Add(90*day))
	written := metav1.NewTime(at)
	s.order.Secret = &corev1.Secret{Data: map[string][]byte{corev1.TLSCertKey: certstest.PEM(leaf), corev1.TLSPrivateKeyKey: key.PEM("")}}
	s.order.Secret.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: manager, Time: &written, FieldsV1: metav1.NewFieldsV1(`{"f:data":{}}`)}}
	s.decision.Bundle = certs.Bundle{Leaf: leaf, Key: key}
	s.decision.NotAfter = leaf.NotAfter
}

// request is the CertificateRequest that there is, nil for none.
func (s *scene) request(t testing.TB) *unstructured.Unstructured {
	t.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(RequestKind.GroupVersion().WithKind("CertificateRequestList"))
	if err := s.issuers.Client.List(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	switch len(list.Items) {
	case 0:
		return nil
	case 1:
		return &list.Items[0]
	}
	t.Fatalf("%d CertificateRequests", len(list.Items))
	return nil
}

// keySecrets are the names of the Secrets that there are.
func (s *scene) keySecrets(t testing.TB) []corev1.Secret {
	t.Helper()
	var list corev1.SecretList
	if err := s.issuers.Client.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// ask makes a request, with conditions TYPE=STATUS/REASON.
func (s *scene) ask(t testing.TB, conditions ...string) {
	t.Helper()
	if _, pending, err := s.issue(t); err != nil || pending == nil {
		t.Fatalf("pending %v, error %v", pending, err)
	}
	request := s.request(t)
	var list []any
	for _, c := range conditions {
		kind, rest, _ := strings.Cut(c, "=")
		status, reason, _ := strings.Cut(rest, "/")
		list = append(list, map[string]any{"type": kind, "status": status, "reason": reason, "message": "because"})
	}
	s.setStatus(t, request, "conditions", list)
}

func (s *scene) setStatus(t testing.TB, request *unstructured.Unstructured, field string, value any) {
	t.Helper()
	if err := unstructured.SetNestedField(request.Object, value, "status", field); err != nil {
		t.Fatal(err)
	}
	if err := s.issuers.Client.Update(t.Context(), request); err != nil {
		t.Fatal(err)
	}
}

// sign answers the request that there is.
func (s *scene) sign(t testing.TB, life time.Duration) {
	t.Helper()
	request := s.request(t)
	leaf := s.ca.SignRequest(t, csrOf(t, request), s.clock.Now().Add(-time.Minute), s.clock.Now().Add(life))
	encoded := func(pem []byte) string { return base64.StdEncoding.EncodeToString(pem) }
	s.setStatus(t, request, "certificate", encoded(certstest.PEM(leaf)))
	s.setStatus(t, request, "ca", encoded(certstest.PEM(s.ca.Cert)))
}

func csrOf(t testing.TB, request *unstructured.Unstructured) []byte {
	t.Helper()
	text, _, _ := unstructured.NestedString(request.Object, "spec", "request")
	csr, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}
