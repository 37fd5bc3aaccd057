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

// reachPoll is how often the rights in namespaces are looked for that could not be read.
const reachPoll = 10 * time.Second

// errReachGrew ends a manager whose caches lack a namespace that can be read by now.
var errReachGrew = errors.New("another namespace can be read")

// reach are the namespaces that can be read with --watch-namespaces. It is fixed for the life of a manager: the cache of a
// namespace without the rights to fill it would keep every controller from starting, and one that is filled in part would
// look like a namespace where things were deleted. Nil: every namespace is read.
type reach struct {
	served []string // watched, with all rights to read
	// gateways are the other namespaces of a gateway whose GatewayProxies are read.
	gateways []string
	// lacking says of each namespace that is not read what is missing there.
	lacking map[string]string
}

// candidate is a namespace with the rights to read that are needed there.
type candidate struct {
	namespace string
	gateway   bool // only for the GatewayProxies
	needed    []rights.Right
}

// candidates are the namespaces of --watch-namespaces and of the gateway's Services; none where all namespaces are read.
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

// findReach asks the API server which of the candidates can be read; nil where there are none.
func findReach(ctx context.Context, c client.Client, candidates []candidate) (*reach, error) {
	if len(candidates) == 0 {
		return nil, nil
	}
	found := &reach{served: []string{}, lacking: map[string]string{}}
	for _, one := range candidates {
		lacking, err := rights.Lacking(ctx, rights.Self(c), one.needed)
		switch {
		case err != nil:
			return nil, fmt.Errorf("review the controller's rights in namespace %s: %w", one.namespace, err)
		case len(lacking) > 0 && missing(ctx, c, one.namespace):
			found.lacking[one.namespace] = "the namespace does not exist: create it, then upgrade the Helm chart, which makes a Role in it"
		case len(lacking) > 0:
			found.lacking[one.namespace] = "the controller may not " + texts(lacking) + ": upgrade the Helm chart with watchNamespaces, or make a Role with these rights there"
		case one.gateway:
			found.gateways = append(found.gateways, one.namespace)
		default:
			found.served = append(found.served, one.namespace)
		}
	}
	return found, nil
}

// texts writes rights of one namespace as "list, watch secrets; list ingresses.networking.k8s.io".
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

// unusable is the error of a reach in which nothing can be done, nil for others.
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

// log says which namespaces are left out, and what is missing there.
func (r *reach) log(l logr.Logger) {
	if r == nil {
		return
	}
	l.Info("reading the objects of some namespaces alone", "namespaces", r.served)
	for _, namespace := range slices.Sorted(maps.Keys(r.lacking)) {
		leftOut(l, namespace, r.lacking[namespace])
	}
}

func leftOut(l logr.Logger, namespace, lacking string) {
	l.Error(nil, "a namespace is left out until its rights are there: "+lacking, "namespace", namespace)
}

// namespaces are those whose objects are read; nil: all.
func (r *reach) namespaces() []string {
	if r == nil {
		return nil
	}
	return r.served
}

// await returns errReachGrew once a candidate that was left out can be read, or nil when ctx ends. One that cannot be read any
// more stays: its objects are as they were until the rights are back.
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
			ctrl.Log.V(1).Info("cannot review the rights in namespaces", "error", err.Error())
		case now != nil && len(now.lacking) < len(candidates):
			ctrl.Log.Info("another namespace can be read: the controllers start again", "namespaces", slices.Concat(now.served, now.gateways))
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

// cachedIn limits a cache to namespaces; nil: it has all.
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

// addCache adds a cache of its own to a manager, for some objects alone.
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

// ofGateways is where the IngressClasses and GatewayProxies are read from.
func (r *reach) ofGateways(mgr ctrl.Manager) (cache.Cache, error) {
	if r == nil {
		return mgr.GetCache(), nil
	}
	inner, err := addCache(mgr, slices.Concat(r.served, r.gateways), nil)
	return &gatewayCache{inner, r, mgr.GetCache()}, err
}

// gatewayCache says of a GatewayProxy or Gateway of a namespace that is not read why it is not.
type gatewayCache struct {
	cache.Cache
	reach *reach
	// sources has what is of the Gateway API, which is read in watched namespaces alone.
	sources cache.Cache
}

// List reads objects.
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

// follower refuses at once to follow what is in a namespace where the controller has no rights, which would otherwise be
// waited for.
type follower struct {
	registry.Follower
	reach rights.Reach
}

// Follow follows an object.
func (f *follower) Follow(ctx context.Context, owner string, what registry.Followed) (client.Reader, error) {
	if !slices.Contains(slices.Concat(f.reach.Watched, f.reach.Gateways, []string{f.reach.AdminKey.Namespace}), what.Namespace) {
		return nil, fmt.Errorf("%s cannot be watched: %s", what, notWatched(what.Namespace))
	}
	return f.Follower.Follow(ctx, owner, what)
}

// reviewer is a client for findReach.
func reviewer(config *rest.Config, options *Options) (client.Client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent, config.QPS = options.userAgent(), -1
	return client.New(config, client.Options{Scheme: Scheme()})
}
