// SPDX-License-Identifier: Apache-2.0

// Package plantest makes small snapshots for tests of pure functions.
//
//	s := plantest.Issued(t)
//	s.Now = s.Now.Add(70 * 24 * time.Hour)
//	p := s.Plan() // issue: the certificate is due for renewal
package plantest

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/keystorage"
)

// Day is 24 hours.
const Day = 24 * time.Hour

// Now is the initial time of a scene.
var Now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Scene is the snapshot of certificate ns/c for a.example in Secret s, with VaultIssuer vault, and the time.
type Scene struct {
	plan.Snapshot
	Now time.Time

	ca *certstest.CA
	t  testing.TB
}

// New returns a scene in which nothing has been issued.
func New(t testing.TB, edits ...func(*Scene)) *Scene {
	t.Helper()
	cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{
		SecretName: "s", DNSNames: []string{"a.example"}, IssuerRef: v1alpha1.IssuerReference{Name: "vault"},
	}}
	cert.Namespace, cert.Name, cert.UID, cert.Generation = "ns", "c", "uid-c", 1
	issuer := &v1alpha1.VaultIssuer{}
	issuer.Namespace, issuer.Name = "ns", "vault"
	s := &Scene{Now: Now, t: t, ca: certstest.NewCA(t, "root", Now.Add(3650*Day))}
	s.Cert, s.Issuer.Request.Certificate, s.Issuer.Request.Issuer = cert, cert, issuer
	s.Review.Names.Owned, s.Review.Hosts = cert.Spec.DNSNames, cert.Spec.DNSNames
	for _, edit := range edits {
		edit(s)
	}
	s.judge()
	return s
}

// Issued returns a scene with a certificate that was issued a day ago for 90 days.
func Issued(t testing.TB, edits ...func(*Scene)) *Scene {
	t.Helper()
	s := New(t, edits...)
	s.Issue(s.Now.Add(-Day))
	return s
}

// Issue stores a certificate issued at that time, for 90 days, in Secret and record.
func (s *Scene) Issue(at time.Time) {
	s.t.Helper()
	spec := certspec.Of(s.Cert)
	key, err := certs.GenerateKey(spec.Key)
	if err != nil {
		s.t.Fatal(err)
	}
	csr, err := certs.CreateRequest(spec, key)
	if err != nil {
		s.t.Fatal(err)
	}
	leaf := s.ca.SignRequest(s.t, csr, at.Add(-30*time.Second), at.Add(90*Day))
	s.Secret.Object = plan.ContentOf(&s.Snapshot, plan.Material{
		Cert: certstest.PEM(leaf), Key: key.PEM(spec.Key.Encoding), CA: certstest.PEM(s.ca.Cert), IssuedAt: at, Digest: spec.Digest(),
	}).Apply(nil, certspec.SecretKey(s.Cert))
	s.Secret.Object.UID = "uid-s"
	if !s.Cert.Spec.Provided {
		s.Record(at)
	}
	s.judge()
}

// Record records the certificate in the Secret.
func (s *Scene) Record(at time.Time) {
	issued := authority.RecordOf(plan.LeafIn(s.Secret.Object), s.Cert.Spec.IssuerRef.String(), metav1.NewTime(at))
	issued.SecretNamespace, issued.SecretName, issued.SecretUID = s.Secret.Object.Namespace, s.Secret.Object.Name, s.Secret.Object.UID
	s.Cert.Status.Issued = issued
}

// judge updates what is derived from the other fields.
func (s *Scene) judge() {
	s.Facts.Spec = certspec.Of(s.Cert)
	s.Review.Spec, s.Review.Invalid = s.Facts.Spec, certspec.Problems(s.Cert)
	s.Issuer.Request.Spec, s.Issuer.Request.Secret = s.Facts.Spec, s.Secret.Object
	of := authority.Secret{
		Certificate: client.ObjectKeyFromObject(s.Cert), Key: certspec.SecretKey(s.Cert), Type: string(keystorage.SecretType(s.Cert)),
		Provided: s.Cert.Spec.Provided, Consent: s.Cert.Annotations[v1alpha1.AnnotationAdoptSecret] == "true", Record: s.Cert.Status.Issued,
	}
	if secret := s.Secret.Object; secret != nil {
		of.Found = &authority.FoundSecret{
			UID: secret.UID, Type: string(secret.Type), Owner: secret.Annotations[v1alpha1.AnnotationCertificate], Leaf: plan.LeafFingerprint(secret), Others: len(secret.Data["other"]) > 0,
		}
	}
	s.Secret.Right = authority.OfSecret(of)
	s.Facts = plan.FactsOf(&s.Snapshot, 0)
	s.Judgement = plan.Judge(&s.Snapshot, s.Now)
}

// Plan returns the plan for the current scene.
func (s *Scene) Plan() plan.Plan {
	s.judge()
	return plan.Make(s.Snapshot, s.Now)
}

// Annotate sets an annotation of the certificate.
func (s *Scene) Annotate(key, value string) {
	metav1.SetMetaDataAnnotation(&s.Cert.ObjectMeta, key, value)
}

// Failed records a failure to issue in the status, that long ago.
func (s *Scene) Failed(ago time.Duration, attempts int32, reason, message string) {
	at := metav1.NewTime(s.Now.Add(-ago))
	status := &s.Cert.Status
	status.LastFailureTime, status.FailedAttempts, status.LastFailureReason, status.LastFailureMessage = &at, attempts, reason, message
	status.ObservedGeneration = s.Cert.Generation
}

// UnmanagedSecret replaces the Secret by an unmanaged one.
func (s *Scene) UnmanagedSecret() {
	s.Secret.Object = &corev1.Secret{Type: corev1.SecretTypeTLS}
	s.Secret.Object.Namespace, s.Secret.Object.Name = "ns", "s"
}
