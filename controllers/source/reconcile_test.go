// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"testing"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func newClient(t *testing.T, calls interceptor.Funcs, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	scheme.AddKnownTypes(apiVersions[kindTLS], &configv2.ApisixTls{}, &configv2.ApisixTlsList{})
	metav1.AddToGroupVersion(scheme, apiVersions[kindTLS])
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(calls).
		WithIndex(&v1alpha1.ApisixCertificate{}, indexOwner, owners).Build()
}

// scene runs the source controller of ApisixTls against a fake API.
type scene struct {
	*reconciler[*configv2.ApisixTls]
	events *events.FakeRecorder
}

func newScene(t *testing.T, calls interceptor.Funcs, objects ...client.Object) scene {
	recorder := events.NewFakeRecorder(100)
	return scene{&reconciler[*configv2.ApisixTls]{
		Client: newClient(t, calls, objects...), recorder: recorder, kind: kindTLS, wanted: wantedByTLS,
		newObject: func() *configv2.ApisixTls { return &configv2.ApisixTls{} },
	}, recorder}
}

// run reconciles ApisixTls "t" and returns the events.
func (s scene) run(t *testing.T) []string {
	t.Helper()
	if _, err := s.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "ns", Name: "t"}}); err != nil {
		t.Fatal(err)
	}
	var told []string
	for len(s.events.Events) > 0 {
		told = append(told, <-s.events.Events)
	}
	return told
}

func (s scene) expect(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.run(t)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestReconcileTellsOnce(t *testing.T) {
	s := newScene(t, interceptor.Funcs{}, newTLS(with("duration", "90d")))
	const problem = `annotation apisix-certs.io/duration: "90d" is no duration above zero: write one such as 2160h or 30m`
	s.expect(t, "Normal CertificateCreated created ApisixCertificate s", "Warning InvalidSource "+problem)
	s.expect(t)
	tls := newTLS()
	if err := s.Get(t.Context(), client.ObjectKeyFromObject(tls), tls); err != nil {
		t.Fatal(err)
	}
	tls.Annotations = annotated()
	if err := s.Update(t.Context(), tls); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "Normal CertificateUpdated updated ApisixCertificate s")
	s.expect(t)
	if err := s.Delete(t.Context(), tls); err != nil {
		t.Fatal(err)
	}
	s.expect(t)
	if err := s.Create(t.Context(), newTLS(hosts())); err != nil {
		t.Fatal(err)
	}
	told := s.run(t)
	if len(told) != 1 || told[0] != "Warning InvalidSource spec.hosts names no host: name the hosts that Secret s is for" {
		t.Errorf("an object of the same name: %q", told)
	}
}

// Covered hosts are told once too: they share the memory of problems.
func TestReconcileTellsCoveredHostsOnce(t *testing.T) {
	s := newScene(t, interceptor.Funcs{}, newTLS(), ptrTo(newCert(named("o"))))
	s.yields = true
	s.expect(t, "Normal HostsCovered host a.example is covered by ApisixCertificate o")
	s.expect(t)
}

func TestReconcileRefusedByTheAPIServer(t *testing.T) {
	s := newScene(t, interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return apierrors.NewInvalid(v1alpha1.GroupVersion.WithKind("ApisixCertificate").GroupKind(), "s", nil)
	}}, newTLS())
	s.expect(t, `Warning InvalidSource ApisixCertificate.apisix-certs.io "s" is invalid`)
	s.expect(t)
}

func ptrTo[T any](value T) *T { return &value }

func issued(c *v1alpha1.ApisixCertificate) {
	meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionIssued, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonIssued})
}

// ofRoute makes route "r" the controller.
func ofRoute(c *v1alpha1.ApisixCertificate) {
	c.OwnerReferences = []metav1.OwnerReference{controlling(owner(routeNamed("r"), kindRoute))}
}

func routeNamed(name string) *unstructured.Unstructured {
	route := newRoute()
	route.SetName(name)
	route.SetUID("uid-r")
	return route
}

func TestFollowRoute(t *testing.T) {
	made := func(edits ...tlsEdit) *configv2.ApisixTls {
		tls := tlsForRoute(owner(routeNamed("r"), kindRoute), ptrTo(newCert(ofRoute)))
		for _, edit := range edits {
			edit(tls)
		}
		return tls
	}
	foreign := func(tls *configv2.ApisixTls) { tls.OwnerReferences = nil }
	for _, c := range []struct {
		name  string
		cert  v1alpha1.ApisixCertificate
		there *configv2.ApisixTls
		hosts []configv2.HostType // nil: no ApisixTls
	}{
		{"not issued yet", newCert(ofRoute), nil, nil},
		{"another's certificate", newCert(controlled("other"), issued), nil, nil},
		{"issued", newCert(ofRoute, issued), nil, []configv2.HostType{"a.example"}},
		{"as it should be", newCert(ofRoute, issued), made(), []configv2.HostType{"a.example"}},
		{"other hosts", newCert(ofRoute, issued), made(hosts("b.example")), []configv2.HostType{"a.example"}},
		{"somebody else's", newCert(ofRoute, issued), made(hosts("b.example"), foreign), []configv2.HostType{"b.example"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var objects []client.Object
			if c.there != nil {
				objects = append(objects, c.there)
			}
			r := &reconciler[*unstructured.Unstructured]{Client: newClient(t, interceptor.Funcs{}, objects...)}
			if err := r.followRoute(t.Context(), routeNamed("r"), certList{c.cert}); err != nil {
				t.Fatal(err)
			}
			tls := &configv2.ApisixTls{}
			err := r.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: "s"}, tls)
			if c.hosts == nil {
				if !apierrors.IsNotFound(err) {
					t.Errorf("made: %v", err)
				}
				return
			}
			if diff := cmp.Diff(c.hosts, tls.Spec.Hosts); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestTLSForRoute(t *testing.T) {
	cert := newCert(ofRoute, func(c *v1alpha1.ApisixCertificate) { c.Spec.IngressClassName = "apisix" })
	got := tlsForRoute(owner(routeNamed("r"), kindRoute), &cert)
	want := &configv2.ApisixTls{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "s", Labels: map[string]string{v1alpha1.LabelManaged: "true"}, OwnerReferences: cert.OwnerReferences},
		Spec:       &configv2.ApisixTlsSpec{IngressClassName: "apisix", Hosts: []configv2.HostType{"a.example"}, Secret: configv2.ApisixSecret{Namespace: "ns", Name: "s"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(wantedByTLS(got, manageAll).certificates) > 0 {
		t.Error("it would get a certificate of its own with --manage all")
	}
}
