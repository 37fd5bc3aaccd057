// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/controllers/rights"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
	"apisix-certs.io/apisix-certs/internal/registry"
)

// reachPoll is how often the permissions in unreadable namespaces are checked again.
const reachPoll = 10 * time.Second

// errReachGrew stops a manager whose caches lack a namespace that has become readable.
var errReachGrew = errors.New("another namespace can be read")

// reach is the set of readable namespaces with --watch-namespaces. It does not change while a manager runs: the cache of a
// namespace without the required permissions would block every controller from starting, and a partly filled one would look as if
// objects were deleted. A nil reach reads every namespace.
type reach struct {
	served []string // watched, with all read permissions
	// gateways are the additional namespaces of a gateway, of which only the GatewayProxies are read.
	gateways []string
	// lacking says what is missing in each namespace that is not read.
	lacking map[string]string
}

// candidate is a namespace with the read permissions that are required in it.
type candidate struct {
	namespace string
	gateway   bool // only its GatewayProxies are read
	needed    []rights.Right
}

// candidates returns the namespaces of --watch-namespaces and of the gateway's Services, or none if all namespaces are read.
func (o *Options) candidates(mapper meta.RESTMapper) ([]candidate, error) {
	if len(o.WatchNamespaces) == 0 {
		return nil, nil
	}
	needed, err := rights.Needed(o.Namespace)
	if err != nil {
		return nil, err
	}
	namespaced, _, err := rights.Installed(needed, mapper)
	if err != nil {
		return nil, err
	}
	namespaced = rights.Reading(namespaced)
	proxies := slices.DeleteFunc(slices.Clone(namespaced), func(r rights.Right) bool { return r.Resource != "gatewayproxies" })
	var all []candidate
	wanted := o.Reach()
	for _, namespace := range wanted.Watched {
		all = append(all, candidate{namespace: namespace, needed: rights.In(namespace, namespaced)})
	}
	for _, namespace := range wanted.Gateways {
		if !slices.Contains(wanted.Watched, namespace) {
			all = append(all, candidate{namespace: namespace, gateway: true, needed: rights.In(namespace, proxies)})
		}
	}
	return all, nil
}

// findReach reviews the permissions in the candidates and returns the readable ones, or nil if there are no candidates.
func findReach(ctx context.Context, c client.Client, candidates []candidate) (*reach, error) {
	if len(candidates) == 0 {
		return nil, nil
	}
	found := &reach{served: []string{}, lacking: map[string]string{}}
	for _, one := range candidates {
		lacking, err := rights.Lacking(ctx, rights.Self(c), one.needed)
		switch {
		case err != nil:
			return nil, fmt.Errorf("review the controller's permissions in namespace %s: %w", one.namespace, err)
		case len(lacking) > 0 && missing(ctx, c, one.namespace):
			found.lacking[one.namespace] = "the namespace does not exist: create it, then upgrade the Helm chart, which creates a Role in it"
		case len(lacking) > 0:
			found.lacking[one.namespace] = "the controller is not allowed to " + texts(lacking) + ": upgrade the Helm chart with watchNamespaces, or create a Role with these permissions there"
		case one.gateway:
			found.gateways = append(found.gateways, one.namespace)
		default:
			found.served = append(found.served, one.namespace)
		}
	}
	return found, nil
}

// texts formats permissions of one namespace as "list, watch secrets; list ingresses.networking.k8s.io".
func texts(lacking []rights.Right) string {
	var all []string
	for _, r := range lacking {
		r.Namespace = ""
		all = append(all, strings.Join(r.Verbs, ", ")+" "+r.String())
	}
	return strings.Join(all, "; ")
}

// missing reports whether a namespace is known not to exist.
func missing(ctx context.Context, c client.Client, namespace string) bool {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	byName := client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", namespace)}
	return c.List(ctx, list, byName) == nil && len(list.Items) == 0
}

// unusable returns an error if no namespace is readable.
func (r *reach) unusable() error {
	if r == nil || len(r.served) > 0 {
		return nil
	}
	var all []error
	for _, namespace := range slices.Sorted(maps.Keys(r.lacking)) {
		all = append(all, fmt.Errorf("--watch-namespaces %s: %s", namespace, r.lacking[namespace]))
	}
	return errors.Join(all...)
}

// log logs which namespaces are skipped, and what is missing in them.
func (r *reach) log(l logr.Logger) {
	if r == nil {
		return
	}
	l.Info("reading objects of some namespaces only", "namespaces", r.served)
	for _, namespace := range slices.Sorted(maps.Keys(r.lacking)) {
		leftOut(l, namespace, r.lacking[namespace])
	}
}

func leftOut(l logr.Logger, namespace, lacking string) {
	l.Error(nil, "namespace is skipped until the permissions exist: "+lacking, "namespace", namespace)
}

// namespaces returns the namespaces whose objects are read, or nil for all.
func (r *reach) namespaces() []string {
	if r == nil {
		return nil
	}
	return r.served
}

// await returns errReachGrew when a skipped candidate becomes readable, or nil when ctx is done. It does not handle namespaces
// that become unreadable: their objects remain as they are until the permissions return.
func (r *reach) await(ctx context.Context, c client.Client, candidates []candidate, pause time.Duration) error {
	candidates = slices.DeleteFunc(slices.Clone(candidates), func(one candidate) bool { return r.lacking[one.namespace] == "" })
	last := r.lacking
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		now, err := findReach(ctx, c, candidates)
		switch {
		case err != nil:
			ctrl.Log.V(1).Info("cannot review the permissions in namespaces", "error", err.Error())
		case now != nil && len(now.lacking) < len(candidates):
			ctrl.Log.Info("another namespace is readable, restarting the controllers", "namespaces", slices.Concat(now.served, now.gateways))
			return errReachGrew
		case now != nil:
			for _, one := range candidates {
				if lacking := now.lacking[one.namespace]; lacking != last[one.namespace] {
					leftOut(ctrl.Log, one.namespace, lacking)
				}
			}
			last = now.lacking
		}
	}
	return nil
}

// cachedIn limits a cache to namespaces. A nil slice means all.
func cachedIn(namespaces []string) map[string]cache.Config {
	if namespaces == nil {
		return nil
	}
	all := map[string]cache.Config{}
	for _, namespace := range namespaces {
		all[namespace] = cache.Config{}
	}
	return all
}

// addCache adds a separate cache, for selected objects only, to a manager.
func addCache(mgr ctrl.Manager, namespaces []string, selector labels.Selector) (cache.Cache, error) {
	some, err := cache.New(mgr.GetConfig(), cache.Options{
		Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper(), HTTPClient: mgr.GetHTTPClient(),
		DefaultLabelSelector: selector, DefaultNamespaces: cachedIn(namespaces),
		DefaultTransform: cache.TransformStripManagedFields(),
	})
	if err != nil {
		return nil, err
	}
	return some, mgr.Add(some)
}

// ofGateways returns the cache for IngressClasses and GatewayProxies.
func (r *reach) ofGateways(mgr ctrl.Manager) (cache.Cache, error) {
	if r == nil {
		return mgr.GetCache(), nil
	}
	inner, err := addCache(mgr, slices.Concat(r.served, r.gateways), nil)
	return &gatewayCache{inner, r, mgr.GetCache()}, err
}

// gatewayCache returns a descriptive error for a GatewayProxy or Gateway in a namespace that is not read.
type gatewayCache struct {
	cache.Cache
	reach *reach
	// sources contains the kinds of the Gateway API, which are only read in watched namespaces.
	sources cache.Cache
}

// List lists objects.
func (c *gatewayCache) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if ofGatewayAPI(list) {
		return c.sources.List(ctx, list, options...)
	}
	return c.Cache.List(ctx, list, options...)
}

func ofGatewayAPI(object runtime.Object) bool {
	return object.GetObjectKind().GroupVersionKind().Group == gatewayapi.GatewayKind.Group
}

// Get reads an object.
func (c *gatewayCache) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	from, read := c.Cache, slices.Concat(c.reach.served, c.reach.gateways)
	if ofGatewayAPI(object) {
		from, read = c.sources, c.reach.served
	}
	if key.Namespace != "" && !slices.Contains(read, key.Namespace) {
		return &gateway.SetupError{Object: cmp.Or(object.GetObjectKind().GroupVersionKind().Kind, "GatewayProxy") + " " + key.String(), Problem: notWatched(key.Namespace)}
	}
	return from.Get(ctx, key, object, options...)
}

func notWatched(namespace string) string {
	return fmt.Sprintf("namespace %s is not watched: add it to --watch-namespaces (chart: watchNamespaces)", namespace)
}

// follower refuses to watch objects in a namespace without permissions, as the watch would never become ready.
type follower struct {
	registry.Follower
	reach rights.Reach
}

// Follow watches an object.
func (f *follower) Follow(ctx context.Context, owner string, what registry.Followed) (client.Reader, error) {
	if !slices.Contains(slices.Concat(f.reach.Watched, f.reach.Gateways, []string{f.reach.AdminKey.Namespace}), what.Namespace) {
		return nil, fmt.Errorf("%s cannot be watched: %s", what, notWatched(what.Namespace))
	}
	return f.Follower.Follow(ctx, owner, what)
}

// reviewer returns a client for findReach.
func reviewer(config *rest.Config, options *Options) (client.Client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent, config.QPS = options.userAgent(), -1
	return client.New(config, client.Options{Scheme: Scheme()})
}
