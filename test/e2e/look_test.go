// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/x509"
	"fmt"
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
)

// cert reads an ApisixCertificate; it is empty where there is none.
func (s *scene) cert(name string) *v1alpha1.ApisixCertificate {
	s.Helper()
	cert := &v1alpha1.ApisixCertificate{}
	s.must(client.IgnoreNotFound(s.Client.Get(s.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, cert)))
	return cert
}

// keptSecret reads a Secret; nil where there is none.
func (s *scene) keptSecret(name string) *corev1.Secret {
	s.Helper()
	secret := &corev1.Secret{}
	err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return nil
	}
	s.must(err)
	return secret
}

// pair parses what a Secret holds and says what is wrong with it.
func (s *scene) pair(secretName string) (certs.Bundle, string) {
	s.Helper()
	secret := s.keptSecret(secretName)
	if secret == nil {
		return certs.Bundle{}, "there is no Secret " + secretName
	}
	bundle, err := certs.ParseBundle(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey], secret.Data[corev1.ServiceAccountRootCAKey])
	switch {
	case err != nil:
		return certs.Bundle{}, err.Error()
	case !bundle.KeyMatches():
		return bundle, "the key does not match"
	case !time.Now().Before(bundle.Leaf.NotAfter):
		return bundle, "it has expired"
	}
	return bundle, ""
}

// served is the leaf that the gateway shows for a host, by a handshake of the test's own; nil where it shows none.
func (w *world) served(host string) (*x509.Certificate, error) {
	return w.Served(context.Background(), host)
}

// verifier checks certificates under the CA and the intermediates that a Secret holds now.
func (s *scene) verifier(secretName string) func(leaf *x509.Certificate, host string) error {
	s.Helper()
	bundle, problem := s.pair(secretName)
	if problem != "" {
		s.Fatal(problem)
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, ca := range bundle.CA {
		roots.AddCert(ca)
	}
	for _, ca := range bundle.Intermediates {
		between.AddCert(ca)
	}
	return func(leaf *x509.Certificate, host string) error {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, DNSName: host})
		return err
	}
}

// unserved says what is missing for host to be served with what the Secret holds; empty when it is.
func (s *scene) unserved(secretName, host string) string {
	s.Helper()
	bundle, problem := s.pair(secretName)
	if problem != "" {
		return "Secret: " + problem
	}
	leaf, err := s.served(host)
	switch {
	case err != nil:
		return "handshake: " + err.Error()
	case !leaf.Equal(bundle.Leaf):
		return "the gateway serves another certificate than the Secret's"
	}
	return ""
}

// ready waits until the certificate is Ready and served for each host as the Secret has it, and returns the leaf.
func (s *scene) ready(name string, hosts ...string) *x509.Certificate {
	s.Helper()
	return s.readyBut(name, "", hosts...)
}

// readyBut is ready for a certificate with another serial than old.
func (s *scene) readyBut(name, old string, hosts ...string) *x509.Certificate {
	s.Helper()
	var leaf *x509.Certificate
	s.until("certificate "+name, func() string {
		cert := s.cert(name)
		if c := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionReady); c == nil || c.Status != metav1.ConditionTrue {
			return fmt.Sprintf("Ready: %+v", c)
		}
		bundle, problem := s.pair(cert.Spec.SecretName)
		if leaf = bundle.Leaf; problem != "" {
			return problem
		}
		if serial := certs.Serial(leaf); serial == old || cert.Status.Issued.SerialNumber != serial {
			return "status and Secret do not have a new serial yet"
		}
		for _, host := range hosts {
			if problem := s.unserved(cert.Spec.SecretName, host); problem != "" {
				return host + ": " + problem
			}
		}
		return ""
	})
	return leaf
}

// condition waits until a condition of a certificate has this status and reason, and a message with all the texts.
func (s *scene) condition(name, kind string, status metav1.ConditionStatus, reason string, texts ...string) {
	s.Helper()
	s.until(name+" "+kind, func() string {
		return lacks(meta.FindStatusCondition(s.cert(name).Status.Conditions, kind), status, reason, texts)
	})
}

// issuerCondition is condition for Ready of a VaultIssuer.
func (s *scene) issuerCondition(name string, status metav1.ConditionStatus, reason string, texts ...string) {
	s.Helper()
	s.until("VaultIssuer "+name, func() string {
		issuer := &v1alpha1.VaultIssuer{}
		s.must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: s.ns, Name: name}, issuer))
		return lacks(meta.FindStatusCondition(issuer.Status.Conditions, v1alpha1.ConditionReady), status, reason, texts)
	})
}

func lacks(c *metav1.Condition, status metav1.ConditionStatus, reason string, texts []string) string {
	if c == nil || c.Status != status || c.Reason != reason || !containsAll(c.Message, texts) {
		return fmt.Sprintf("want %s %s %q, have %+v", status, reason, texts, c)
	}
	return ""
}

// event waits for an event about an object, with all the texts in its note.
func (s *scene) event(kind, name, reason string, texts ...string) {
	s.Helper()
	s.until(fmt.Sprintf("event %s about %s %s", reason, kind, name), func() string {
		var list eventsv1.EventList
		s.must(s.Client.List(s.Context(), &list, client.InNamespace(s.ns)))
		var others []string
		for _, e := range list.Items {
			if e.Regarding.Kind != kind || e.Regarding.Name != name {
				continue
			}
			if e.Reason == reason && containsAll(e.Note, texts) {
				return ""
			}
			others = append(others, e.Reason+": "+e.Note)
		}
		return fmt.Sprintf("there are only %q", others)
	})
}

// toldAlways fails where an event about a source has a reason and does not begin in the source's own terms.
func (s *scene) toldAlways(name, reason, begins string) {
	s.Helper()
	var list eventsv1.EventList
	s.must(s.Client.List(s.Context(), &list, client.InNamespace(s.ns)))
	for _, e := range list.Items {
		if e.Regarding.Kind != "ApisixCertificate" && e.Regarding.Name == name && e.Reason == reason && !strings.HasPrefix(e.Note, begins) {
			s.Errorf("%s %s is told twice of its %s: %q", e.Regarding.Kind, name, reason, e.Note)
		}
	}
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// ssls are the gateway's ssl objects of a host.
func (s *scene) ssls(host string) []apisix.SSL {
	s.Helper()
	list, err := s.gateway.ListSSLs(s.Context())
	s.must(err)
	var found []apisix.SSL
	for _, ssl := range list {
		for _, sni := range ssl.Hosts() {
			if sni == host {
				found = append(found, ssl)
			}
		}
	}
	return found
}

// gone waits until neither the Secret nor an ssl object of the host is left.
func (s *scene) gone(secretName, host string) {
	s.Helper()
	s.until("end of "+secretName, func() string {
		if s.keptSecret(secretName) != nil {
			return "the Secret is there"
		}
		if len(s.ssls(host)) > 0 {
			return "the ssl object is there"
		}
		return ""
	})
}
