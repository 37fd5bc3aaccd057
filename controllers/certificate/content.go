// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/keystorage"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// material is what goes into a Secret.
type material struct {
	cert, key, ca []byte // PEM
	issuedAt      time.Time
	digest        string
	under         string            // what identifies the issuer's CAs as they were known; may be empty
	place         string            // the mark of where in Vault the key is
	forms         map[string][]byte // further forms of the pair
}

// mostForeignBytes leave room for a certificate, its key and further forms of both in a Secret, which holds 1 MiB.
const mostForeignBytes = 896 << 10

// foreignBytes is how much the Secret holds under keys that are not written here. They stay when it is taken over.
func foreignBytes(s *Snapshot) int {
	if s.Secret.Object == nil {
		return 0
	}
	return content(s, material{}).OthersSize(s.Secret.Object)
}

// content is what the Secret should hold.
func content(s *Snapshot, m material) tlssecret.Content {
	c := tlssecret.Content{Type: keystorage.SecretType(s.Cert), Data: map[string][]byte{corev1.TLSCertKey: m.cert}}
	if c.Type == corev1.SecretTypeTLS {
		c.Data[corev1.TLSPrivateKeyKey] = m.key
	}
	if len(m.ca) > 0 {
		c.Data[corev1.ServiceAccountRootCAKey] = m.ca
	}
	maps.Copy(c.Data, m.forms)
	if template := s.Cert.Spec.SecretTemplate; template != nil {
		c.Labels, c.Annotations = template.Labels, template.Annotations
	}
	c.Marks = tlssecret.Marks{
		Owner: authority.OwnerText(client.ObjectKeyFromObject(s.Cert)), IssuedBy: s.Cert.Spec.IssuerRef.String(), IssuedAt: m.issuedAt,
		SpecDigest: m.digest, IssuedUnder: m.under, Outputs: s.Forms.Digest(m.cert, s.Facts.Spec.Key.Encoding), VaultKV: m.place,
	}
	return c
}

// present is the material that the Secret has, without further forms.
func present(s *Snapshot, now time.Time) material {
	secret := s.Secret.Object
	marks := tlssecret.MarksOf(secret)
	m := material{
		cert: secret.Data[corev1.TLSCertKey], key: secret.Data[corev1.TLSPrivateKeyKey], ca: secret.Data[corev1.ServiceAccountRootCAKey],
		issuedAt: marks.IssuedAt, digest: marks.SpecDigest, under: marks.IssuedUnder, place: s.Keys.PresentMark(),
	}
	if !m.issuedAt.IsZero() {
		return m
	}
	// Adopted, or stripped of its marks.
	bundle, err := certs.ParseBundle(m.cert, nil, nil)
	if err != nil {
		return m
	}
	m.issuedAt = bundle.Leaf.NotBefore
	if issued := s.Cert.Status.Issued; issued.IssuedAt != nil && issued.Fingerprint == certs.Fingerprint(bundle.Leaf) {
		m.issuedAt = issued.IssuedAt.Time
	}
	// A renewal that was asked for before is answered by the certificate of the record.
	if at := s.Facts.RenewRequestedAt; undated(s) && at.After(m.issuedAt) && !at.After(now) {
		m.issuedAt = at
	}
	return m
}

// secretFits reports whether the Secret has the marks, labels, annotations and further forms that it should.
func secretFits(s *Snapshot, now time.Time) bool {
	m := present(s, now)
	if tlssecret.MarksOf(s.Secret.Object).Outputs != s.Forms.Digest(m.cert, s.Facts.Spec.Key.Encoding) {
		return false
	}
	m.forms = map[string][]byte{}
	for _, key := range s.Forms.Keys() {
		if value, ok := s.Secret.Object.Data[key]; ok {
			m.forms[key] = value
		}
	}
	return content(s, m).Fits(s.Secret.Object)
}

// trial is a content of the size of a real one, without a key in it, for a dry run. csr stands for the certificate.
func trial(s *Snapshot, csr []byte) tlssecret.Content {
	c := content(s, material{cert: csr, key: []byte("dry run"), issuedAt: time.Unix(0, 0), digest: s.Facts.Spec.Digest(), place: s.Keys.Mark()})
	if c.Type != corev1.SecretTypeTLS {
		delete(c.Data, corev1.TLSPrivateKeyKey)
	}
	return c
}
