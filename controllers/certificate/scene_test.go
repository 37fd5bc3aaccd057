// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const day = 24 * time.Hour

// scene is a certificate "c" for a.example in Secret "s", nothing wrong with it, at the time now.
type scene struct {
	observed
	now time.Time
	ca  *certstest.CA
	tb  testing.TB
}

// newScene is what is observed when nothing was issued yet, and after the edits.
func newScene(t testing.TB, edits ...func(*scene)) *scene {
	cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{
		SecretName: "s", DNSNames: []string{"a.example"}, IssuerRef: v1alpha1.IssuerReference{Name: "vault"},
	}}
	cert.Namespace, cert.Name, cert.UID, cert.Generation = "ns", "c", "uid-c", 1
	issuer := &v1alpha1.VaultIssuer{}
	issuer.Namespace, issuer.Name = "ns", "vault"
	s := &scene{now: now, tb: t, ca: certstest.NewCA(t, "root", now.Add(3650*day))}
	s.cert, s.issuer = cert, issuer
	for _, edit := range edits {
		edit(s)
	}
	s.spec = specOf(cert)
	s.hosts, s.names.Owned = s.spec.DNSNames, s.spec.DNSNames
	s.before = s.cert.Status.DeepCopy()
	return s
}

// issue applies a right answer to what is decided, valid for 90 days from at on: the Secret is as secretOf makes it.
func (s *scene) issue(t testing.TB, at time.Time) {
	t.Helper()
	key, err := s.key(plan{decision: certs.Decide(s.facts(), at)})
	if err != nil {
		t.Fatal(err)
	}
	csr, err := certs.CreateRequest(s.spec, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf := s.ca.SignRequest(t, csr, at.Add(-30*time.Second), at.Add(90*day))
	m := material{
		cert: certstest.PEM(leaf), key: key.PEM(s.spec.Key.Encoding), ca: certstest.PEM(s.ca.Cert),
		issuedAt: at, digest: s.spec.Digest(), place: s.wantedPlace(),
	}
	if m.outputs, err = s.outputs(m); err != nil {
		t.Fatal(err)
	}
	s.secret = s.content(m).Apply(nil, types.NamespacedName{Namespace: secretNamespace(s.cert), Name: s.cert.Spec.SecretName})
	s.secret.UID = "uid-s"
	if place := s.wantedPlace(); place != nowhere {
		s.cert.Status.VaultKV = []v1alpha1.VaultKVPlace{place}
	}
	if s.cert.Spec.Push {
		s.judge(t)
		return
	}
	s.cert.Status.Issued = authority.RecordOf(leaf, s.cert.Spec.IssuerRef.String(), metav1.NewTime(at))
	s.cert.Status.Issued.SecretNamespace, s.cert.Status.Issued.SecretName, s.cert.Status.Issued.SecretUID = s.secret.Namespace, s.secret.Name, s.secret.UID
	s.judge(t)
}

// judge finds out what may be done to the Secret as it is in the scene now.
func (s *scene) judge(t testing.TB) {
	t.Helper()
	r := &Reconciler{Claims: &authority.Claims{Clock: clocktesting.NewFakeClock(s.now)}}
	if err := r.observeSecretRight(t.Context(), &s.observed); err != nil {
		t.Fatal(err)
	}
}

func (s *scene) decide() plan {
	s.judge(s.tb)
	return decide(s.observed, s.now)
}

// fits is the scene with a certificate that was issued a day ago.
func fits(t testing.TB, edits ...func(*scene)) *scene {
	s := newScene(t, edits...)
	s.issue(t, now.Add(-day))
	return s
}

// failed is a failure to issue, so long ago, that the status tells of.
func (s *scene) failed(ago time.Duration, attempts int32) {
	at := metav1.NewTime(s.now.Add(-ago))
	s.cert.Status.LastFailureTime, s.cert.Status.FailedAttempts, s.cert.Status.ObservedGeneration = &at, attempts, s.cert.Generation
}

// issuerReady is a Ready condition of the issuer since so long ago.
func (s *scene) issuerReady(status metav1.ConditionStatus, ago time.Duration) {
	meta.SetStatusCondition(&s.issuer.IssuerStatus().Conditions, metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: status, Reason: "R", LastTransitionTime: metav1.NewTime(s.now.Add(-ago))})
}

func (s *scene) hadIssued(status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&s.cert.Status.Conditions, condition(v1alpha1.ConditionIssued, status, reason, message))
}

func (s *scene) annotate(key, value string) {
	metav1.SetMetaDataAnnotation(&s.cert.ObjectMeta, key, value)
}

// foreignSecret is a Secret that somebody else made.
func (s *scene) foreignSecret() {
	s.secret = &corev1.Secret{Type: corev1.SecretTypeTLS}
	s.secret.Namespace, s.secret.Name = "ns", "s"
}

// at a gateway of that name.
func at(name string, edits ...func(*pushed)) pushed {
	g := pushed{name: name, state: gateway.State{Mode: gateway.Own}, verb: gateway.Keep}
	for _, edit := range edits {
		edit(&g)
	}
	return g
}

func durationOf(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }

// secretWith is the Secret with material in it.
func (s *scene) secretWith(m material) *corev1.Secret {
	secret := s.content(m).Apply(nil, types.NamespacedName{Namespace: secretNamespace(s.cert), Name: s.cert.Spec.SecretName})
	secret.UID = "uid-s"
	return secret
}
