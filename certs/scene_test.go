// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs/certstest"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const day = 24 * time.Hour

// scene is a certificate that is all right: issued a day ago for 90 days, by an intermediate of a root.
type scene struct {
	Observed
	now        time.Time
	root, sub  *certstest.CA
	other      *certstest.CA
	spec       Spec
	key        Key
	bundle     Bundle
	start, end time.Time
}

func newScene(t testing.TB) *scene {
	s := &scene{now: now, start: now.Add(-day), end: now.Add(89 * day)}
	s.root = certstest.NewCA(t, "root", now.Add(3650*day))
	s.sub = s.root.Intermediate(t, "sub", now.Add(1000*day))
	s.other = certstest.NewCA(t, "other", now.Add(3650*day))
	s.spec = Spec{DNSNames: []string{"a.example.com", "*.b.example.com"}, Duration: 90 * day}
	s.key = mustKey(t, KeySpec{})
	s.issue(t)
	return s
}

// issue stores a correct response: everything as a caller would store it.
func (s *scene) issue(t testing.TB) {
	csr, err := CreateRequest(s.spec, s.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf := s.sub.SignRequest(t, csr, s.start, s.end)
	s.bundle = Assemble(leaf, parents(s.root, s.sub), now)
	s.bundle.Key = s.key
	s.Observed = Observed{
		SecretExists: true, CertPEM: s.bundle.CertPEM(), KeyPEM: s.key.PEM(""), CAPEM: s.bundle.CAPEM(),
		IssuedBy: "issuer", WantedIssuer: "issuer", IssuedFor: "ns/name", WantedFor: "ns/name",
		IssuedDigest: s.spec.Digest(), IssuedAt: s.start,
		CurrentCA: parents(s.sub, s.root),
		Spec:      s.spec, UID: "uid",
	}
}

func mustKey(t testing.TB, spec KeySpec) Key {
	t.Helper()
	key, err := GenerateKey(spec)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
