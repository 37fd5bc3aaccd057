// SPDX-License-Identifier: Apache-2.0

// Package controllers wires the controllers to one manager: sources make ApisixCertificates, certificates are issued,
// pushed and proven, issuers are watched. Each has a package of its own below this one.
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
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate"
	"apisix-certs.io/apisix-certs/controllers/grant"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/controllers/page"
	"apisix-certs.io/apisix-certs/controllers/source"
)

// Run runs the controllers until ctx ends. It returns nil when they were stopped.
func Run(ctx context.Context, config *rest.Config, options Options) error {
	if err := reach(config); err != nil {
		return err
	}
	mgr, err := newManager(config, options)
	if err != nil {
		return err
	}
	mgr = newFrugal(mgr)
	gateways, err := newGateways(ctx, mgr, options)
	if err != nil {
		return err
	}
	part := options.shard(mgr.GetClient())
	sessions := &issuer.Sessions{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Clock: clock.RealClock{},
		ClusterResourceNamespace: options.ClusterResourceNamespace, UserAgent: options.userAgent(),
		Observe: issuer.Measure, Waited: issuer.MeasureWait, CAWarning: options.CAExpiryWarning, Shard: part,
	}
	secrets, err := secretChanges(mgr)
	if err != nil {
		return err
	}
	if err := issuer.Setup(ctx, mgr, sessions, secrets); err != nil {
		return fmt.Errorf("issuer controllers: %w", err)
	}
	uses, grants := &source.Uses{Client: mgr.GetClient()}, &grant.Grants{Reader: mgr.GetClient()}
	certificates := &certificate.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder("apisix-certs"),
		Clock: clock.RealClock{}, Signers: sessions, Uses: uses.Of, Granted: grants.Allow, Resync: options.Resync, RotationSpread: options.CARotationSpread,
		Shard:    part,
		Gateways: gateways.For, GatewayNamed: gateways.Named,
	}
	built, err := certificates.Setup(ctx, mgr, controller.Options{
		MaxConcurrentReconciles: options.Workers,
		// A gateway that is back must not be kept waiting for long by the failures before.
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](500*time.Millisecond, 30*time.Second),
	})
	if err != nil {
		return fmt.Errorf("certificate controller: %w", err)
	}
	if err := built.Watch(secrets(certificates.SecretEvents(func(secret client.Object) []string {
		return append(uses.OfClientCA(ctx, secret), foreignSecret(secret)...)
	}))); err != nil {
		return fmt.Errorf("watch of Secrets: %w", err)
	}
	if err := built.Watch(secrets(certificates.PasswordEvents())); err != nil {
		return fmt.Errorf("watch of Secrets: %w", err)
	}
	if err := gateways.setup(built, certificates.Suspect); err != nil {
		return fmt.Errorf("watches of gateways: %w", err)
	}
	if err := (&grantWatch{mgr: mgr, grants: grants, certificates: built, events: certificates.GrantEvents()}).setup(); err != nil {
		return fmt.Errorf("watch of ReferenceGrants: %w", err)
	}
	watched := &issuers{mgr: mgr, sessions: sessions, reconciler: certificates, certificates: built, secrets: secrets}
	if err := watched.setup(ctx); err != nil {
		return fmt.Errorf("watches of issuers: %w", err)
	}
	if err := source.SetupIndex(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("index of ApisixCertificates by owner: %w", err)
	}
	starter := &kindStarter{
		mgr: mgr, defaults: options.sourceDefaults(), part: part, certificates: built, events: certificates.SecretEvents, uses: uses,
		waiting: source.Kinds(),
	}
	if err := starter.startPresent(ctx); err != nil {
		return err
	}
	if err := mgr.Add(starter); err != nil {
		return err
	}
	if err := page.Setup(ctx, mgr, page.Options{Address: options.PageAddr, Clock: clock.RealClock{}}); err != nil {
		return fmt.Errorf("status page: %w", err)
	}
	return mgr.Start(ctx)
}

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

// reach asks the API server for its version: where it does not answer, a word on that beats the failure of what needs it.
func reach(config *rest.Config) error {
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

func newManager(config *rest.Config, options Options) (ctrl.Manager, error) {
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
			DefaultTransform: newTrimmer().trim,
		},
		Client: client.Options{Cache: &client.CacheOptions{
			Unstructured: true, // ApisixRoutes
			// A run that its own last write has triggered must see that write, or it would write again.
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
