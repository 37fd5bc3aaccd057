// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"bytes"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestOtherNamespaces: a Secret, an issuer or a source of another namespace is out of reach without a ReferenceGrant, and
// with one only as far as it goes: it lets refer to a Secret that its own annotation gives away.
func TestOtherNamespaces(t *testing.T) {
	t.Parallel()
	run(t, newScene,
		row{"delete another namespace's Secret", deletesElsewhere, grantedSecret},
		row{"delete the Secret of another namespace's CA", deletesAuthority, grantedSecret},
		row{"push another namespace's key", pushesElsewhere, grantedProvided},
		row{"revoke another namespace's certificate by naming its Secret", revokesElsewhere, grantedSecret},
		row{"take a granted Secret by an annotation of one's own", adoptsGranted, adoptedWhereItIs},
		row{"take a granted Secret by an annotation of one's own source", adoptsGrantedBySource, adoptedWhereItIs},
		row{"delete a Secret after the grant has gone", deletesAfterGrant, grantedSecret},
		row{"push a Secret's new key after the grant has gone", pushesAfterGrant, grantedProvided},
		row{"be the owner of another namespace's Ingress", claimsSource, ingressEnds},
		row{"use another namespace's VaultIssuer", usesIssuer, issuerAtHome},
	)
}

// remembers lets a certificate of the evil tenant have seen the victim's public certificate, by a copy in its own
// namespace, and then name the victim's Secret.
func (s *scene) remembers(theirs *corev1.Secret, host string, edits ...func(*v1alpha1.ApisixCertificateSpec)) {
	s.Helper()
	s.makes(s.evil, s.evil.tlsSecret("copy", publicOf(s, theirs.Data[corev1.TLSCertKey])))
	s.makes(s.evil, edited(s.evil.cert("grab", host), provided("copy")))
	s.settled(s.evil, "grab")
	change(s, s.evil, named(s.evil, &v1alpha1.ApisixCertificate{}, "grab"), func(c *v1alpha1.ApisixCertificate) {
		issued(&c.Spec)
		edited(c, append(edits, elsewhere(theirs.Namespace, theirs.Name))...)
	})
	s.checkedAgain(s.evil, "grab")
}

func noIssuer(spec *v1alpha1.ApisixCertificateSpec) {
	spec.IssuerRef = v1alpha1.IssuerReference{Name: "none"}
}

func deletesElsewhere(s *scene) {
	host := "v." + s.victim.domain
	theirs := s.keeps(s.victim, s.victim.tlsSecret("v-tls", bought(s, host)))
	s.remembers(theirs, host, noIssuer)
	s.unchanged(theirs)
	s.ends(s.evil, "grab")
	s.unchanged(theirs)
}

func deletesAuthority(s *scene) {
	theirs := s.keeps(s.victim, s.victim.tlsSecret("ca-key-pair", authority(s)))
	s.remembers(theirs, "ca."+s.evil.domain, noIssuer)
	s.ends(s.evil, "grab")
	s.unchanged(theirs)
}

func pushesElsewhere(s *scene) {
	host := "v." + s.victim.domain
	theirs := s.keeps(s.victim, s.victim.tlsSecret("v-tls", bought(s, host)))
	s.remembers(theirs, host, noIssuer)
	for _, ssl := range s.ssls(host) {
		s.Errorf("ssl object %s of namespace %s has the victim's key", ssl.ID, ssl.Labels["apisix-certs.io/namespace"])
	}
	if _, err := s.Served(s.Context(), host); err == nil {
		s.Errorf("the gateway serves the victim's host with the victim's key, which nobody let it have")
	}
}

func revokesElsewhere(s *scene) {
	host := "vpn." + s.victim.domain
	data, leaf := s.signs(host)
	theirs := s.keeps(s.victim, s.victim.tlsSecret("vpn", data))
	s.remembers(theirs, host, revoked(v1alpha1.RevokeOnDelete))
	s.ends(s.evil, "grab")
	if s.onCRL(leaf) {
		s.Errorf("the certificate in Secret %s/vpn was revoked by a certificate of %s", s.victim.ns, s.evil.ns)
	}
	s.unchanged(theirs)
}

// grants makes a ReferenceGrant in the victim's namespace: ApisixTlses of the evil one may refer to a Secret.
func (s *scene) grants(secretName string) {
	s.Helper()
	s.must(s.Apply(s.Context(), "grant", []byte(strings.NewReplacer("$to", s.victim.ns, "$from", s.evil.ns, "$name", secretName).Replace(`
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: $name, namespace: $to}
spec:
  from: [{group: apisix.apache.org, kind: ApisixTls, namespace: $from}]
  to: [{group: "", kind: Secret, name: $name}]
`))))
}

// ungrants takes a grant away and waits until the certificate says so.
func (s *scene) ungrants(secretName, certificate string) {
	s.Helper()
	grant := &unstructured.Unstructured{}
	grant.SetAPIVersion("gateway.networking.k8s.io/v1beta1")
	grant.SetKind("ReferenceGrant")
	s.must(s.Client.Delete(s.Context(), named(s.victim, grant, secretName)))
	s.until("the refusal", func() string {
		if says := s.reason(s.evil, certificate, v1alpha1.ConditionIssued); !strings.Contains(says, "ReferenceGrant") {
			return says
		}
		return ""
	})
}

// grantedCert is what a certificate is called that an ApisixTls of the evil tenant has in the victim's namespace.
func (s *scene) grantedCert(secretName string) string { return s.victim.ns + "." + secretName }

// refers makes an ApisixTls of the evil tenant that has its Secret in the victim's namespace.
func (s *scene) refers(name, secretName string, annotations map[string]string) string {
	s.Helper()
	host := name + "." + s.evil.domain
	s.makes(s.evil, cluster.NewApisixTLS(s.evil.ns, name, s.victim.ns, secretName, annotations, host))
	return host
}

// awayReady waits until a host is served with what a Secret of the victim's namespace holds.
func (s *scene) awayReady(secretName, host string) {
	s.Helper()
	s.until(host+" with Secret "+s.victim.ns+"/"+secretName, func() string {
		return s.unserved(host, leafOf(s.readSecret(s.victim, secretName)))
	})
}

// grantedSecret: with a grant an ApisixTls has its Secret elsewhere, which ends with it.
func grantedSecret(s *scene) {
	s.grants("granted")
	host := s.refers("granted", "granted", optIn())
	s.awayReady("granted", host)
	s.must(s.evil.Delete(s.Context(), cluster.NewApisixTLS(s.evil.ns, "granted", "", "", nil)))
	s.gone(named(s.victim, &corev1.Secret{}, "granted"))
}

// grantedProvided: with a grant a Secret that the other namespace keeps is pushed, and its renewals too.
func grantedProvided(s *scene) {
	s.grants("provided")
	host := "provided." + s.evil.domain
	s.keeps(s.victim, s.victim.tlsSecret("provided", bought(s, host)))
	s.refers("provided", "provided", map[string]string{v1alpha1.AnnotationProvided: "true"})
	s.awayReady("provided", host)
	pair := bought(s, host)
	change(s, s.victim, named(s.victim, &corev1.Secret{}, "provided"), func(secret *corev1.Secret) { secret.Data = pair })
	s.awayReady("provided", host)
}

func adoptsGranted(s *scene) {
	theirs := s.keeps(s.victim, s.victim.tlsSecret("wild", bought(s, "*.wild."+s.victim.domain)))
	s.grants("wild")
	s.refers("steal", "wild", nil)
	grab := edited(s.evil.cert("grab", "steal."+s.evil.domain), elsewhere(s.victim.ns, "wild"))
	grab.Annotations = map[string]string{v1alpha1.AnnotationAdoptSecret: "true"}
	s.makes(s.evil, grab)
	s.checkedAgain(s.evil, "grab")
	s.unchanged(theirs)
}

func adoptsGrantedBySource(s *scene) {
	theirs := s.keeps(s.victim, s.victim.tlsSecret("wild", bought(s, "*.wild."+s.victim.domain)))
	s.grants("wild")
	s.refers("steal", "wild", optIn(v1alpha1.AnnotationAdoptSecret, "true"))
	s.checkedAgain(s.evil, s.grantedCert("wild"))
	s.unchanged(theirs)
}

// adoptedWhereItIs: the namespace that has the Secret gives it away, by an annotation there.
func adoptedWhereItIs(s *scene) {
	given := s.victim.tlsSecret("given", bought(s, "*.wild."+s.victim.domain))
	given.Annotations = map[string]string{v1alpha1.AnnotationAdoptSecret: "true"}
	s.makes(s.victim, given)
	s.grants("given")
	host := s.refers("given", "given", optIn())
	s.awayReady("given", host)
	if leaf := leafOf(s.readSecret(s.victim, "given")); leaf == nil || !names(leaf, host) {
		s.Errorf("a Secret that its own annotation gives away was not taken over")
	}
}

func deletesAfterGrant(s *scene) {
	s.grants("lent")
	s.awayReady("lent", s.refers("lent", "lent", optIn()))
	before := s.readSecret(s.victim, "lent")
	s.ungrants("lent", s.grantedCert("lent"))
	s.must(s.evil.Delete(s.Context(), cluster.NewApisixTLS(s.evil.ns, "lent", "", "", nil)))
	s.gone(named(s.evil, &v1alpha1.ApisixCertificate{}, s.grantedCert("lent")))
	s.sameContent(before)
}

func pushesAfterGrant(s *scene) {
	s.grants("kept")
	host := "kept." + s.evil.domain
	s.keeps(s.victim, s.victim.tlsSecret("kept", bought(s, host)))
	s.refers("kept", "kept", map[string]string{v1alpha1.AnnotationProvided: "true"})
	s.awayReady("kept", host)
	s.ungrants("kept", s.grantedCert("kept"))
	pair := bought(s, host)
	change(s, s.victim, named(s.victim, &corev1.Secret{}, "kept"), func(secret *corev1.Secret) { secret.Data = pair })
	s.checkedAgain(s.evil, s.grantedCert("kept"))
	leaf := leafOf(s.readSecret(s.victim, "kept"))
	if served, err := s.Served(s.Context(), host); err == nil && served.Equal(leaf) {
		s.Errorf("the victim's new key was pushed though the grant has gone: serial %s", certs.Serial(leaf))
	}
	for _, ssl := range s.ssls(host) {
		if strings.TrimSpace(ssl.Cert) == strings.TrimSpace(string(bytes.TrimSpace(pair[corev1.TLSCertKey]))) {
			s.Errorf("ssl object %s has the victim's new pair though the grant has gone", ssl.ID)
		}
	}
}

// claimsSource: a certificate of the evil namespace says that the victim's Ingress owns it.
func claimsSource(s *scene) {
	host := "shop." + s.victim.domain
	s.makes(s.victim, cluster.NewIngress(s.victim.ns, "shop", "shop-tls", nil, host))
	shop := named(s.victim, &networkingv1.Ingress{}, "shop")
	s.must(s.Client.Get(s.Context(), client.ObjectKeyFromObject(shop), shop))
	claim := edited(s.evil.cert("shop-tls", "shop."+s.evil.domain), intoSecret("shop-tls"))
	claim.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: "networking.k8s.io/v1", Kind: "Ingress", Name: "shop", UID: shop.UID, Controller: ptr.To(true),
	}}
	claim.Finalizers = []string{"example.com/hold"} // garbage collection would end it
	s.makes(s.evil, claim)
	spec := s.readCert(s.evil, "shop-tls").Spec
	s.annotate(s.victim, shop, v1alpha1.AnnotationClusterIssuer, sharedIssuer.Name)
	s.within(patience/2, "the certificate of the victim's Ingress", func() string {
		if s.readCert(s.victim, "shop-tls").Name == "" {
			return "there is none: that of namespace " + s.evil.ns + " is taken for it"
		}
		return ""
	})
	s.ready(s.victim, "shop-tls", host)
	if now := s.readCert(s.evil, "shop-tls"); !equality.Semantic.DeepEqual(now.Spec, spec) {
		s.Errorf("the victim's Ingress decides the spec of a certificate of namespace %s", s.evil.ns)
	}
}

func ingressEnds(s *scene) {
	host := "ends." + s.victim.domain
	s.makes(s.victim, cluster.NewIngress(s.victim.ns, "ends", "ends-tls", optIn(), host))
	s.ready(s.victim, "ends-tls", host)
	s.must(s.victim.Delete(s.Context(), named(s.victim, &networkingv1.Ingress{}, "ends")))
	s.gone(named(s.victim, &v1alpha1.ApisixCertificate{}, "ends-tls"))
	s.gone(named(s.victim, &corev1.Secret{}, "ends-tls"))
}

// issuer is a VaultIssuer of the tenant, with the token in Secret vault-token of its namespace.
func (s *scene) issuer(tn *tenant, name, server string) *v1alpha1.VaultIssuer {
	return &v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: tn.ns, Name: name}, Spec: v1alpha1.VaultIssuerSpec{
		Server: server, Path: "pki/sign/moelove-dot-info",
		Auth: v1alpha1.VaultAuth{TokenSecretRef: &v1alpha1.SecretKeySelector{Name: "vault-token", Key: "token"}},
	}}
}

func (tn *tenant) opaque(name string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: tn.ns, Name: name}, StringData: data}
}

func usesIssuer(s *scene) {
	s.makes(s.victim, s.victim.opaque("vault-token", map[string]string{"token": s.token}), s.issuer(s.victim, "ours", s.vault.URL))
	s.makes(s.evil, edited(s.evil.cert("issuer", "issuer."+s.evil.domain), func(spec *v1alpha1.ApisixCertificateSpec) {
		spec.IssuerRef = v1alpha1.IssuerReference{Name: "ours"}
	}))
	s.checkedAgain(s.evil, "issuer")
	s.hasNone(s.evil, "issuer."+s.evil.domain)
}

func issuerAtHome(s *scene) {
	s.makes(s.victim, edited(s.victim.cert("home", "home."+s.victim.domain), func(spec *v1alpha1.ApisixCertificateSpec) {
		spec.IssuerRef = v1alpha1.IssuerReference{Name: "ours"}
	}))
	s.ready(s.victim, "home", "home."+s.victim.domain)
}
