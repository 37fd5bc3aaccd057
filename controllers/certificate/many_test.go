// SPDX-License-Identifier: Apache-2.0

package certificate_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate/controllertest"
)

// TestMany issues many certificates in this process, against an API server that is two maps, and restarts the controller: all
// is observed and planned again, and nothing is written. What it measures is the controller's own cost and no cluster's.
func TestMany(t *testing.T) {
	n := 500
	if os.Getenv("APISIX_CERTS_MEASURES") == "long" {
		n = 100_000
	}
	kube := &store{Client: fake.NewClientBuilder().WithScheme(controllertest.Scheme()).Build(), certs: map[types.NamespacedName]*cert{}, secrets: map[types.NamespacedName]*corev1.Secret{}}
	s := controllertest.New(t, func(s *scene) { s.Kube, s.Quiet = kube, true })
	kube.now = s.Clock.Now
	keys := make([]types.NamespacedName, n)
	for i := range keys {
		name := fmt.Sprintf("c%06d", i)
		keys[i] = types.NamespacedName{Namespace: controllertest.Namespace, Name: name}
		s.Create(name, func(c *cert) { c.Finalizers = []string{v1alpha1.Finalizer} })
	}
	began := time.Now()
	reconcileAll(t, s, keys)
	issued := time.Since(began)
	if s.Signed() != n {
		t.Fatalf("%d signatures for %d certificates", s.Signed(), n)
	}
	heap := heapMiB()
	writes, requests := kube.writes.Load(), len(s.Gateway.Calls())
	s.Restart()
	began = time.Now()
	reconcileAll(t, s, keys)
	restart := time.Since(began)
	began = time.Now()
	for _, key := range keys {
		if plan := s.Plan(key.Name); plan != "" {
			t.Fatalf("planning for %s gives %q", key.Name, plan)
		}
	}
	planning := time.Since(began)
	writes, requests = kube.writes.Load()-writes, len(s.Gateway.Calls())-requests
	per := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n) }
	t.Logf("measure: many in_process certificates=%d issue_us_each=%.0f restart_s=%.1f restart_us_each=%.0f observe_and_plan_us_each=%.0f restart_writes=%d restart_signs=%d restart_admin_requests=%d heap_mib_with_servers=%.0f",
		n, per(issued), restart.Seconds(), per(restart), per(planning), writes, s.Signed()-n, requests, heap)
	if writes != 0 || s.Signed() != n || requests > n/500+5 {
		t.Errorf("a restart made %d writes, %d signatures and %d requests to the gateway", writes, s.Signed()-n, requests)
	}
	if per(restart) > 10_000 {
		t.Errorf("a restart takes %.0f µs for each certificate", per(restart))
	}
}

// reconcileAll runs all certificates with as many workers as there are cores, until none is due again at once.
func reconcileAll(t *testing.T, s *scene, keys []types.NamespacedName) {
	t.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	for range runtime.NumCPU() {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(keys) {
					return
				}
				for again := time.Duration(1); again > 0 && again < 2*time.Second; {
					var err error
					if again, err = s.Reconcile(keys[i]); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	group.Wait()
}

func heapMiB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// store is an API server for many ApisixCertificates and their Secrets. All else is the fake client's.
type store struct {
	client.Client
	now func() time.Time

	mu      sync.RWMutex
	version int
	certs   map[types.NamespacedName]*cert
	secrets map[types.NamespacedName]*corev1.Secret
	writes  atomic.Int64
}

func (s *store) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch o := o.(type) {
	case *cert:
		if found := s.certs[key]; found != nil {
			found.DeepCopyInto(o)
			return nil
		}
		return apierrors.NewNotFound(v1alpha1.GroupVersion.WithResource("apisixcertificates").GroupResource(), key.Name)
	case *corev1.Secret:
		if found := s.secrets[key]; found != nil {
			found.DeepCopyInto(o)
			return nil
		}
	}
	return s.Client.Get(ctx, key, o, options...)
}

func (s *store) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	all, ok := list.(*v1alpha1.ApisixCertificateList)
	if !ok {
		return s.Client.List(ctx, list, options...)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, found := range s.certs {
		all.Items = append(all.Items, *found)
	}
	return nil
}

func (s *store) Create(ctx context.Context, o client.Object, options ...client.CreateOption) error {
	var applied client.CreateOptions
	if applied.ApplyOptions(options); len(applied.DryRun) > 0 {
		return nil
	}
	key := client.ObjectKeyFromObject(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch o := o.(type) {
	case *cert:
		s.stamp(o)
		s.certs[key] = o.DeepCopy()
	case *corev1.Secret:
		s.stamp(o)
		s.secrets[key] = o.DeepCopy()
	default:
		return s.Client.Create(ctx, o, options...)
	}
	return nil
}

// stamp is what an API server sets.
func (s *store) stamp(o client.Object) {
	s.version++
	s.writes.Add(1)
	o.SetResourceVersion(strconv.Itoa(s.version))
	if o.GetUID() == "" {
		o.SetUID(types.UID(fmt.Sprintf("uid-%d", s.version)))
		o.SetGeneration(1)
		o.SetCreationTimestamp(metav1.NewTime(s.now()))
	}
}

func (s *store) Status() client.SubResourceWriter { return &statuses{s.Client.Status(), s} }

type statuses struct {
	client.SubResourceWriter
	store *store
}

func (w *statuses) Update(ctx context.Context, o client.Object, options ...client.SubResourceUpdateOption) error {
	updated, ok := o.(*cert)
	if !ok {
		return w.SubResourceWriter.Update(ctx, o, options...)
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.stamp(updated)
	w.store.certs[client.ObjectKeyFromObject(o)] = updated.DeepCopy()
	return nil
}
