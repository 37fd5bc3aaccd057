// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestUnmanagedSecrets: a Secret that the controller did not make for this very certificate is never overwritten,
// re-labelled or deleted without consent, however long the certificate waits and whatever was done to it before.
func TestUnmanagedSecrets(t *testing.T) {
	t.Parallel()
	run(t, newScene,
		row{"a TLS Secret made by hand", madeByHand((*scene).otherPair), adoptedByCertificate},
		row{"a TLS Secret made by hand whose pair fits", madeByHand((*scene).fittingPair), providedIsServed},
		row{"an Opaque Secret with other keys", madeByHand((*scene).appSecret), anotherNameIsIssued},
		row{"a Secret made by hand, named by an annotated Ingress", namedByIngress, adoptedBySource},
		row{"a provided Secret, then issuerRef", fromProvidedToIssued, adoptedBySecret},
		row{"a copy of a managed Secret in another namespace", copiedWithMarks, strippedMarksComeBack},
		row{"a managed Secret that a person took over", takenOverByHand, strippedMarksComeBack},
		row{"secretName changed to a copy of the own pair", renamedToBackup, renamedToFreeName},
		row{"a Secret made by hand whose certificate is deleted", deletedBesideHandMade, deletedWithItsOwn},
		row{"a Secret deleted and made again by hand", madeAgainByHand, strippedMarksComeBack},
	)
}

func (s *scene) otherPair() *corev1.Secret {
	return s.victim.tlsSecret("web-tls", bought(s, "bought."+s.victim.domain))
}

func (s *scene) fittingPair() *corev1.Secret {
	data, _ := s.signs("web." + s.victim.domain)
	return s.victim.tlsSecret("web-tls", data)
}

func (s *scene) appSecret() *corev1.Secret {
	secret := s.otherPair()
	secret.Type = corev1.SecretTypeOpaque
	secret.Data["db-password"] = []byte("hunter2")
	return secret
}

// madeByHand lets a certificate name a Secret that somebody made by hand.
func madeByHand(secret func(*scene) *corev1.Secret) func(*scene) {
	return func(s *scene) {
		before := s.keeps(s.victim, secret(s))
		s.makes(s.victim, s.victim.cert("web", "web."+s.victim.domain))
		s.checkedAgain(s.victim, "web")
		s.unchanged(before)
	}
}

func namedByIngress(s *scene) {
	before := s.keeps(s.victim, s.otherPair())
	s.makes(s.victim, cluster.NewIngress(s.victim.ns, "web", "web-tls", optIn(), "web."+s.victim.domain))
	s.checkedAgain(s.victim, "web-tls")
	s.unchanged(before)
}

func fromProvidedToIssued(s *scene) {
	host := "web." + s.victim.domain
	before := s.keeps(s.victim, s.victim.tlsSecret("web-tls", bought(s, host)))
	s.makes(s.victim, edited(s.victim.cert("web", host), provided("web-tls")))
	s.ready(s.victim, "web", host)
	change(s, s.victim, named(s.victim, &v1alpha1.ApisixCertificate{}, "web"), func(c *v1alpha1.ApisixCertificate) { issued(&c.Spec) })
	s.checkedAgain(s.victim, "web")
	s.unchanged(before)
}

// copiedWithMarks is what reflector and kubed do, and what a backup restored into another namespace is.
func copiedWithMarks(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	copied := s.evil.tlsSecret("web-tls", theirs.secret.Data)
	copied.Labels, copied.Annotations = theirs.secret.Labels, theirs.secret.Annotations
	before := s.keeps(s.evil, copied)
	s.makes(s.evil, s.evil.cert("web", "web."+s.evil.domain))
	s.checkedAgain(s.evil, "web")
	s.unchanged(before)
	s.ends(s.evil, "web")
	s.unchanged(before)
	s.undisturbed(theirs)
}

// takenOverByHand: who takes our marks off and puts a pair of their own in has made the Secret theirs.
func takenOverByHand(s *scene) {
	s.possess(s.victim, "mine", "mine."+s.victim.domain)
	pair := bought(s, "bought."+s.victim.domain)
	change(s, s.victim, named(s.victim, &corev1.Secret{}, "mine-tls"), func(secret *corev1.Secret) {
		secret.Labels, secret.Annotations, secret.Data = nil, nil, pair
	})
	before := s.readSecret(s.victim, "mine-tls")
	s.checkedAgain(s.victim, "mine")
	s.sameContent(before)
}

// renamedToBackup: a Secret with the very certificate of the record is not the one that was made.
func renamedToBackup(s *scene) {
	mine := s.possess(s.victim, "mine", "mine."+s.victim.domain)
	before := s.keeps(s.victim, s.victim.tlsSecret("backup", mine.secret.Data))
	s.renames("mine", "backup")
	s.checkedAgain(s.victim, "mine")
	s.unchanged(before)
	s.ends(s.victim, "mine")
	s.unchanged(before)
}

func (s *scene) renames(name, secretName string) {
	s.Helper()
	change(s, s.victim, named(s.victim, &v1alpha1.ApisixCertificate{}, name), func(c *v1alpha1.ApisixCertificate) { c.Spec.SecretName = secretName })
}

func deletedBesideHandMade(s *scene) {
	before := s.keeps(s.victim, s.otherPair())
	s.makes(s.victim, s.victim.cert("web", "web."+s.victim.domain))
	s.checkedAgain(s.victim, "web")
	s.ends(s.victim, "web")
	s.unchanged(before)
}

// madeAgainByHand: while the certificate cannot be issued again, somebody puts a pair of their own in the Secret's place.
func madeAgainByHand(s *scene) {
	s.possess(s.victim, "mine", "mine."+s.victim.domain)
	change(s, s.victim, named(s.victim, &v1alpha1.ApisixCertificate{}, "mine"), func(c *v1alpha1.ApisixCertificate) { c.Spec.IssuerRef.Name = "none" })
	s.settled(s.victim, "mine")
	s.must(s.victim.Delete(s.Context(), named(s.victim, &corev1.Secret{}, "mine-tls")))
	before := s.keeps(s.victim, s.victim.tlsSecret("mine-tls", bought(s, "mine."+s.victim.domain)))
	change(s, s.victim, named(s.victim, &v1alpha1.ApisixCertificate{}, "mine"), func(c *v1alpha1.ApisixCertificate) { issued(&c.Spec) })
	s.checkedAgain(s.victim, "mine")
	s.unchanged(before)
}

// adoptable makes a Secret by hand and a certificate that names it, which waits.
func (s *scene) adoptable() {
	s.Helper()
	s.makes(s.victim, s.victim.tlsSecret("adopt-tls", bought(s, "bought."+s.victim.domain)), s.victim.cert("adopt", "adopt."+s.victim.domain))
	s.settled(s.victim, "adopt")
}

func adoptedByCertificate(s *scene) {
	s.adoptable()
	s.annotate(s.victim, named(s.victim, &v1alpha1.ApisixCertificate{}, "adopt"), v1alpha1.AnnotationAdoptSecret, "true")
	s.issuedNow("adopt")
}

func adoptedBySecret(s *scene) {
	s.adoptable()
	s.annotate(s.victim, named(s.victim, &corev1.Secret{}, "adopt-tls"), v1alpha1.AnnotationAdoptSecret, "true")
	s.issuedNow("adopt")
}

func adoptedBySource(s *scene) {
	s.makes(s.victim, s.victim.tlsSecret("adopt-tls", bought(s, "bought."+s.victim.domain)),
		cluster.NewIngress(s.victim.ns, "adopt", "adopt-tls", optIn(v1alpha1.AnnotationAdoptSecret, "true"), "adopt."+s.victim.domain))
	s.issuedNow("adopt-tls")
}

// issuedNow waits until Vault's certificate is in the Secret and served.
func (s *scene) issuedNow(name string) {
	s.Helper()
	if leaf := s.ready(s.victim, name, "adopt."+s.victim.domain); leaf.Issuer.CommonName != "moelove.info" {
		s.Errorf("with consent the Secret was not taken over: its certificate is of %s", leaf.Issuer)
	}
}

func providedIsServed(s *scene) {
	host := "provided." + s.victim.domain
	before := s.keeps(s.victim, s.victim.tlsSecret("provided", bought(s, host)))
	s.makes(s.victim, edited(s.victim.cert("provided", host), provided("provided")))
	s.ready(s.victim, "provided", host)
	s.unchanged(before)
}

func anotherNameIsIssued(s *scene) {
	s.renames("web", "free-tls")
	s.ready(s.victim, "web", "web."+s.victim.domain)
}

func renamedToFreeName(s *scene) {
	s.possess(s.victim, "moves", "moves."+s.victim.domain)
	s.renames("moves", "moved-tls")
	s.ready(s.victim, "moves", "moves."+s.victim.domain)
}

// strippedMarksComeBack: a Secret of ours whose labels and annotations somebody removed is ours again, without a signature.
func strippedMarksComeBack(s *scene) {
	before := s.possess(s.victim, "marked", "marked."+s.victim.domain)
	change(s, s.victim, named(s.victim, &corev1.Secret{}, "marked-tls"), func(secret *corev1.Secret) { secret.Labels, secret.Annotations = nil, nil })
	s.until("the marks", func() string {
		if marks := s.readSecret(s.victim, "marked-tls").Annotations; marks[v1alpha1.AnnotationCertificate] == "" {
			return "they are " + metav1.FormatLabelSelector(metav1.SetAsLabelSelector(maps.Clone(marks)))
		}
		return ""
	})
	s.sameContent(before.secret)
}

func deletedWithItsOwn(s *scene) {
	s.possess(s.victim, "own", "own."+s.victim.domain)
	s.ends(s.victim, "own")
	s.gone(named(s.victim, &corev1.Secret{}, "own-tls"))
}
