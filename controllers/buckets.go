// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"hash/fnv"
	"reflect"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// buckets are indexes of a cache that put the values into a bounded number of buckets. The index of an informer keeps a set
// for each value, and that of controller-runtime each value twice: of ten thousand certificates, most of which have a host, a
// Secret and an owner to themselves, indexes took a quarter of the memory. A list takes what is in a bucket, and of that what
// has the value. A list by field within a namespace finds nothing.
type buckets struct {
	cache  cache.Cache
	scheme *runtime.Scheme
	values map[schema.GroupVersionKind]map[string]client.IndexerFunc // by field; filled before the manager starts
}

// mostBuckets is how many an index has: with ten thousand values two or three are in one, with a hundred thousand 24.
const mostBuckets = 1 << 12

func bucketOf(value string) string {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(value))
	return strconv.Itoa(int(hash.Sum32() % mostBuckets))
}

// IndexField adds an index. The names of the index and of its values are those by which controller-runtime's cache looks.
func (b *buckets) IndexField(ctx context.Context, object client.Object, field string, values client.IndexerFunc) error {
	kind, err := apiutil.GVKForObject(object, b.scheme)
	if err != nil {
		return err
	}
	informer, err := b.cache.GetInformer(ctx, object, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	if b.values[kind] == nil {
		b.values[kind] = map[string]client.IndexerFunc{}
	}
	b.values[kind][field] = values
	return informer.AddIndexers(toolscache.Indexers{"field:" + field: func(object any) ([]string, error) {
		o, ok := object.(client.Object)
		if !ok {
			return nil, fmt.Errorf("object of type %T in a cache", object)
		}
		var keys []string
		for _, value := range values(o) {
			keys = append(keys, "__all_namespaces/"+bucketOf(value))
		}
		return keys, nil
	}})
}

// bucketClient lists by fields that are indexed in buckets.
type bucketClient struct {
	client.Client
	*buckets
}

// List lists objects as the cache does.
func (c *bucketClient) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	o := client.ListOptions{}
	o.ApplyOptions(options)
	if o.FieldSelector == nil {
		return c.Client.List(ctx, list, options...)
	}
	kind, err := apiutil.GVKForObject(list, c.scheme)
	if err != nil {
		return err
	}
	kind.Kind = kind.Kind[:len(kind.Kind)-len("List")]
	wanted := o.FieldSelector.Requirements()
	if len(wanted) != 1 || c.values[kind][wanted[0].Field] == nil {
		return fmt.Errorf("no index of %s for %s", kind.Kind, o.FieldSelector)
	}
	field, value, copied := wanted[0].Field, wanted[0].Value, !ptr.Deref(o.UnsafeDisableDeepCopy, false)
	o.FieldSelector, o.UnsafeDisableDeepCopy = fields.OneTermEqualSelector(field, bucketOf(value)), ptr.To(true)
	if err := c.Client.List(ctx, list, &o); err != nil {
		return err
	}
	return keep(list, copied, func(object client.Object) bool { return slices.Contains(c.values[kind][field](object), value) })
}

// keep leaves in a list what is wanted, or copies of it.
func keep(list client.ObjectList, copied bool, wanted func(client.Object) bool) error {
	pointer, err := meta.GetItemsPtr(list)
	if err != nil {
		return err
	}
	items, kept := reflect.ValueOf(pointer).Elem(), 0
	for i := range items.Len() {
		object, ok := items.Index(i).Addr().Interface().(client.Object)
		if !ok {
			return fmt.Errorf("a list of %s", items.Index(i).Type())
		}
		if !wanted(object) {
			continue
		}
		if copied {
			object = object.DeepCopyObject().(client.Object)
		}
		items.Index(kept).Set(reflect.ValueOf(object).Elem())
		kept++
	}
	items.SetLen(kept)
	return nil
}
