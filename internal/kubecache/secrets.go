// SPDX-License-Identifier: Apache-2.0

package kubecache

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// Secrets are the names and versions of all Secrets, or of those of some namespaces. A cluster may have a hundred Secrets for
// each certificate, so no more of each is kept in memory.
type Secrets struct{ names []*secretNames }

// NewSecrets follows the Secrets of all namespaces, where namespaces is nil, or of those, while the manager runs.
func NewSecrets(mgr ctrl.Manager, namespaces []string) (*Secrets, error) {
	secrets, err := metadata.NewForConfigAndClient(metadata.ConfigFor(mgr.GetConfig()), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("client for the metadata of Secrets: %w", err)
	}
	if namespaces == nil {
		namespaces = []string{metav1.NamespaceAll}
	}
	all := &Secrets{}
	for _, namespace := range namespaces {
		n := newSecretNames(secrets, namespace)
		if err := mgr.Add(n); err != nil {
			return nil, err
		}
		all.names = append(all.names, n)
	}
	return all, nil
}

// Changes is a source of changes of Secrets. Those that there are when it starts bring no events: whoever depends on one is
// looked at then anyway.
func (s *Secrets) Changes(h handler.EventHandler) ctrlsource.Source { return &secretSource{s.names, h} }

// None reports whether there was no such Secret a moment ago. False: there is one, or it is not known.
func (s *Secrets) None(key types.NamespacedName) bool {
	for _, n := range s.names {
		if n.namespace == metav1.NamespaceAll || n.namespace == key.Namespace {
			return n.none(key)
		}
	}
	return false
}

func newSecretNames(secrets metadata.Interface, namespace string) *secretNames {
	those := secrets.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(namespace)
	return &secretNames{
		namespace: namespace, versions: map[string]string{}, filled: make(chan struct{}),
		from: toolscache.ToListWatcherWithWatchListSemantics(&toolscache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
				return those.List(ctx, options)
			},
			WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
				return those.Watch(ctx, options)
			},
		}, secrets),
	}
}

// secretNames follows all Secrets, or those of a namespace, and hands on what changes. It is the store of a reflector.
type secretNames struct {
	namespace string // empty: all
	from      toolscache.ListerWatcher
	filled    chan struct{} // closed after the first list

	mu        sync.Mutex
	versions  map[string]string // NAMESPACE/NAME -> resourceVersion
	listed    bool
	listeners []func(*metav1.PartialObjectMetadata)
}

// Start follows the Secrets until ctx ends.
func (n *secretNames) Start(ctx context.Context) error {
	toolscache.NewReflector(n.from, &metav1.PartialObjectMetadata{}, n, 0).RunWithContext(ctx)
	return nil
}

// NeedLeaderElection is false, so that a replica that takes over has the names already.
func (n *secretNames) NeedLeaderElection() bool { return false }

// Transformer drops what is not looked at, within a list under way already.
func (n *secretNames) Transformer() toolscache.TransformFunc { return nameOnly }

// Add takes a Secret that is new.
func (n *secretNames) Add(object any) error { return n.change(object, false) }

// Update takes a Secret that has changed.
func (n *secretNames) Update(object any) error { return n.change(object, false) }

// Delete takes a Secret that has gone.
func (n *secretNames) Delete(object any) error { return n.change(object, true) }

// Resync is not needed.
func (n *secretNames) Resync() error { return nil }

func (n *secretNames) change(object any, gone bool) error {
	secret, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return fmt.Errorf("a Secret of type %T", object)
	}
	n.mu.Lock()
	key := secret.Namespace + "/" + secret.Name
	if gone {
		delete(n.versions, key)
	} else {
		n.versions[key] = secret.ResourceVersion
	}
	n.mu.Unlock()
	n.notify(secret)
	return nil
}

// Replace takes a list of all Secrets, and tells what has changed since the list before.
func (n *secretNames) Replace(list []any, _ string) error {
	n.mu.Lock()
	before, first := n.versions, !n.listed
	n.versions, n.listed = make(map[string]string, len(list)), true
	var changed []*metav1.PartialObjectMetadata
	for _, object := range list {
		secret, ok := object.(*metav1.PartialObjectMetadata)
		if !ok {
			continue
		}
		key := secret.Namespace + "/" + secret.Name
		n.versions[key] = secret.ResourceVersion
		if !first && before[key] != secret.ResourceVersion {
			changed = append(changed, secret)
		}
		delete(before, key)
	}
	n.mu.Unlock()
	if first {
		close(n.filled)
		return nil
	}
	for key := range before { // gone meanwhile
		secret := &metav1.PartialObjectMetadata{}
		secret.Namespace, secret.Name, _ = toolscache.SplitMetaNamespaceKey(key)
		changed = append(changed, secret)
	}
	for _, secret := range changed {
		n.notify(secret)
	}
	return nil
}

func (n *secretNames) none(key types.NamespacedName) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, there := n.versions[key.String()]
	return n.listed && !there
}

func (n *secretNames) notify(secret *metav1.PartialObjectMetadata) {
	n.mu.Lock()
	hear := n.listeners
	n.mu.Unlock()
	for _, h := range hear {
		h(secret)
	}
}

// secretSource is a source of the changes for one handler.
type secretSource struct {
	names   []*secretNames
	handler handler.EventHandler
}

// Start adds the handler.
func (s *secretSource) Start(ctx context.Context, queue workqueue.TypedRateLimitingInterface[ctrl.Request]) error {
	for _, n := range s.names {
		n.listen(func(secret *metav1.PartialObjectMetadata) {
			s.handler.Generic(ctx, event.GenericEvent{Object: secret}, queue)
		})
	}
	return nil
}

func (n *secretNames) listen(hear func(*metav1.PartialObjectMetadata)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners = append(n.listeners, hear)
}

// WaitForSync waits for the first list: what a run reads live before it may be older than what is told.
func (s *secretSource) WaitForSync(ctx context.Context) error {
	for _, n := range s.names {
		select {
		case <-n.filled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func nameOnly(object any) (any, error) {
	if secret, ok := object.(*metav1.PartialObjectMetadata); ok {
		managed := secret.Labels[v1alpha1.LabelManaged]
		secret.ObjectMeta = metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name, ResourceVersion: secret.ResourceVersion}
		if managed != "" {
			secret.Labels = map[string]string{v1alpha1.LabelManaged: managed}
		}
	}
	return object, nil
}
