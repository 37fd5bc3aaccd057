// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
)

// disorder says what is not in order, empty for nothing: every certificate is Ready, its Secret holds a pair that is valid
// and fits, and each of its hosts is served with that and nothing else.
func (s *scene) disorder() string {
	var list v1alpha1.ApisixCertificateList
	if err := s.Client.List(s.Context(), &list, client.InNamespace(namespace)); err != nil {
		return err.Error()
	}
	if len(list.Items) < len(held) {
		return fmt.Sprintf("there are %d certificates", len(list.Items))
	}
	for i := range list.Items {
		cert := &list.Items[i]
		if problem := s.disorderOf(cert); problem != "" {
			return cert.Name + ": " + problem
		}
	}
	return ""
}

func (s *scene) disorderOf(cert *v1alpha1.ApisixCertificate) string {
	if ready := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != "True" || ready.Reason != v1alpha1.ReasonReady {
		return fmt.Sprintf("Ready: %+v", ready)
	}
	secret := &corev1.Secret{}
	if err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: cert.Spec.SecretName}, secret); err != nil {
		return err.Error()
	}
	bundle, err := certs.ParseBundle(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey], secret.Data[corev1.ServiceAccountRootCAKey])
	switch {
	case err != nil:
		return err.Error()
	case !bundle.KeyMatches():
		return "the Secret's key does not match"
	case !time.Now().Before(bundle.Leaf.NotAfter):
		return "the Secret's certificate has expired"
	case cert.Status.Issued.SerialNumber != certs.Serial(bundle.Leaf):
		return "status has another serial than the Secret"
	case secret.Labels[v1alpha1.LabelManaged] != "true" || secret.Annotations[v1alpha1.AnnotationIssuedBy] == "":
		return "the Secret lacks a label or annotation"
	}
	for _, host := range hostsOf(cert) {
		leaf, _, err := shown(s.StandIn.TLSAddr(), host)
		if err != nil {
			return host + ": " + err.Error()
		}
		if !leaf.Equal(bundle.Leaf) {
			return host + ": another certificate is served than the Secret's"
		}
	}
	return ""
}

// hostsOf are hosts that a certificate is for, with a label in the place of an asterisk.
func hostsOf(cert *v1alpha1.ApisixCertificate) []string {
	var hosts []string
	for _, host := range cert.Spec.DNSNames {
		hosts = append(hosts, strings.Replace(host, "*", "any", 1))
	}
	return hosts
}

// orphans are the Secrets and ssl objects of ours that belong to no certificate, or that a certificate has twice.
func (s *scene) orphans() (found []string) {
	s.Helper()
	var list v1alpha1.ApisixCertificateList
	s.must(s.Client.List(s.Context(), &list))
	wanted := map[string]bool{}
	for _, cert := range list.Items {
		wanted["Secret "+cert.Namespace+"/"+cert.Spec.SecretName], wanted["ssl "+strings.Join(cert.Spec.DNSNames, ",")] = true, true
	}
	var secrets corev1.SecretList
	s.must(s.Client.List(s.Context(), &secrets, client.MatchingLabels{v1alpha1.LabelManaged: "true"}))
	var have []string
	for _, secret := range secrets.Items {
		have = append(have, "Secret "+secret.Namespace+"/"+secret.Name)
	}
	for _, ssl := range s.StandIn.SSLs() {
		if ssl.Labels["managed-by"] == "apisix-certs" {
			have = append(have, "ssl "+strings.Join(ssl.Hosts(), ","))
		}
	}
	for _, what := range have {
		if !wanted[what] {
			found = append(found, what)
		}
		wanted[what] = false
	}
	return found
}

// foreign are objects of others, as they were planted.
type foreign struct {
	ssls    []apisix.SSL
	secrets []corev1.Secret
}

var planted foreign

const foreignObjects = `
apiVersion: v1
kind: Secret
metadata: {name: held-tls-backup, namespace: faults, labels: {app: backup}}
type: Opaque
stringData: {tls.crt: "not ours", tls.key: "not ours"}
---
apiVersion: v1
kind: Secret
metadata: {name: web-tls, namespace: default}
type: Opaque
stringData: {password: "the same name in another namespace"}
---
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata: {name: theirs, namespace: faults}
spec: {hosts: [theirs.example.com], secret: {name: held-tls-backup, namespace: faults}}
`

// plantForeign makes objects of others, with names near ours.
func (s *scene) plantForeign() {
	s.Helper()
	s.apply(foreignObjects)
	planted.secrets = s.unmanagedSecrets()
	s.plantSSLs()
}

// plantSSLs makes their ssl objects, again where the gateway has lost them.
func (s *scene) plantSSLs() {
	s.Helper()
	gateway, err := apisix.New(apisix.Options{Endpoints: []string{s.StandIn.AdminURL()}, AdminKey: apisix.StaticKey(s.Gateway.AdminKey)})
	s.must(err)
	for id, labels := range map[string]map[string]string{"payments": {"team": "payments"}, "1": nil} {
		ca := newForger(s.T)
		cert, key := ca.pair(id + ".example.com")
		_, err := gateway.PutSSL(s.Context(), apisix.SSL{ID: id, SNIs: []string{id + ".example.com"}, Cert: cert, Key: key, Labels: labels})
		s.must(err)
	}
	planted.ssls = s.foreignSSLs()
}

func (s *scene) foreignSSLs() (found []apisix.SSL) {
	for _, ssl := range s.StandIn.SSLs() {
		if ssl.Labels["managed-by"] != "apisix-certs" {
			found = append(found, ssl)
		}
	}
	return found
}

// unmanagedSecrets are all Secrets that are not ours, but for those of Kubernetes itself.
func (s *scene) unmanagedSecrets() (found []corev1.Secret) {
	s.Helper()
	var list corev1.SecretList
	s.must(s.Client.List(s.Context(), &list))
	for _, secret := range list.Items {
		if secret.Labels[v1alpha1.LabelManaged] != "true" && (secret.Namespace == namespace || secret.Namespace == "default") {
			found = append(found, secret)
		}
	}
	return found
}

// checkForeign compares the objects of others with what was planted.
func (s *scene) checkForeign() {
	s.Helper()
	if cmp.Diff(planted.ssls, s.foreignSSLs()) != "" { // they have keys: no word on how they differ
		s.Error("ssl objects of others were touched")
	}
	if cmp.Diff(planted.secrets, s.unmanagedSecrets()) != "" {
		s.Error("Secrets of others were touched")
	}
	tls := &unstructured.Unstructured{}
	tls.SetGroupVersionKind(schema.GroupVersionKind{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixTls"})
	if !s.exists(tls, namespace, "theirs") || tls.GetGeneration() != 1 || len(tls.GetAnnotations()) > 0 {
		s.Error("an ApisixTls of others was touched")
	}
}

func decode(t *testing.T, document string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(document), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}
