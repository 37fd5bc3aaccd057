// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/testr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/certs/vault/vaulttest"
	"apisix-certs.io/apisix-certs/controllers/certificate"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/admission"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/keystorage"
	"apisix-certs.io/apisix-certs/internal/references"
	"apisix-certs.io/apisix-certs/internal/revocation"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// Namespace is where things are whose name has none.
const Namespace = "shop"

// Start is when the clock of every scene begins.
var Start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// made counts scenes.
var made atomic.Int64

// Made is how many scenes this process has made.
func Made() int64 { return made.Load() }

// Scene is a controller and all that is around it.
type Scene struct {
	// Kube is the API server, past all faults. What a test writes with it enqueues nothing. An option may set another than the
	// fake one, which has no faults then and records no calls.
	Kube    client.Client
	Vault   *vaulttest.Vault
	Gateway *apisixtest.Server
	Clock   *clocktesting.FakeClock
	// Quiet: nothing is logged. To be set by an option.
	Quiet bool
	// NoGateway: the certificates have no gateway. To be set before a Restart, or by Without.
	NoGateway bool
	// Limits are those of the issuers. To be set before the first Create.
	Limits *v1alpha1.VaultLimits
	// Observation, where it is not nil, is what the last check of every issuer showed.
	Observation *issuer.Observation
	// Uses are the objects that refer to a Secret, by NAMESPACE/NAME.
	Uses map[string][]gateway.Reference
	// Granted are the namespaces that may refer to Secrets of others.
	Granted map[string]bool
	// Terminating are namespaces where nothing can be created.
	Terminating map[string]bool
	// VaultBehind is how far the clock of the Vault is behind the scene's.
	VaultBehind time.Duration

	t          testing.TB
	ctx        context.Context
	kube       client.Client
	vaultURL   string
	calls      calls
	frozen     map[types.NamespacedName]*corev1.Secret
	reconciler *certificate.Reconciler
	sessions   *issuer.Sessions
	gateways   gateways

	mu      sync.Mutex
	objects int
	deleted map[types.UID]metav1.Time
	events  []string
	issuers map[string]bool // namespaces that have one
	known   map[types.NamespacedName]types.UID

	// The queue. Its times are of a clock that is never set: jumped is how far the scene's is ahead of it.
	due     map[types.NamespacedName]time.Time
	jumped  time.Duration
	backoff workqueue.TypedRateLimiter[types.NamespacedName]
	errs    []error
	runs    int
}

// New is a scene without certificates. It has VaultIssuer vault in each namespace with a certificate, and one gateway.
func New(t testing.TB, options ...func(*Scene)) *Scene {
	t.Helper()
	s := &Scene{
		t: t, ctx: ctrl.LoggerInto(t.Context(), testr.NewWithInterface(t, testr.Options{})), Clock: clocktesting.NewFakeClock(Start),
		Uses: map[string][]gateway.Reference{}, Granted: map[string]bool{}, Terminating: map[string]bool{}, deleted: map[types.UID]metav1.Time{}, issuers: map[string]bool{}, known: map[types.NamespacedName]types.UID{},
	}
	for _, option := range options {
		option(s)
	}
	if s.Quiet {
		s.ctx = ctrl.LoggerInto(t.Context(), logr.Discard())
	}
	made.Add(1)
	if s.kube = s.Kube; s.kube == nil {
		s.newKube()
	}
	s.newVault()
	s.newGateway()
	s.Restart()
	t.Cleanup(func() { s.endSessions() })
	return s
}

// Restart replaces the controller by a new one without its memory. All certificates are enqueued, as at every start.
func (s *Scene) Restart() {
	s.t.Helper()
	s.endSessions()
	s.sessions = &issuer.Sessions{Client: s.kube, Live: s.kube, ClusterResourceNamespace: "apisix-certs", Clock: s.Clock}
	s.gateways = nil
	if !s.NoGateway {
		s.gateways = gateways{s.gateway()}
	}
	s.backoff = workqueue.NewTypedItemExponentialFailureRateLimiter[types.NamespacedName](500*time.Millisecond, 30*time.Second)
	s.due = map[types.NamespacedName]time.Time{}
	s.reconciler = s.newReconciler()
	wakeups := make(chan event.GenericEvent, 64)
	s.reconciler.Requeue = wakeups
	go func() {
		for {
			select {
			case e := <-wakeups:
				s.Enqueue(client.ObjectKeyFromObject(e.Object))
			case <-s.t.Context().Done():
				return
			}
		}
	}()
	for _, cert := range s.certificates() {
		key := client.ObjectKeyFromObject(cert)
		s.updateClaims(key)
		s.Enqueue(key)
	}
}

func (s *Scene) newReconciler() *certificate.Reconciler {
	cached := cache{s.kube, s}
	issuers := &issuance.Issuers{Client: cached, Live: s.kube, Clock: s.Clock, Signers: signers{s.sessions, s}}
	granted := func(_ context.Context, _, from, _, _ string) (bool, error) { return s.Granted[from], nil }
	return &certificate.Reconciler{
		Client: cached, Live: s.kube, Recorder: recorder{s}, Clock: s.Clock, Gateways: s.gateways,
		NoSecret: cached.noSecret,
		Components: certificate.Components{
			Issuers: issuers,
			Keys:    &keystorage.Stores{Live: s.kube, Issuers: issuers},
			Reviewer: &admission.Reviewer{
				Reader: cached, Claims: &authority.Claims{Clock: s.Clock}, Granted: granted,
			},
			References: &references.Finder{Live: s.kube, Granted: granted, Uses: func(_ context.Context, namespace, name string) ([]gateway.Reference, error) {
				return s.Uses[namespace+"/"+name], nil
			}},
			Revoker: &revocation.Revoker{Issuers: issuers, Clock: s.Clock, Recorder: recorder{s}},
			Secrets: tlssecret.Writer{Client: cached, Live: s.kube, Direct: s.kube},
		},
	}
}

func (s *Scene) certificates() []*v1alpha1.ApisixCertificate {
	var list v1alpha1.ApisixCertificateList
	s.must(s.Kube.List(s.ctx, &list))
	var all []*v1alpha1.ApisixCertificate
	for i := range list.Items {
		all = append(all, &list.Items[i])
	}
	return all
}

// signers are the sessions, with what the test says of the last checks.
type signers struct {
	*issuer.Sessions
	s *Scene
}

func (x signers) Observation(i v1alpha1.Issuer) issuer.Observation {
	if x.s.Observation != nil {
		return *x.s.Observation
	}
	return x.Sessions.Observation(i)
}

// gateways has one gateway for all classes, or none.
type gateways []*gateway.Gateway

func (g gateways) For(string) []*gateway.Gateway { return g }

func (g gateways) Named(name string) *gateway.Gateway {
	for _, one := range g {
		if one.Name == name {
			return one
		}
	}
	return nil
}

func (s *Scene) gateway() *gateway.Gateway {
	admin, err := apisix.New(apisix.Options{Endpoints: []string{s.Gateway.AdminURL()}, AdminKey: apisix.StaticKey(s.Gateway.AdminKey())})
	s.must(err)
	return &gateway.Gateway{Name: "default", Admin: admin, TLSAddrs: []string{s.Gateway.TLSAddr()}, Mode: gateway.ModeOwn, Cluster: "blue", Clock: s.Clock}
}

// recorder keeps events as "TYPE REASON: NOTE", with the kind of the object before it where that is another.
type recorder struct{ s *Scene }

func (r recorder) Eventf(regarding, _ runtime.Object, kind, reason, _, note string, args ...any) {
	text := kind + " " + reason + ": " + fmt.Sprintf(note, args...)
	if _, ok := regarding.(*v1alpha1.ApisixCertificate); !ok {
		text = regarding.GetObjectKind().GroupVersionKind().Kind + " " + text
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.events = append(r.s.events, text)
}

// Events are all since the start.
func (s *Scene) Events() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.events...)
}

func (s *Scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
