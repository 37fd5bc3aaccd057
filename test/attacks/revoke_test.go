// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"crypto/x509"
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// TestRevocation: what is revoked is what a certificate's own record held, with the issuer that issued it. Nothing in a
// Secret, which its tenant may write, is an instruction.
func TestRevocation(t *testing.T) {
	t.Parallel()
	run(t, newScene,
		row{"a list in the Secret's annotation", revokesByList(sharedIssuer.String()), replacedIsRevoked},
		row{"a list that names a VaultIssuer", revokesByList(v1alpha1.KindVaultIssuer + "/own"), replacedIsRevoked},
		row{"a list with a certificate that was never ours", revokesStranger, deletedIsRevoked},
		row{"the victim's chain in the Secret, OnReplace", swaps(v1alpha1.RevokeOnReplace), replacedIsRevoked},
		row{"the victim's chain in the Secret, OnDelete", swapsAndDeletes, deletedIsRevoked},
		row{"the victim's chain in the Secret, while the issuer fails", swapsWhileFailing, deletedIsRevoked},
		row{"the victim's chain and a forged issuer in the Secret", forgesIssuer, deletedIsRevoked},
		row{"the victim's chain in a provided Secret, then issuerRef", providesAndRevokes, deletedIsRevoked},
		row{"the victim's chain in a Secret that is adopted", adoptsAndRevokes, deletedIsRevoked},
	)
}

// annotationToRevoke was once followed.
const annotationToRevoke = "apisix-certs.io/to-revoke"

// toRevoke is the annotation that lists what is to be revoked.
func toRevoke(s *scene, issuer string, leaf *x509.Certificate) string {
	s.Helper()
	list, err := json.Marshal([]map[string]string{{"issuer": issuer, "certificate": string(certs.EncodeCertificates(leaf))}})
	s.must(err)
	return string(list)
}

// notRevoked fails where the victim's certificate is on the CRL.
func (s *scene) notRevoked(leaf *x509.Certificate) {
	s.Helper()
	if s.onCRL(leaf) {
		s.Errorf("the certificate %s of %v is on Vault's CRL", certs.Serial(leaf), leaf.DNSNames)
	}
}

func revokesByList(issuer string) func(*scene) {
	return func(s *scene) {
		theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
		s.makes(s.evil, s.evil.opaque("vault-token", map[string]string{"token": s.token}), s.issuer(s.evil, "own", s.vault.URL))
		s.possess(s.evil, "mine", "mine."+s.evil.domain)
		s.annotate(s.evil, named(s.evil, &corev1.Secret{}, "mine-tls"), annotationToRevoke, toRevoke(s, issuer, theirs.leaf))
		s.checkedAgain(s.evil, "mine")
		s.undisturbed(theirs)
	}
}

func revokesStranger(s *scene) {
	_, leaf := s.signs("vpn." + s.victim.domain)
	s.possess(s.evil, "mine", "mine."+s.evil.domain)
	s.annotate(s.evil, named(s.evil, &corev1.Secret{}, "mine-tls"), annotationToRevoke, toRevoke(s, sharedIssuer.String(), leaf))
	s.checkedAgain(s.evil, "mine")
	s.notRevoked(leaf)
}

// swapIn puts the victim's public chain into a Secret of the evil tenant.
func (s *scene) swapIn(secretName string, theirs possession, annotations map[string]string) {
	s.Helper()
	change(s, s.evil, named(s.evil, &corev1.Secret{}, secretName), func(secret *corev1.Secret) {
		secret.Data[corev1.TLSCertKey] = theirs.secret.Data[corev1.TLSCertKey]
		for key, value := range annotations {
			secret.Annotations[key] = value
		}
	})
}

func swaps(policy v1alpha1.RevocationPolicy) func(*scene) {
	return func(s *scene) {
		theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
		s.makes(s.evil, edited(s.evil.cert("mine", "mine."+s.evil.domain), revoked(policy)))
		mine := s.ready(s.evil, "mine", "mine."+s.evil.domain)
		s.swapIn("mine-tls", theirs, nil)
		s.readyAgain(s.evil, "mine", mine, "mine."+s.evil.domain)
		s.checkedAgain(s.evil, "mine")
		s.undisturbed(theirs)
	}
}

func swapsAndDeletes(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	s.makes(s.evil, edited(s.evil.cert("mine", "mine."+s.evil.domain), revoked(v1alpha1.RevokeOnDelete)))
	s.ready(s.evil, "mine", "mine."+s.evil.domain)
	s.swapIn("mine-tls", theirs, nil)
	s.ends(s.evil, "mine")
	s.undisturbed(theirs)
}

// swapsWhileFailing: nothing can be issued in the place of what was swapped in, so that it is there at the end.
func swapsWhileFailing(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	s.makes(s.evil, edited(s.evil.cert("mine", "mine."+s.evil.domain), revoked(v1alpha1.RevokeOnDelete)))
	s.ready(s.evil, "mine", "mine."+s.evil.domain)
	change(s, s.evil, named(s.evil, &v1alpha1.ApisixCertificate{}, "mine"), func(c *v1alpha1.ApisixCertificate) { c.Spec.IssuerRef.Name = "none" })
	s.settled(s.evil, "mine")
	s.swapIn("mine-tls", theirs, map[string]string{v1alpha1.AnnotationIssuedBy: sharedIssuer.String()})
	s.checkedAgain(s.evil, "mine")
	s.ends(s.evil, "mine")
	s.undisturbed(theirs)
}

// forgesIssuer: the certificate was never the shared issuer's.
func forgesIssuer(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	s.makes(s.evil, s.evil.opaque("vault-token", map[string]string{"token": s.token}), s.issuer(s.evil, "own", s.vault.URL))
	s.makes(s.evil, edited(s.evil.cert("mine", "mine."+s.evil.domain), revoked(v1alpha1.RevokeOnReplace), func(spec *v1alpha1.ApisixCertificateSpec) {
		spec.IssuerRef = v1alpha1.IssuerReference{Name: "own"}
	}))
	mine := s.ready(s.evil, "mine", "mine."+s.evil.domain)
	s.swapIn("mine-tls", theirs, map[string]string{v1alpha1.AnnotationIssuedBy: sharedIssuer.String()})
	s.readyAgain(s.evil, "mine", mine, "mine."+s.evil.domain)
	s.checkedAgain(s.evil, "mine")
	s.ends(s.evil, "mine")
	s.undisturbed(theirs)
}

func providesAndRevokes(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	s.makes(s.evil, s.evil.tlsSecret("copy", publicOf(s, theirs.secret.Data[corev1.TLSCertKey])),
		edited(s.evil.cert("mine", "mine."+s.evil.domain), provided("copy")))
	s.settled(s.evil, "mine")
	change(s, s.evil, named(s.evil, &v1alpha1.ApisixCertificate{}, "mine"), func(c *v1alpha1.ApisixCertificate) {
		edited(c, issued, revoked(v1alpha1.RevokeOnReplace))
	})
	s.checkedAgain(s.evil, "mine")
	s.ends(s.evil, "mine")
	s.undisturbed(theirs)
}

// adoptsAndRevokes: consent to overwrite a Secret is no record of what it held.
func adoptsAndRevokes(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	mine := edited(s.evil.cert("mine", "mine."+s.evil.domain), intoSecret("copy"), revoked(v1alpha1.RevokeOnReplace))
	mine.Annotations = map[string]string{v1alpha1.AnnotationAdoptSecret: "true"}
	s.makes(s.evil, s.evil.tlsSecret("copy", publicOf(s, theirs.secret.Data[corev1.TLSCertKey])), mine)
	s.ready(s.evil, "mine", "mine."+s.evil.domain)
	s.checkedAgain(s.evil, "mine")
	s.undisturbed(theirs)
}

func replacedIsRevoked(s *scene) {
	host := "replaced." + s.victim.domain
	s.makes(s.victim, edited(s.victim.cert("replaced", host), revoked(v1alpha1.RevokeOnReplace)))
	old := s.ready(s.victim, "replaced", host)
	now := s.renews(s.victim, "replaced", old, host)
	s.until("revocation of what was replaced", func() string { return unless(s.onCRL(old), "not on the CRL") })
	if s.onCRL(now) {
		s.Errorf("the new certificate is revoked too")
	}
}

func deletedIsRevoked(s *scene) {
	host := "deleted." + s.victim.domain
	s.makes(s.victim, edited(s.victim.cert("deleted", host), revoked(v1alpha1.RevokeOnDelete)))
	leaf := s.ready(s.victim, "deleted", host)
	s.ends(s.victim, "deleted")
	s.until("revocation of what was deleted", func() string { return unless(s.onCRL(leaf), "not on the CRL") })
}

func unless(ok bool, obstacle string) string {
	if ok {
		return ""
	}
	return obstacle
}
