// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

var place = types.NamespacedName{Namespace: "ns", Name: "clients"}

// scene runs the controller against a fake API server. There is a VaultIssuer vault, whose CAs are set by rotate.
type scene struct {
	*testing.T
	*reconciler
	api    client.WithWatch
	clock  *clocktesting.FakePassiveClock
	events *events.FakeRecorder
	vault  *issuers
	// writes are what the controller has written since the last look: "create clients", "delete clients".
	writes []string
	live   int // reads past the cache
}

// issuers are those that exist, with what is known of them.
type issuers struct {
	known map[string]issuer.Observation // KIND/NAME
	typ   string
	ready metav1.ConditionStatus
}

func (i *issuers) Find(_ context.Context, namespace string, ref v1alpha1.IssuerReference) (v1alpha1.Issuer, error) {
	if _, ok := i.known[ref.String()]; !ok {
		return nil, nil
	}
	if i.typ != "" {
		f := &issuer.CertManagerIssuer{Kind: ref.Kind, Type: i.typ}
		f.Name = ref.Name
		return f, nil
	}
	found := &v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: ref.Name}}
	if i.ready != "" {
		found.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: i.ready, Message: "Vault is sealed"}}
	}
	return found, nil
}

func (i *issuers) Observation(of v1alpha1.Issuer) issuer.Observation {
	return i.known[issuer.KeyOf(of).Kind+"/"+of.GetName()]
}

func newScene(t *testing.T, objects ...client.Object) *scene {
	t.Helper()
	scheme := runtime.NewScheme()
	group := schema.GroupVersion{Group: "apisix.apache.org", Version: "v2"}
	scheme.AddKnownTypes(group, &configv2.ApisixTls{}, &configv2.ApisixTlsList{})
	metav1.AddToGroupVersion(scheme, group)
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	s := &scene{T: t, clock: clocktesting.NewFakePassiveClock(now), events: events.NewFakeRecorder(1000), vault: &issuers{known: map[string]issuer.Observation{}}}
	s.api = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithIndex(&configv2.ApisixTls{}, indexCASecret, caSecretKeys).WithIndex(&corev1.Secret{}, indexIssuer, issuerKeys).Build()
	note := func(verb string, object client.Object, err error) error {
		if err == nil {
			s.writes = append(s.writes, verb+" "+object.GetName())
		}
		return err
	}
	writing := interceptor.NewClient(s.api, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			object.SetUID(types.UID("uid-" + object.GetName()))
			return note("create", object, c.Create(ctx, object, options...))
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.UpdateOption) error {
			return note("update", object, c.Update(ctx, object, options...))
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, _ ...client.DeleteOption) error { // the fake knows no preconditions
			return note("delete", object, c.Delete(ctx, object))
		},
	})
	past := interceptor.NewClient(s.api, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			s.live++
			return c.Get(ctx, key, object, options...)
		},
	})
	s.start(writing, past)
	return s
}

// start starts the controller, or another one in its place.
func (s *scene) start(writing, past client.WithWatch) {
	s.reconciler = &reconciler{
		Reader: s.api, live: past, writer: tlssecret.Writer{Client: writing, Live: past, Direct: writing}, issuers: s.vault, recorder: s.events, clock: s.clock,
		noSecret: func(types.NamespacedName) bool { return false },
	}
}

// restart is a new process: it knows nothing but what the API server has.
func (s *scene) restart() {
	s.start(s.writer.Client.(client.WithWatch), s.reconciler.live.(client.WithWatch))
}

// run looks at the Secret until nothing is written any more, and compares what was.
func (s *scene) run(writes ...string) (next time.Duration) {
	s.Helper()
	s.writes = nil
	for range 2 {
		result, err := s.Reconcile(s.Context(), requestOf(place))
		if err != nil {
			s.Fatal(err)
		}
		next = result.RequeueAfter
	}
	if diff := cmp.Diff(writes, s.writes, cmpopts.EquateEmpty()); diff != "" {
		s.Fatalf("writes (-want +got):\n%s", diff)
	}
	return next
}

// rotate has VaultIssuer vault sign with these CAs.
func (s *scene) rotate(cas ...*certstest.CA) {
	o := issuer.Observation{Ready: true}
	for _, ca := range cas {
		o.CAs = append(o.CAs, ca.Cert)
	}
	s.vault.known["VaultIssuer/vault"] = o
}

// holds compares the names of the CAs in the Secret.
func (s *scene) holds(names ...string) {
	s.Helper()
	secret := &corev1.Secret{}
	if err := s.api.Get(s.Context(), place, secret); err != nil {
		s.Fatal(err)
	}
	cas, err := certs.ParseCertificates(secret.Data["ca.crt"])
	if err != nil {
		s.Fatal(err)
	}
	var got []string
	for _, ca := range cas {
		got = append(got, ca.Subject.CommonName)
	}
	if diff := cmp.Diff(names, got, cmpopts.EquateEmpty()); diff != "" {
		s.Fatalf("CAs (-want +got):\n%s", diff)
	}
}

// said are the events since the last look, of which each text must hold the one that is wanted.
func (s *scene) said(want ...string) {
	s.Helper()
	var got []string
	for len(s.events.Events) > 0 {
		got = append(got, <-s.events.Events)
	}
	if len(got) != len(want) {
		s.Fatalf("events %q, want %q", got, want)
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			s.Errorf("event %q, want %q", got[i], want[i])
		}
	}
}

// leaf is the Secret of a certificate of issuer vault that the CA signed.
func leaf(t *testing.T, name string, ca *certstest.CA, notAfter time.Time) *corev1.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := ca.Sign(t, &x509.Certificate{DNSNames: []string{name + ".example"}, NotBefore: hours(-1), NotAfter: notAfter}, key.Public())
	secret := &corev1.Secret{Type: corev1.SecretTypeTLS, Data: map[string][]byte{corev1.TLSCertKey: certstest.PEM(cert)}}
	secret.Namespace, secret.Name = "ns", name
	secret.Labels = map[string]string{v1alpha1.LabelManaged: "true"}
	secret.Annotations = map[string]string{v1alpha1.AnnotationCertificate: "ns/" + name, v1alpha1.AnnotationIssuedBy: "VaultIssuer/vault"}
	return secret
}

// renew puts another certificate into a Secret, as the controller of certificates does, and has the event heard.
func (s *scene) renew(to *corev1.Secret) {
	s.Helper()
	before := &corev1.Secret{}
	if err := s.api.Get(s.Context(), client.ObjectKeyFromObject(to), before); err != nil {
		s.Fatal(err)
	}
	if err := s.api.Update(s.Context(), to); err != nil {
		s.Fatal(err)
	}
	s.leaves(func(key issuer.Key) { s.writes = append(s.writes, fmt.Sprintf("check %s/%s", key.Kind, key.Name)) }).
		Update(event.UpdateEvent{ObjectOld: before, ObjectNew: to})
}
