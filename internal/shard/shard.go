// SPDX-License-Identifier: Apache-2.0

// Package shard cuts a cluster into parts by the names or labels of its namespaces, so that several controllers can share one
// cluster: each looks after the sources, ApisixCertificates and VaultIssuers of its own namespaces and writes to no
// others. It does not see to it that the parts are disjoint.
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

// Shard is the part of a cluster that a controller looks after. Nil is the whole cluster.
type Shard struct {
	// Namespaces reads the metadata of Namespaces.
	Namespaces client.Reader
	// Selector chooses namespaces by their labels. Nil: all.
	Selector labels.Selector
	// Read are the only namespaces whose objects may be read. Nil: all.
	Read []string
}

// MayRead reports whether objects of a namespace may be read. More than those that are looked after may be: a Secret may be
// in a namespace of another shard.
func (s *Shard) MayRead(namespace string) bool {
	return s == nil || s.Read == nil || slices.Contains(s.Read, namespace)
}

// Has tells whether a namespace is in the shard. The empty namespace, that of objects of the whole cluster, is in every
// shard; one that does not exist is in none.
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
		return false, client.IgnoreNotFound(fmt.Errorf("labels of namespace %s: %w", namespace, err))
	}
	return s.Selector.Matches(labels.Set(object.Labels)), nil
}

// recheck is when an object of another shard is looked at again: a namespace whose labels change moves.
const recheck = time.Minute

// Only gives a reconciler that leaves out the requests of other shards.
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
