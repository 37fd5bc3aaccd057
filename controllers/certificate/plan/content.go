// SPDX-License-Identifier: Apache-2.0

package plan

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

// Material is the content for a Secret.
type Material struct {
	Cert, Key, CA []byte // PEM
	IssuedAt      time.Time
	Digest        string
	IssuedUnder   string            // identifies the issuer's CAs at that time; may be empty
	KeyLocation   string            // annotation value for the location of the key in Vault
	Forms         map[string][]byte // additional output formats
}

// maxUnmanagedBytes leaves room for a certificate, its key and the additional output formats in a Secret, which is limited
// to 1 MiB.
const maxUnmanagedBytes = 896 << 10

// unmanagedBytes returns the size of the Secret's data that this controller does not write. It is preserved when the Secret
// is adopted.
func unmanagedBytes(s *Snapshot) int {
	if s.Secret.Object == nil {
		return 0
	}
	return ContentOf(s, Material{}).OthersSize(s.Secret.Object)
}

// ContentOf returns the desired content of the Secret.
func ContentOf(s *Snapshot, m Material) tlssecret.Content {
	c := tlssecret.Content{Type: keystorage.SecretType(s.Cert), Data: map[string][]byte{corev1.TLSCertKey: m.Cert}}
	if c.Type == corev1.SecretTypeTLS {
		c.Data[corev1.TLSPrivateKeyKey] = m.Key
	}
	if len(m.CA) > 0 {
		c.Data[corev1.ServiceAccountRootCAKey] = m.CA
	}
	maps.Copy(c.Data, m.Forms)
	if template := s.Cert.Spec.SecretTemplate; template != nil {
		c.Labels, c.Annotations = template.Labels, template.Annotations
	}
	c.Marks = tlssecret.Marks{
		Owner: authority.OwnerText(client.ObjectKeyFromObject(s.Cert)), IssuedBy: s.Cert.Spec.IssuerRef.String(), IssuedAt: m.IssuedAt,
		SpecDigest: m.Digest, IssuedUnder: m.IssuedUnder, Outputs: s.Forms.Digest(m.Cert, s.Facts.Spec.Key.Encoding), VaultKV: m.KeyLocation,
	}
	return c
}

// Present returns the Material that the Secret already has, without additional output formats.
func Present(s *Snapshot, now time.Time) Material {
	secret := s.Secret.Object
	marks := tlssecret.MarksOf(secret)
	m := Material{
		Cert: secret.Data[corev1.TLSCertKey], Key: secret.Data[corev1.TLSPrivateKeyKey], CA: secret.Data[corev1.ServiceAccountRootCAKey],
		IssuedAt: marks.IssuedAt, Digest: marks.SpecDigest, IssuedUnder: marks.IssuedUnder, KeyLocation: s.Keys.PresentMark(),
	}
	if !m.IssuedAt.IsZero() {
		return m
	}
	// The Secret was adopted, or lost its annotations.
	bundle, err := certs.ParseBundle(m.Cert, nil, nil)
	if err != nil {
		return m
	}
	m.IssuedAt = bundle.Leaf.NotBefore
	if issued := s.Cert.Status.Issued; issued.IssuedAt != nil && issued.Fingerprint == certs.Fingerprint(bundle.Leaf) {
		m.IssuedAt = issued.IssuedAt.Time
	}
	// The certificate of the record already satisfies a renewal that was requested before.
	if at := s.Facts.RenewRequestedAt; undated(s) && at.After(m.IssuedAt) && !at.After(now) {
		m.IssuedAt = at
	}
	return m
}

// secretFits reports whether annotations, labels and additional output formats of the Secret are as desired.
func secretFits(s *Snapshot, now time.Time) bool {
	m := Present(s, now)
	if tlssecret.MarksOf(s.Secret.Object).Outputs != s.Forms.Digest(m.Cert, s.Facts.Spec.Key.Encoding) {
		return false
	}
	m.Forms = map[string][]byte{}
	for _, key := range s.Forms.Keys() {
		if value, ok := s.Secret.Object.Data[key]; ok {
			m.Forms[key] = value
		}
	}
	return ContentOf(s, m).Fits(s.Secret.Object)
}

// Trial returns content of realistic size, without a key, for a dry run. csr is used as the certificate.
func Trial(s *Snapshot, csr []byte) tlssecret.Content {
	c := ContentOf(s, Material{Cert: csr, Key: []byte("dry run"), IssuedAt: time.Unix(0, 0), Digest: s.Facts.Spec.Digest(), KeyLocation: s.Keys.Mark()})
	if c.Type != corev1.SecretTypeTLS {
		delete(c.Data, corev1.TLSPrivateKeyKey)
	}
	return c
}
