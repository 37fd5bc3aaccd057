// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// patience is how long anything may take on a machine that is busy. A recovery that needs longer fails.
const patience = 3 * time.Minute

const (
	namespace = "faults"
	domain    = "faults.moelove.info"
	heldHost  = "held." + domain
	fresh     = "fresh" // comes and goes; the others stay
)

// held are the certificates that are there all the time, by name, with the hosts to be served.
var held = map[string][]string{
	"held":     {heldHost},
	"shop-tls": {"shop." + domain},
	"web-tls":  {"web." + domain, "any.wild." + domain},
}

const objects = `
apiVersion: v1
kind: Namespace
metadata: {name: faults}
---
apiVersion: apisix-certs.io/v1alpha1
kind: VaultIssuer
metadata: {name: vault, namespace: faults}
spec:
  server: $vault
  path: pki/sign/moelove-dot-info
  auth: {tokenSecretRef: {name: vault-token, key: token}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {name: held, namespace: faults}
spec:
  secretName: held-tls
  duration: 24h
  dnsNames: [held.faults.moelove.info]
  issuerRef: {name: vault}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: faults, annotations: {apisix-certs.io/issuer: vault}}
spec:
  tls: [{hosts: [shop.faults.moelove.info], secretName: shop-tls}]
  rules:
    - host: shop.faults.moelove.info
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: httpbin, port: {number: 80}}}}]}
---
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata: {name: web, namespace: faults, annotations: {apisix-certs.io/issuer: vault}}
spec:
  hosts: [web.faults.moelove.info, "*.wild.faults.moelove.info"]
  secret: {name: web-tls, namespace: faults}
`

// scene is one test's view of the world.
type scene struct {
	*testing.T
	*world
}

// newScene makes the objects at the first call, and waits until they are served.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{T: t, world: shared.World(t)}
	if s.exists(&corev1.Namespace{}, "", namespace) {
		return s
	}
	s.apply(strings.Split(objects, "---")[0])
	s.must(s.Client.Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "vault-token"}, StringData: map[string]string{"token": s.token},
	}))
	s.plantForeign()
	s.apply(objects)
	s.until("the certificates", s.disorder)
	for _, hosts := range held {
		s.prober.add(hosts...)
	}
	return s
}

// apply applies YAML. The issuer's server is behind the wire.
func (s *scene) apply(yaml string) {
	s.Helper()
	for _, document := range strings.Split(yaml, "---") {
		object := decode(s.T, strings.ReplaceAll(document, "$vault", "http://"+s.vaultWire.Addr))
		s.must(s.Client.Apply(s.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("kubectl"), client.ForceOwnership))
	}
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *scene) exists(object client.Object, namespace, name string) bool {
	s.Helper()
	err := s.Client.Get(s.Context(), client.ObjectKey{Namespace: namespace, Name: name}, object)
	if !apierrors.IsNotFound(err) {
		s.must(err)
	}
	return err == nil
}

// until asks every few milliseconds. What done returns last is what was in the way; it is empty when there is nothing.
func (s *scene) until(what string, done func() (obstacle string)) {
	s.Helper()
	var obstacle string
	err := wait.PollUntilContextTimeout(s.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		obstacle = done()
		return obstacle == "", nil
	})
	if err != nil {
		s.Fatalf("%s: not within %s: %s", what, patience, obstacle)
	}
}

// annotate sets an annotation on a certificate.
func (s *scene) annotate(name, key, value string) {
	s.Helper()
	cert := &v1alpha1.ApisixCertificate{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	patch := []byte(`{"metadata":{"annotations":{"` + key + `":"` + value + `"}}}`)
	s.must(s.Client.Patch(s.Context(), cert, client.RawPatch("application/merge-patch+json", patch)))
}

// issuedAt is when the certificate in a Secret was issued, to the second; zero where that is not known.
func (s *scene) issuedAt(name string) time.Time {
	s.Helper()
	at, _ := time.Parse(time.RFC3339, s.secretOf(name).Annotations[v1alpha1.AnnotationIssuedAt])
	return at
}

// secretName is that of a certificate by name.
func secretName(name string) string { return strings.TrimSuffix(name, "-tls") + "-tls" }

// secretOf reads the Secret of a certificate; it is empty where there is none.
func (s *scene) secretOf(name string) *corev1.Secret {
	s.Helper()
	secret := &corev1.Secret{}
	s.exists(secret, namespace, secretName(name))
	return secret
}

// changeSecret changes a Secret as a person would.
func (s *scene) changeSecret(name string, change func(*corev1.Secret)) {
	s.Helper()
	secret := s.secretOf(name)
	before := secret.DeepCopy()
	change(secret)
	s.must(s.Client.Patch(s.Context(), secret, client.MergeFrom(before)))
}

// signed counts the signatures that were seen on their way from Vault.
func (s *scene) signed() int { return s.vault.Count(signature) }

// stored counts the certificates that Vault says it has signed.
func (s *scene) stored() int {
	s.Helper()
	list, err := s.Vault.Client().Logical().ListWithContext(s.Context(), "pki/certs")
	s.must(err)
	serials, _ := list.Data["keys"].([]any)
	return len(serials)
}

func signature(c cluster.Call) bool { return sign(c) && c.Status == http.StatusOK }

func sign(c cluster.Call) bool { return strings.Contains(c.Path, "/sign/") }

func secretWrite(c cluster.Call) bool {
	return c.Writes() && !c.DryRun && strings.Contains(c.Path, "/secrets")
}

func statusWrite(c cluster.Call) bool {
	return c.Writes() && strings.Contains(c.Path, "/apisixcertificates/") && strings.HasSuffix(c.Path, "/status")
}

func objectWrite(c cluster.Call) bool {
	return c.Writes() && strings.Contains(c.Path, "/apisixcertificates/") && !strings.HasSuffix(c.Path, "/status")
}
