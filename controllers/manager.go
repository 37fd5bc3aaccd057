// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/source"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
	"apisix-certs.io/apisix-certs/internal/kubecache"
	"apisix-certs.io/apisix-certs/internal/upstream"
)

// The lease. A standby looks at it every 1 to 2.2 s (retryPeriod, and what client-go adds at random), so that it sees the
// last renewal up to 2.2 s late, and its end too: it leads 13.4 s after the leader was killed at the latest. A leader gives
// up 7 s after its last renewal: an API server that restarts within that, or that has a second one beside it, costs nothing,
// a longer outage a restart of the process, which would not have had anything to write to. The 2 s between are for what
// it has on its way to end. The price of shorter times than client-go's 15, 10 and 2 s is one small write each second.
const (
	leaseDuration = 9 * time.Second
	renewDeadline = 7 * time.Second
	retryPeriod   = time.Second
)

// reachTimeout is how long the API server is given to say its version.
const reachTimeout = 10 * time.Second

// answers asks the API server for its version: where it does not answer, a word on that beats the failure of what needs it.
func answers(config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.Timeout = reachTimeout
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err == nil {
		_, err = client.ServerVersion()
	}
	if err != nil {
		return fmt.Errorf("the Kubernetes API at %s does not answer: check --kubeconfig, and that the API server runs: %w", config.Host, err)
	}
	return nil
}

// trim is the caches' transform.
func trim(object any) (any, error) {
	for _, trim := range []func(any) (any, error){source.TrimRoute, upstream.Trim, gatewayapi.Trim} {
		var err error
		if object, err = trim(object); err != nil {
			return nil, err
		}
	}
	return kubecache.Trim(object)
}

func newManager(config *rest.Config, options Options, within *reach) (ctrl.Manager, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = options.userAgent()
	// The queues and Vault's limits bound what is asked; a second limit here would only add waiting.
	config.QPS = -1
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: Scheme(),
		Cache: cache.Options{
			ByObject: map[client.Object]cache.ByObject{
				// Foreign Secrets are read one by one when they matter, not kept in memory.
				&corev1.Secret{}: {Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelManaged: "true"})},
			},
			DefaultTransform:  trim,
			DefaultNamespaces: cachedIn(within.namespaces()),
		},
		Client: client.Options{Cache: &client.CacheOptions{
			Unstructured: true, // ApisixRoutes, and what is of the Gateway API
			// A run that its own last write has triggered must see that write, or it would write again. Where each namespace has
			// a watch of its own, it is a moment behind at times: what is seen of one namespace counts for all of a kind.
			EnableReadYourWritesConsistency: ptr.To(true),
		}},

		Metrics:                       options.metricsServer(),
		HealthProbeBindAddress:        options.HealthAddr,
		PprofBindAddress:              options.PprofAddr,
		LeaderElection:                options.LeaderElect,
		LeaderElectionID:              options.LeaseName,
		LeaderElectionNamespace:       options.Namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 ptr.To(leaseDuration), RenewDeadline: ptr.To(renewDeadline), RetryPeriod: ptr.To(retryPeriod),
		GracefulShutdownTimeout: ptr.To(20 * time.Second),
		// The controllers of a manager come again with the next one: see Run.
		Controller: ctrlconfig.Controller{SkipNameValidation: ptr.To(within != nil)},
	})
	if err != nil {
		return nil, fmt.Errorf("manager: %w", err)
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, err
	}
	return mgr, mgr.AddReadyzCheck("caches", func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), time.Second)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return fmt.Errorf("the caches are not filled yet")
		}
		return nil
	})
}
