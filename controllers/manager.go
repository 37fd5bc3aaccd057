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

// Leader election. A standby reads the lease every 1 to 2.2 s (retryPeriod, plus the jitter of client-go). It sees the last
// renewal and the expiry up to 2.2 s late each, so it leads at most 13.4 s after the leader was killed. A leader gives up 7 s
// after its last renewal. An outage of the API server that is shorter than that has no effect; a longer one restarts the process,
// which could not have written anything anyway. The 2 s between renewDeadline and leaseDuration are for requests in flight. These
// durations are shorter than those of client-go (15, 10 and 2 s) and cost one small write per second.
const (
	leaseDuration = 9 * time.Second
	renewDeadline = 7 * time.Second
	retryPeriod   = time.Second
)

// reachTimeout is how long to wait for the version of the API server.
const reachTimeout = 10 * time.Second

// checkServer requests the version of the API server, to return a clear error if it does not respond.
func checkServer(config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.Timeout = reachTimeout
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err == nil {
		_, err = client.ServerVersion()
	}
	if err != nil {
		return fmt.Errorf("the Kubernetes API at %s does not respond: check --kubeconfig and that the API server is running: %w", config.Host, err)
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
	// The queues and the limits of Vault already bound the number of requests.
	config.QPS = -1
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: Scheme(),
		Cache: cache.Options{
			ByObject: map[client.Object]cache.ByObject{
				// Unmanaged Secrets are read individually when needed, to save memory.
				&corev1.Secret{}: {Label: labels.SelectorFromSet(labels.Set{v1alpha1.LabelManaged: "true"})},
			},
			DefaultTransform:  trim,
			DefaultNamespaces: cachedIn(within.namespaces()),
		},
		Client: client.Options{Cache: &client.CacheOptions{
			Unstructured: true, // ApisixRoutes and the kinds of the Gateway API
			// A reconciliation that was triggered by its own write must see that write, or it would write again. With one watch
			// per namespace it can be slightly behind, because what was seen in one namespace counts for all objects of a kind.
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
		// Run may create the controllers again, with another manager.
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
			return fmt.Errorf("caches are not synced yet")
		}
		return nil
	})
}
