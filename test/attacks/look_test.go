// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// readCert reads an ApisixCertificate; it is empty where there is none.
func (s *scene) readCert(tn *tenant, name string) *v1alpha1.ApisixCertificate {
	s.Helper()
	cert := &v1alpha1.ApisixCertificate{}
	s.must(client.IgnoreNotFound(s.Client.Get(s.Context(), client.ObjectKey{Namespace: tn.ns, Name: name}, cert)))
	return cert
}

// readSecret reads a Secret; nil where there is none.
func (s *scene) readSecret(tn *tenant, name string) *corev1.Secret {
	s.Helper()
	secret := &corev1.Secret{}
	err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: tn.ns, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return nil
	}
	s.must(err)
	return secret
}

// leafOf is the certificate in a Secret with the key that fits, nil where there is none.
func leafOf(secret *corev1.Secret) *x509.Certificate {
	if secret == nil {
		return nil
	}
	bundle, err := certs.ParseBundle(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey], secret.Data[corev1.ServiceAccountRootCAKey])
	if err != nil || !bundle.KeyMatches() {
		return nil
	}
	return bundle.Leaf
}

// reason is what a condition of a certificate says, as STATUS REASON: MESSAGE.
func (s *scene) reason(tn *tenant, name, kind string) string {
	s.Helper()
	c := meta.FindStatusCondition(s.readCert(tn, name).Status.Conditions, kind)
	if c == nil {
		return "no condition " + kind
	}
	return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
}

// ready waits until the certificate is Ready for its present spec, and each host is served with what its Secret holds.
func (s *scene) ready(tn *tenant, name string, hosts ...string) *x509.Certificate {
	s.Helper()
	return s.readyAgain(tn, name, nil, hosts...)
}

// readyAgain is ready for another leaf than old.
func (s *scene) readyAgain(tn *tenant, name string, old *x509.Certificate, hosts ...string) (leaf *x509.Certificate) {
	s.Helper()
	s.until("certificate "+tn.ns+"/"+name, func() string {
		cert := s.readCert(tn, name)
		if !meta.IsStatusConditionTrue(cert.Status.Conditions, v1alpha1.ConditionReady) || cert.Status.ObservedGeneration != cert.Generation {
			return "Ready is " + s.reason(tn, name, v1alpha1.ConditionReady)
		}
		leaf = leafOf(s.readSecret(tn, cert.Spec.SecretName))
		if leaf == nil || old != nil && leaf.Equal(old) {
			return "no new pair in Secret " + cert.Spec.SecretName
		}
		for _, host := range hosts {
			if obstacle := s.unserved(host, leaf); obstacle != "" {
				return obstacle
			}
		}
		return ""
	})
	return leaf
}

// unserved says why a host is not served with a leaf; empty when it is.
func (s *scene) unserved(host string, leaf *x509.Certificate) string {
	served, err := s.Served(s.Context(), host)
	switch {
	case err != nil:
		return fmt.Sprintf("%s is not served: %v", host, err)
	case leaf == nil || !served.Equal(leaf):
		return host + " is served with another certificate"
	}
	return ""
}

// settled waits until the controller has said of the present spec whether it is issued.
func (s *scene) settled(tn *tenant, names ...string) {
	s.Helper()
	for _, name := range names {
		s.until("condition Issued of "+tn.ns+"/"+name, func() string {
			cert := s.readCert(tn, name)
			if meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionIssued) == nil || cert.Status.ObservedGeneration != cert.Generation {
				return "not there"
			}
			return ""
		})
	}
}

// The first checks of a fault of the set-up come 5 s apart.
const checks, checkEvery = 3, 5500 * time.Millisecond

// checkedAgain waits until the controller has looked at the certificates several times since they were settled. They are
// touched too, so that it must.
func (s *scene) checkedAgain(tn *tenant, names ...string) {
	s.Helper()
	s.settled(tn, names...)
	for i := range checks {
		for _, name := range names {
			s.annotate(tn, named(tn, &v1alpha1.ApisixCertificate{}, name), "example.com/touched", fmt.Sprint(i))
		}
		time.Sleep(checkEvery)
	}
}

// unchanged fails where a Secret is not byte for byte what it was, marks and all.
func (s *scene) unchanged(before *corev1.Secret) {
	s.Helper()
	s.sameContent(before)
	if now := s.readSecret(&tenant{ns: before.Namespace}, before.Name); now != nil && now.ResourceVersion != before.ResourceVersion {
		s.Errorf("Secret %s/%s was written to: labels %v, annotations %v", before.Namespace, before.Name, now.Labels, slices.Sorted(maps.Keys(now.Annotations)))
	}
}

// sameContent fails where a Secret is gone or has other content.
func (s *scene) sameContent(before *corev1.Secret) {
	s.Helper()
	now := s.readSecret(&tenant{ns: before.Namespace}, before.Name)
	switch {
	case now == nil:
		s.Fatalf("Secret %s/%s is gone", before.Namespace, before.Name)
	case now.UID != before.UID:
		s.Fatalf("Secret %s/%s was deleted and made again", before.Namespace, before.Name)
	case now.Type != before.Type || !maps.EqualFunc(now.Data, before.Data, bytes.Equal):
		s.Fatalf("Secret %s/%s was overwritten", before.Namespace, before.Name)
	}
}

// possession is what a tenant has of a host.
type possession struct {
	tn     *tenant
	name   string
	host   string
	leaf   *x509.Certificate
	secret *corev1.Secret
}

// possess makes a certificate of the tenant and waits until it is served.
func (s *scene) possess(tn *tenant, name, host string, more ...string) possession {
	s.Helper()
	s.makes(tn, tn.cert(name, append([]string{host}, more...)...))
	return s.possession(tn, name, host)
}

func (s *scene) possession(tn *tenant, name, host string) possession {
	s.Helper()
	leaf := s.ready(tn, name, host)
	return possession{tn, name, host, leaf, s.readSecret(tn, s.readCert(tn, name).Spec.SecretName)}
}

// undisturbed fails where a tenant no longer has what it had.
func (s *scene) undisturbed(before possession) {
	s.Helper()
	if s.onCRL(before.leaf) {
		s.Fatalf("the victim's certificate for %s is revoked", before.host)
	}
	s.unchanged(before.secret)
	if obstacle := s.unserved(before.host, before.leaf); obstacle != "" {
		s.Errorf("the victim's host: %s", obstacle)
	}
}

// hasNone fails where a Secret of the tenant holds a pair that names the host, or an ssl object of the tenant serves it.
func (s *scene) hasNone(tn *tenant, host string) {
	s.Helper()
	var list corev1.SecretList
	s.must(s.Client.List(s.Context(), &list, client.InNamespace(tn.ns)))
	for i := range list.Items {
		if leaf := leafOf(&list.Items[i]); leaf != nil && names(leaf, host) {
			s.Errorf("Secret %s/%s holds a pair for %s", tn.ns, list.Items[i].Name, host)
		}
	}
	s.servesNone(tn, host)
}

// servesNone fails where an ssl object that was made for the tenant has the host.
func (s *scene) servesNone(tn *tenant, host string) {
	s.Helper()
	for _, ssl := range s.ssls(host) {
		if ssl.Labels["apisix-certs.io/namespace"] == tn.ns {
			s.Errorf("ssl object %s serves %s for namespace %s", ssl.ID, host, tn.ns)
		}
	}
}

// names reports whether a certificate is good for a host, by its DNS names or its common name.
func names(leaf *x509.Certificate, host string) bool {
	return slices.ContainsFunc(append(slices.Clone(leaf.DNSNames), leaf.Subject.CommonName), func(name string) bool { return overlap(name, host) })
}

func overlap(a, b string) bool {
	return strings.EqualFold(a, b) || certs.MatchHost(a, b) || certs.MatchHost(b, a)
}

// ssls are the gateway's ssl objects for a host, or for a wildcard over it or a host below it.
func (s *scene) ssls(host string) []apisix.SSL {
	s.Helper()
	all, err := s.gateway.ListSSLs(s.Context())
	s.must(err)
	return slices.DeleteFunc(all, func(ssl apisix.SSL) bool {
		return !slices.ContainsFunc(ssl.Hosts(), func(sni string) bool { return overlap(sni, host) })
	})
}

// onCRL reports whether a certificate is on the CRL of Vault's mount pki.
func (s *scene) onCRL(leaf *x509.Certificate) bool {
	s.Helper()
	answer, err := s.Vault.Client().Logical().ReadWithContext(s.Context(), "pki/cert/crl")
	s.must(err)
	block, _ := pem.Decode([]byte(answer.Data["certificate"].(string)))
	crl, err := x509.ParseRevocationList(block.Bytes)
	s.must(err)
	return slices.ContainsFunc(crl.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(leaf.SerialNumber) == 0 })
}

// gone waits until an object is not there any more.
func (s *scene) gone(object client.Object) {
	s.Helper()
	s.until("end of "+object.GetNamespace()+"/"+object.GetName(), func() string {
		if err := s.Client.Get(s.Context(), client.ObjectKeyFromObject(object), object); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("it is there (%v)", err)
		}
		return ""
	})
}

// ends deletes a certificate as its tenant and waits until it has gone.
func (s *scene) ends(tn *tenant, name string) {
	s.Helper()
	cert := named(tn, &v1alpha1.ApisixCertificate{}, name)
	s.must(tn.Delete(s.Context(), cert))
	s.gone(cert)
}

// renews asks for a renewal and waits for it.
func (s *scene) renews(tn *tenant, name string, old *x509.Certificate, hosts ...string) *x509.Certificate {
	s.Helper()
	s.askRenewal(tn, name)
	return s.readyAgain(tn, name, old, hosts...)
}

// askRenewal asks for a renewal, as "apisix-certs renew" does. Such a wish counts in seconds, so it waits for the next one.
func (s *scene) askRenewal(tn *tenant, name string) {
	s.Helper()
	time.Sleep(1100 * time.Millisecond)
	s.annotate(tn, named(tn, &v1alpha1.ApisixCertificate{}, name), v1alpha1.AnnotationRenewAt, time.Now().UTC().Format(time.RFC3339))
}

// says reports whether a condition of the certificate, or an event of the namespace, has a reason.
func (s *scene) says(tn *tenant, name, reason string) bool {
	s.Helper()
	if slices.ContainsFunc(s.readCert(tn, name).Status.Conditions, func(c metav1.Condition) bool { return c.Reason == reason }) {
		return true
	}
	var list eventsv1.EventList
	s.must(s.Client.List(s.Context(), &list, client.InNamespace(tn.ns)))
	return slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool { return e.Reason == reason })
}

// signatures counts what Vault signed with a role.
func (s *scene) signatures(role string) int {
	return s.vault.Count(func(c cluster.Call) bool { return strings.HasSuffix(c.Path, "/pki/sign/"+role) && c.Status == 200 })
}

// ownIssuer makes a role and a ClusterVaultIssuer for this scene alone, whose signatures can be counted. more are further
// fields of the role, as key and value in turn.
func (s *scene) ownIssuer(more ...string) v1alpha1.IssuerReference {
	s.Helper()
	role := map[string]any{"allowed_domains": "moelove.info", "allow_subdomains": true, "key_type": "any", "max_ttl": "72h"}
	for i := 0; i+1 < len(more); i += 2 {
		role[more[i]] = more[i+1]
	}
	_, err := s.Vault.Client().Logical().WriteWithContext(s.Context(), "pki/roles/"+s.id, role)
	s.must(err)
	s.must(s.clusterIssuer(s.Context(), s.id, s.id))
	return v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterVaultIssuer, Name: s.id}
}
