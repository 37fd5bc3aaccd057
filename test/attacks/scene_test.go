// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// patience is how long a row waits for what should happen in about a second, on a machine that is busy.
const patience = time.Minute

// scene is one row's part of the world: two tenants.
type scene struct {
	*testing.T
	*world
	id           string
	victim, evil *tenant
}

// tenant acts with the credentials of a ServiceAccount that may write in its own namespace alone.
type tenant struct {
	client.Client
	ns string
	// domain is the one below which the tenant's own hosts are.
	domain string
	// kubeconfig is a file.
	kubeconfig string
}

// tenantMay is what a tenant may do in its namespace.
var tenantMay = []rbacv1.PolicyRule{
	{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"*"}},
	{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses"}, Verbs: []string{"*"}},
	{APIGroups: []string{"apisix.apache.org"}, Resources: []string{"apisixtlses", "apisixroutes"}, Verbs: []string{"*"}},
	{APIGroups: []string{"apisix-certs.io"}, Resources: []string{"apisixcertificates", "vaultissuers"}, Verbs: []string{"*"}},
}

var scenes atomic.Int64

// newScene makes the two tenants. The evil one's namespace comes first in the alphabet.
func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneIn(t, shared.World(t), nil)
}

func newSceneIn(t *testing.T, w *world, labels map[string]string) *scene {
	t.Helper()
	s := &scene{T: t, world: w, id: fmt.Sprintf("a%02d", scenes.Add(1))}
	s.victim, s.evil = s.newTenant(s.id+"-victim", labels), s.newTenant(s.id+"-evil", labels)
	return s
}

func (s *scene) newTenant(name string, labels map[string]string) *tenant {
	s.Helper()
	s.must(s.create(s.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}))
	as, kubeconfig, err := s.Tenant(s.Context(), name, "dev", tenantMay...)
	s.must(err)
	s.until("the rights of "+name, func() string { // RBAC is in force a moment after it was made
		err := as.Create(s.Context(), &configv2.ApisixTls{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "probe"}, Spec: &configv2.ApisixTlsSpec{}}, client.DryRunAll)
		return unless(!apierrors.IsForbidden(err), "not there yet")
	})
	return &tenant{Client: as, ns: name, domain: name + ".moelove.info", kubeconfig: s.fileOf(name, kubeconfig)}
}

// fileOf writes a kubeconfig to a file.
func (s *scene) fileOf(name string, kubeconfig []byte) string {
	s.Helper()
	file := filepath.Join(s.TempDir(), name)
	s.must(os.WriteFile(file, kubeconfig, 0o600))
	return file
}

// on is the scene in a subtest.
func (s *scene) on(t *testing.T) *scene {
	sub := *s
	sub.T = t
	return &sub
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// makes creates objects as a tenant.
func (s *scene) makes(tn *tenant, objects ...client.Object) {
	s.Helper()
	for _, object := range objects {
		s.must(tn.Create(s.Context(), object))
	}
}

// until asks again and again. What done returns last is what was in the way; it is empty when there is nothing.
func (s *scene) until(what string, done func() (obstacle string)) {
	s.Helper()
	s.within(patience, what, done)
}

func (s *scene) within(most time.Duration, what string, done func() string) {
	s.Helper()
	var obstacle string
	err := wait.PollUntilContextTimeout(s.Context(), 100*time.Millisecond, most, true, func(context.Context) (bool, error) {
		if s.controller != nil {
			select {
			case <-s.controller.Ended():
				return false, errors.New("the controller has ended by itself")
			default:
			}
		}
		obstacle = done()
		return obstacle == "", nil
	})
	if err != nil && !wait.Interrupted(err) {
		s.Fatalf("%s: %v", what, err)
	}
	if err != nil {
		s.Fatalf("%s: not within %s: %s", what, most, obstacle)
	}
}

// change changes an object as a tenant.
func change[T client.Object](s *scene, tn *tenant, object T, edit func(T)) {
	s.Helper()
	s.must(tn.Get(s.Context(), client.ObjectKeyFromObject(object), object))
	before := object.DeepCopyObject().(client.Object)
	edit(object)
	s.must(tn.Patch(s.Context(), object, client.MergeFrom(before)))
}

// annotate sets an annotation of a tenant's object; an empty value removes it.
func (s *scene) annotate(tn *tenant, object client.Object, key, value string) {
	s.Helper()
	change(s, tn, object, func(o client.Object) {
		annotations := o.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		if annotations[key] = value; value == "" {
			delete(annotations, key)
		}
		o.SetAnnotations(annotations)
	})
}

// cert is an ApisixCertificate of the tenant by the shared issuer, in Secret NAME-tls.
func (tn *tenant) cert(name string, hosts ...string) *v1alpha1.ApisixCertificate {
	return cluster.NewCertificate(tn.ns, name, name+"-tls", sharedIssuer, hosts...)
}

// edited is a certificate with some changes.
func edited(cert *v1alpha1.ApisixCertificate, edits ...func(*v1alpha1.ApisixCertificateSpec)) *v1alpha1.ApisixCertificate {
	for _, edit := range edits {
		edit(&cert.Spec)
	}
	return cert
}

// provided makes a certificate one whose Secret somebody else keeps, in Secret secretName.
func provided(secretName string) func(*v1alpha1.ApisixCertificateSpec) {
	return func(spec *v1alpha1.ApisixCertificateSpec) {
		spec.SecretName, spec.Provided, spec.IssuerRef = secretName, true, v1alpha1.IssuerReference{}
	}
}

// issued makes a certificate one that the shared issuer signs.
func issued(spec *v1alpha1.ApisixCertificateSpec) {
	spec.Provided, spec.IssuerRef = false, sharedIssuer
}

// intoSecret chooses the Secret of a certificate.
func intoSecret(name string) func(*v1alpha1.ApisixCertificateSpec) {
	return func(spec *v1alpha1.ApisixCertificateSpec) { spec.SecretName = name }
}

// elsewhere chooses the Secret of a certificate in another namespace.
func elsewhere(namespace, name string) func(*v1alpha1.ApisixCertificateSpec) {
	return func(spec *v1alpha1.ApisixCertificateSpec) { spec.SecretNamespace, spec.SecretName = namespace, name }
}

func revoked(policy v1alpha1.RevocationPolicy) func(*v1alpha1.ApisixCertificateSpec) {
	return func(spec *v1alpha1.ApisixCertificateSpec) { spec.RevocationPolicy = policy }
}

// optIn are annotations that have the shared issuer sign, and more, as key and value in turn.
func optIn(more ...string) map[string]string {
	annotations := map[string]string{v1alpha1.AnnotationClusterIssuer: sharedIssuer.Name}
	for i := 0; i+1 < len(more); i += 2 {
		annotations[more[i]] = more[i+1]
	}
	return annotations
}

// named is an empty object of the tenant to get, change or delete.
func named[T client.Object](tn *tenant, object T, name string) T {
	object.SetNamespace(tn.ns)
	object.SetName(name)
	return object
}
