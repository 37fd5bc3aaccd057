// SPDX-License-Identifier: Apache-2.0

package controllertest

import (
	"context"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/kubecache"
)

// scheme has what the controller reads and writes with a type, and no more: a fake API server goes through all of it.
var scheme = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(corev1.AddToScheme(s))
	utilruntime.Must(v1alpha1.AddToScheme(s))
	return s
})

// newKube is an API server. server has no faults, and is the test's; kube is the controller's way to it.
func (s *Scene) newKube() {
	server := fake.NewClientBuilder().WithScheme(scheme()).WithTypeConverters(managedfields.NewDeducedTypeConverter()).WithReturnManagedFields().
		WithStatusSubresource(&v1alpha1.ApisixCertificate{}, &v1alpha1.VaultIssuer{}).WithGlobalResourceVersionCounter().
		WithInterceptorFuncs(interceptor.Funcs{Create: s.created, Get: s.got}).Build()
	s.Kube = server
	s.kube = interceptor.NewClient(server, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
			applied := (&client.CreateOptions{}).ApplyOptions(options)
			return s.write("create", o, applied.DryRun, func() error { return c.Create(ctx, o, options...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.UpdateOption) error {
			applied := (&client.UpdateOptions{}).ApplyOptions(options)
			return s.write("update", o, applied.DryRun, func() error { return c.Update(ctx, o, options...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
			return s.write("patch", o, nil, func() error { return c.Patch(ctx, o, patch, options...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			return s.write("delete", o, nil, func() error { return c.Delete(ctx, o, options...) })
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, _ string, o client.Object, options ...client.SubResourceUpdateOption) error {
			return s.write("update status", o, nil, func() error { return c.Status().Update(ctx, o, options...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, _ string, o client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			return s.write("patch status", o, nil, func() error { return c.Status().Patch(ctx, o, patch, options...) })
		},
	})
}

// created sets what a fake API server omits.
func (s *Scene) created(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
	s.mu.Lock()
	s.objects++
	o.SetUID(types.UID(fmt.Sprintf("uid-%d", s.objects)))
	s.mu.Unlock()
	o.SetCreationTimestamp(metav1.NewTime(s.Clock.Now()))
	o.SetGeneration(1)
	if s.Terminating[o.GetNamespace()] {
		return apierrors.NewForbidden(corev1.Resource("secrets"), o.GetName(), fmt.Errorf("namespace %s is being terminated", o.GetNamespace()))
	}
	var all client.CreateOptions
	if all.ApplyOptions(options); len(all.DryRun) > 0 { // which does not look whether there is one
		if err := c.Get(ctx, client.ObjectKeyFromObject(o), o.DeepCopyObject().(client.Object)); err == nil {
			return apierrors.NewAlreadyExists(corev1.Resource("secrets"), o.GetName())
		}
	}
	return c.Create(ctx, o, options...)
}

// got reports deletion times by the clock of the scene.
func (s *Scene) got(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	if err := c.Get(ctx, key, o, options...); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.deleted[o.GetUID()]; ok && !o.GetDeletionTimestamp().IsZero() {
		o.SetDeletionTimestamp(&at)
	}
	return nil
}

// write is one call of the controller.
func (s *Scene) write(verb string, o client.Object, dryRun []string, do func() error) error {
	what, key := verb, client.ObjectKeyFromObject(o)
	if !strings.HasSuffix(verb, "status") {
		what += " " + kindOf(o)
	}
	if len(dryRun) > 0 {
		what = "try " + kindOf(o)
	}
	fault, failure := s.calls.record(Call{What: what, On: key.String(), At: s.Clock.Now()})
	if fault == Refused {
		return failure
	}
	err := do()
	if err == nil && len(dryRun) == 0 {
		s.changed(o)
	}
	if fault == Lost && err == nil {
		return failure
	}
	return err
}

func kindOf(o client.Object) string {
	kind, err := apiutil.GVKForObject(o, scheme())
	if err != nil {
		return fmt.Sprintf("%T", o)
	}
	return kind.Kind
}

// changed simulates the watch events of a write.
func (s *Scene) changed(o client.Object) {
	key := client.ObjectKeyFromObject(o)
	switch o.(type) {
	case *corev1.Secret:
		for _, cert := range s.reconciler.Reviewer.Claims.OfSecret(key) {
			s.Enqueue(cert)
		}
	case *v1alpha1.ApisixCertificate:
		s.updateClaims(key)
	}
}

// cache is the controller's view of the cluster. It may lag.
type cache struct {
	client.Client
	s *Scene
}

func (c cache) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	secret, ok := o.(*corev1.Secret)
	if !ok || c.s.frozen == nil {
		err := c.Client.Get(ctx, key, o, options...)
		if err == nil && ok {
			_, err = kubecache.Trim(secret)
		}
		return err
	}
	before := c.s.frozen[key]
	if before == nil {
		return apierrors.NewNotFound(corev1.Resource("secrets"), key.Name)
	}
	before.DeepCopyInto(secret)
	_, err := kubecache.Trim(secret)
	return err
}

// noSecret is as far behind as the cache.
func (c cache) noSecret(key types.NamespacedName) bool {
	return apierrors.IsNotFound(c.Get(c.s.ctx, key, &corev1.Secret{}))
}

// Freeze stops the cache: it shows Secrets as they are now, whatever is written. Thaw ends that.
func (s *Scene) Freeze() {
	var list corev1.SecretList
	s.must(s.Kube.List(s.ctx, &list))
	s.frozen = map[types.NamespacedName]*corev1.Secret{}
	for i := range list.Items {
		s.frozen[client.ObjectKeyFromObject(&list.Items[i])] = &list.Items[i]
	}
}

// Thaw ends Freeze.
func (s *Scene) Thaw() { s.frozen = nil }

// Scheme has the kinds of the scene's API server.
func Scheme() *runtime.Scheme { return scheme() }
