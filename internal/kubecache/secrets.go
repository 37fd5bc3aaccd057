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

// Secrets has the names and resource versions of all Secrets, or of those of some namespaces. A cluster may have a hundred
// Secrets for each certificate, so nothing else is stored.
type Secrets struct{ names []*secretNames }

// NewSecrets tracks the Secrets of the given namespaces while the manager runs. Nil means all namespaces.
func NewSecrets(mgr ctrl.Manager, namespaces []string) (*Secrets, error) {
	secrets, err := metadata.NewForConfigAndClient(metadata.ConfigFor(mgr.GetConfig()), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("create a metadata client for Secrets: %w", err)
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

// Changes returns a source of changes of Secrets. Secrets that exist at the start cause no events, as everything is
// reconciled then.
func (s *Secrets) Changes(h handler.EventHandler) ctrlsource.Source { return &secretSource{s.names, h} }

// None reports whether the Secret did not exist a moment ago. False means that it exists, or that this is not known.
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

// secretNames tracks all Secrets, or those of a namespace, and notifies listeners of changes. It is the store of a
// reflector.
type secretNames struct {
	namespace string // empty means all
	from      toolscache.ListerWatcher
	filled    chan struct{} // closed after the first list

	mu        sync.Mutex
	versions  map[string]string // NAMESPACE/NAME -> resourceVersion
	listed    bool
	listeners []func(*metav1.PartialObjectMetadata)
}

// Start tracks the Secrets until ctx is done.
func (n *secretNames) Start(ctx context.Context) error {
	toolscache.NewReflector(n.from, &metav1.PartialObjectMetadata{}, n, 0).RunWithContext(ctx)
	return nil
}

// NeedLeaderElection returns false, so that a replica that becomes the leader already has the names.
func (n *secretNames) NeedLeaderElection() bool { return false }

// Transformer removes unused fields, already while a list is read.
func (n *secretNames) Transformer() toolscache.TransformFunc { return nameOnly }

// Add stores a new Secret.
func (n *secretNames) Add(object any) error { return n.change(object, false) }

// Update stores a changed Secret.
func (n *secretNames) Update(object any) error { return n.change(object, false) }

// Delete removes a Secret.
func (n *secretNames) Delete(object any) error { return n.change(object, true) }

// Resync does nothing.
func (n *secretNames) Resync() error { return nil }

func (n *secretNames) change(object any, gone bool) error {
	secret, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return fmt.Errorf("unexpected object of type %T in the watch of Secrets", object)
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

// Replace stores a list of all Secrets, and notifies listeners of changes since the previous list.
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
	for key := range before { // deleted in between
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
	listeners := n.listeners
	n.mu.Unlock()
	for _, h := range listeners {
		h(secret)
	}
}

// secretSource is a source of changes for one handler.
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

// WaitForSync waits for the first list: an object read live before it could be older than a change that causes no event.
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
