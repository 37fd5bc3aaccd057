// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func named(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": name}}}
}

// ofShop has the namespaces of team shop. Reading namespace broken fails.
func ofShop() *Shard {
	reader := interceptor.NewClient(fake.NewClientBuilder().WithObjects(named("shop"), named("other")).Build(), interceptor.Funcs{
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
			if key.Name == "broken" {
				return errors.New("no answer")
			}
			return inner.Get(ctx, key, object, options...)
		},
	})
	return &Shard{Namespaces: reader, Selector: labels.SelectorFromSet(labels.Set{"team": "shop"})}
}

func TestShard(t *testing.T) {
	for _, c := range []struct {
		name      string
		shard     *Shard
		namespace string
		has       bool
	}{
		{"selected", ofShop(), "shop", true},
		{"not selected", ofShop(), "other", false},
		{"gone", ofShop(), "nowhere", false},
		{"of the whole cluster", ofShop(), "", true},
		{"no shards", nil, "other", true},
		{"read, no labels asked for", &Shard{Read: []string{"other"}}, "other", true},
		{"not read", &Shard{Read: []string{"other"}}, "shop", false},
		{"not read, of the whole cluster", &Shard{Read: []string{"other"}}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if has, err := c.shard.Has(t.Context(), c.namespace); has != c.has || err != nil {
				t.Errorf("has it: %t, %v", has, err)
			}
			ran := false
			request := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: c.namespace, Name: "a"}}
			result, err := c.shard.Only(reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) {
				ran = true
				return reconcile.Result{}, nil
			})).Reconcile(t.Context(), request)
			if ran != c.has || (result.RequeueAfter == recheck) == c.has || err != nil {
				t.Errorf("ran: %t, looks again after %s, %v", ran, result.RequeueAfter, err)
			}
		})
	}
}

// Where labels cannot be read, nothing is done, and the queue tries again.
func TestShardUnknown(t *testing.T) {
	request := reconcile.Request{NamespacedName: client.ObjectKey{Namespace: "broken"}}
	if _, err := ofShop().Only(nil).Reconcile(t.Context(), request); err == nil {
		t.Error("no error")
	}
}
