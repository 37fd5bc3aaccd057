// SPDX-License-Identifier: Apache-2.0

// Package shard divides a cluster by the names or labels of its namespaces, so that several controllers can share it. Each
// controller reconciles the sources, ApisixCertificates and VaultIssuers of its own namespaces, and does not write to
// others. The package does not check that the shards are disjoint.
package shard

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Shard is the part of a cluster that a controller reconciles. Nil means the whole cluster.
type Shard struct {
	// Namespaces reads the metadata of Namespaces.
	Namespaces client.Reader
	// Selector selects namespaces by their labels. Nil means all.
	Selector labels.Selector
	// Read are the only namespaces whose objects may be read. Nil means all.
	Read []string
}

// MayRead reports whether objects of a namespace may be read. It is true for more namespaces than Has, as a certificate may
// use a Secret in a namespace of another shard.
func (s *Shard) MayRead(namespace string) bool {
	return s == nil || s.Read == nil || slices.Contains(s.Read, namespace)
}

// Has reports whether a namespace is in the shard. The empty namespace, that of cluster-scoped objects, is in every shard.
// A namespace that does not exist is in none.
func (s *Shard) Has(ctx context.Context, namespace string) (bool, error) {
	if s == nil || namespace == "" {
		return true, nil
	}
	if !s.MayRead(namespace) {
		return false, nil
	}
	if s.Selector == nil || s.Selector.Empty() {
		return true, nil
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := s.Namespaces.Get(ctx, client.ObjectKey{Name: namespace}, object); err != nil {
		return false, client.IgnoreNotFound(fmt.Errorf("get labels of namespace %s: %w", namespace, err))
	}
	return s.Selector.Matches(labels.Set(object.Labels)), nil
}

// recheck is the interval for objects of other shards: a change of its labels moves a namespace to another shard.
const recheck = time.Minute

// Only returns a reconciler that skips requests of other shards.
func (s *Shard) Only(inner reconcile.Reconciler) reconcile.Reconciler {
	if s == nil {
		return inner
	}
	return reconcile.Func(func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		switch ours, err := s.Has(ctx, request.Namespace); {
		case err != nil:
			return reconcile.Result{}, err
		case !ours:
			return reconcile.Result{RequeueAfter: recheck}, nil
		}
		return inner.Reconcile(ctx, request)
	})
}
