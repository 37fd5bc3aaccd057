// SPDX-License-Identifier: Apache-2.0

package authority

import (
	"crypto/x509"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// MostToRevoke is how many replaced certificates are recorded while their issuer cannot revoke. The oldest is dropped first.
const MostToRevoke = 20

// Replaced returns the list of certificates to revoke once record replaces before. A record without an issuer was not issued
// for this object and is never revoked. old is the certificate of before, nil if not known.
func Replaced(list []v1alpha1.IssuedCertificate, before, record v1alpha1.IssuedCertificate, old *x509.Certificate) []v1alpha1.IssuedCertificate {
	if before.Issuer == "" || before.SerialNumber == "" || before.Fingerprint == record.Fingerprint {
		return list
	}
	if slices.ContainsFunc(list, func(c v1alpha1.IssuedCertificate) bool { return c.Fingerprint == before.Fingerprint }) {
		return list
	}
	entry := v1alpha1.IssuedCertificate{
		Fingerprint: before.Fingerprint, SerialNumber: before.SerialNumber, Issuer: before.Issuer, NotBefore: before.NotBefore, NotAfter: before.NotAfter,
	}
	if old != nil && certs.Fingerprint(old) == before.Fingerprint {
		entry.Certificate = string(certs.EncodeCertificates(old))
	}
	list = append(slices.Clone(list), entry)
	return list[max(0, len(list)-MostToRevoke):]
}

// Revocation is the permit to revoke one certificate that was issued for an object. Only Revocable returns it.
type Revocation struct{ record v1alpha1.IssuedCertificate }

// Record returns the certificate to revoke.
func (r Revocation) Record() v1alpha1.IssuedCertificate { return r.record }

// Revocable returns the certificates of a status that the object may have revoked, oldest first: those that it replaced, and
// with current its present one.
func Revocable(status *v1alpha1.ApisixCertificateStatus, current bool) []Revocation {
	var permits []Revocation
	for _, record := range status.ToRevoke {
		if record.Issuer != "" && record.SerialNumber != "" {
			permits = append(permits, Revocation{record})
		}
	}
	if current && status.Issued.Issuer != "" && status.Issued.SerialNumber != "" {
		permits = append(permits, Revocation{status.Issued})
	}
	return permits
}

// RecordOf returns the record of a certificate in a Secret.
func RecordOf(leaf *x509.Certificate, issuer string, at metav1.Time) v1alpha1.IssuedCertificate {
	notBefore, notAfter, at := metav1.NewTime(leaf.NotBefore), metav1.NewTime(leaf.NotAfter), metav1.NewTime(at.Rfc3339Copy().Time)
	return v1alpha1.IssuedCertificate{
		Fingerprint: certs.Fingerprint(leaf), SerialNumber: certs.Serial(leaf), Issuer: issuer, NotBefore: &notBefore, NotAfter: &notAfter, IssuedAt: &at,
	}
}

// MayRecord reports whether a certificate that was found in a managed Secret may be recorded, for example after a restore or
// a crash between writing the Secret and writing the status: all its DNS names must belong to the object.
func MayRecord(leaf *x509.Certificate, names Names) bool {
	if leaf == nil {
		return false
	}
	for _, name := range leaf.DNSNames {
		name = certs.NormalizeHost(name)
		if !isLocal(name) && !slices.Contains(names.Owned, name) && !slices.Contains(names.OwnedBySibling, name) {
			return false
		}
	}
	return true
}
