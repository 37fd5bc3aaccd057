// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

// scene runs the source controller against a fake API server.
type scene struct {
	*testing.T
	*reconciler
	clock  *clocktesting.FakePassiveClock
	events *events.FakeRecorder
	// writes are what the controller has written since the last look: "create s", "delete s".
	writes []string
	calls  interceptor.Funcs
}

func newScene(t *testing.T, objects ...client.Object) *scene {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, networkingv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	scheme.AddKnownTypes(apisixV2, &configv2.ApisixTls{}, &configv2.ApisixTlsList{})
	metav1.AddToGroupVersion(scheme, apisixV2)
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	s := &scene{T: t, clock: clocktesting.NewFakePassiveClock(time.Unix(1, 0)), events: events.NewFakeRecorder(1000)}
	b := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			if s.calls.Create != nil {
				return s.calls.Create(ctx, c, object, options...)
			}
			object.SetUID(types.UID("uid-cert-" + object.GetName())) // the fake gives none
			return s.note("create", object, c.Create(ctx, object, options...))
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, options ...client.PatchOption) error {
			if s.calls.Patch != nil {
				return s.calls.Patch(ctx, c, object, patch, options...)
			}
			return s.note("patch", object, c.Patch(ctx, object, patch, options...))
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.DeleteOption) error {
			return s.note("delete", object, c.Delete(ctx, object, options...))
		},
	}).WithIndex(&v1alpha1.ApisixCertificate{}, indexGroup, groupKeys).WithIndex(newRoute(), indexRouteHost, routeHostKeys).
		WithIndex(gatewayapi.NewListenerSet(), indexParent, parentKeys)
	s.reconciler = &reconciler{recorder: s.events, clock: s.clock, kinds: map[string]Kind{}, mayRead: func(string) bool { return true }}
	for _, kind := range kinds {
		s.follow(kind)
		b = b.WithIndex(kind.newObject(), indexSecret, kind.secrets)
	}
	s.Client = b.Build()
	return s
}

func (s *scene) note(verb string, object client.Object, err error) error {
	if err == nil {
		s.writes = append(s.writes, verb+" "+object.GetName())
	}
	return err
}

// requests are those of all that there is, in a fixed order.
func (s *scene) requests() []ctrl.Request {
	s.Helper()
	found := map[ctrl.Request]bool{}
	for _, kind := range kinds {
		list := kind.newList()
		s.must(s.List(s.Context(), list))
		s.must(eachItem(list, func(object client.Object) {
			for _, req := range kind.requests(s.Context(), object) {
				found[req] = true
			}
		}))
	}
	var certs v1alpha1.ApisixCertificateList
	s.must(s.List(s.Context(), &certs))
	for i := range certs.Items {
		for _, req := range groupRequests(s.Context(), &certs.Items[i]) {
			found[req] = true
		}
	}
	var all []ctrl.Request
	for req := range found {
		all = append(all, req)
	}
	slices.SortFunc(all, func(a, b ctrl.Request) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// settle runs everything once, which must leave nothing to do, and returns what was written.
func (s *scene) settle() []string {
	s.Helper()
	s.writes = nil
	s.round()
	writes := s.writes
	s.writes = nil
	if s.round(); len(s.writes) > 0 {
		s.Fatalf("%q after %q", s.writes, writes)
	}
	return writes
}

func (s *scene) round() {
	s.Helper()
	for _, req := range s.requests() {
		if _, err := s.Reconcile(s.Context(), req); err != nil {
			s.Fatalf("%s: %v", req, err)
		}
	}
}

// expect settles and compares what was written.
func (s *scene) expect(writes ...string) {
	s.Helper()
	if diff := cmp.Diff(writes, s.settle(), cmpopts.EquateEmpty()); diff != "" {
		s.Fatalf("writes (-want +got):\n%s", diff)
	}
}

// said are the events since the last look. Of one that ends in "~" only what is before that counts.
func (s *scene) said(want ...string) {
	s.Helper()
	var got []string
	for len(s.events.Events) > 0 {
		got = append(got, <-s.events.Events)
	}
	checkSteps(s.T, want, got)
}

// drain gives the events since the last look, as one text.
func (s *scene) drain() string {
	var all []string
	for len(s.events.Events) > 0 {
		all = append(all, <-s.events.Events)
	}
	return strings.Join(all, "\n")
}

// holds compares certificate "s" with its hosts, owners and marks, see steps.
func (s *scene) holds(want string) {
	s.Helper()
	cert := &v1alpha1.ApisixCertificate{}
	s.must(s.Get(s.Context(), types.NamespacedName{Namespace: "ns", Name: "s"}, cert))
	if got := steps(plan{keep: cert})[0]; got != "keep "+want {
		s.Fatalf("%s, want %s", got, want)
	}
}

// update writes what edit makes of an object, as a user does.
func update[T client.Object](s *scene, object T, edit func(T)) {
	s.Helper()
	s.must(s.Get(s.Context(), client.ObjectKeyFromObject(object), object))
	edit(object)
	s.must(s.Update(s.Context(), object))
}

// collectAll is what garbage collection does.
func (s *scene) collectAll() {
	s.Helper()
	alive := map[types.UID]bool{}
	for _, kind := range kinds {
		list := kind.newList()
		s.must(s.List(s.Context(), list))
		s.must(eachItem(list, func(object client.Object) { alive[object.GetUID()] = true }))
	}
	var list v1alpha1.ApisixCertificateList
	s.must(s.List(s.Context(), &list))
	for _, cert := range list.Items {
		if len(cert.OwnerReferences) > 0 && !slices.ContainsFunc(cert.OwnerReferences, func(r metav1.OwnerReference) bool { return alive[r.UID] }) {
			s.end(cert.Name)
		}
	}
}

// deleteCertificate deletes a certificate and takes off its finalizers.
func (s *scene) end(name string) {
	s.Helper()
	cert := &v1alpha1.ApisixCertificate{}
	s.must(s.Get(s.Context(), types.NamespacedName{Namespace: "ns", Name: name}, cert))
	cert.Finalizers = nil
	s.must(s.Update(s.Context(), cert))
	s.must(client.IgnoreNotFound(s.Delete(s.Context(), cert)))
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func eachItem(list client.ObjectList, do func(client.Object)) error {
	return meta.EachListItem(list, func(object runtime.Object) error {
		if o, ok := object.(client.Object); ok {
			do(o)
		}
		return nil
	})
}

// at makes an object one that was created in that second.
func at[T client.Object](object T, name string, second int64) T {
	object.SetName(name)
	object.SetUID(types.UID("uid-" + name))
	object.SetCreationTimestamp(metav1.Time{Time: time.Unix(second, 0)})
	return object
}

func tlsNamed(name string, second int64, edits ...tlsEdit) *configv2.ApisixTls {
	return at(newTLS(edits...), name, second)
}

func ingressNamed(name string, second int64, entries ...networkingv1.IngressTLS) *networkingv1.Ingress {
	return at(newIngress(entries...), name, second)
}

func numberedIngress(i int) *networkingv1.Ingress {
	name := fmt.Sprintf("i%02d", i)
	return ingressNamed(name, 1, tlsEntry(name+"-tls", name+".example"))
}
