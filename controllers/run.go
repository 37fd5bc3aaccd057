// SPDX-License-Identifier: Apache-2.0

// Package controllers sets up all controllers with one manager: the source controller creates ApisixCertificates, the certificate
// controller issues, pushes and verifies them, and the issuer controller checks issuers. Each is in a package below this one.
package controllers

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate"
	"apisix-certs.io/apisix-certs/controllers/clientca"
	"apisix-certs.io/apisix-certs/controllers/drift"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/controllers/page"
	"apisix-certs.io/apisix-certs/controllers/source"
	"apisix-certs.io/apisix-certs/controllers/triggers"
	"apisix-certs.io/apisix-certs/internal/admission"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/crdwatch"
	"apisix-certs.io/apisix-certs/internal/fairqueue"
	"apisix-certs.io/apisix-certs/internal/grant"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/keystorage"
	"apisix-certs.io/apisix-certs/internal/kubecache"
	"apisix-certs.io/apisix-certs/internal/references"
	"apisix-certs.io/apisix-certs/internal/revocation"
	"apisix-certs.io/apisix-certs/internal/shard"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// Run runs the controllers until ctx is done. It returns nil if they were stopped. With WatchNamespaces it restarts them whenever
// another of the namespaces becomes readable.
func Run(ctx context.Context, config *rest.Config, options Options) error {
	if err := checkServer(config); err != nil {
		return err
	}
	asking, err := reviewer(config, &options)
	if err != nil {
		return err
	}
	for {
		candidates, err := options.candidates(asking.RESTMapper())
		if err != nil {
			return err
		}
		within, err := findReach(ctx, asking, candidates)
		if err := errors.Join(err, within.unusable()); err != nil {
			return err
		}
		within.log(ctrl.Log)
		err = runWithin(ctx, config, options, within, func(ctx context.Context) error {
			return within.await(ctx, asking, candidates, reachPoll)
		})
		if !errors.Is(err, errReachGrew) {
			return err
		}
	}
}

// runWithin runs one manager. It stops with the error of await if that is not nil.
func runWithin(ctx context.Context, config *rest.Config, options Options, within *reach, await func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	mgr, err := newManager(config, options, within)
	if err != nil {
		return err
	}
	if err := setup(ctx, newQuiet(mgr), options, within); err != nil {
		return err
	}
	grown := make(chan error, 1)
	if within != nil && len(within.lacking) > 0 {
		go func() {
			grown <- await(ctx)
			stop()
		}()
	} else {
		grown <- nil
	}
	err = mgr.Start(ctx)
	stop()
	return errors.Join(err, <-grown)
}

// wiring is the state that the controllers share.
type wiring struct {
	mgr     ctrl.Manager
	options Options
	within  *reach
	part    *shard.Shard
	crds    *crdwatch.Watcher // watches the kinds whose CRDs are optional
	secrets *kubecache.Secrets

	sessions *issuer.Sessions
	gateways *gateways
	uses     *source.Uses
	grants   *grant.Grants

	// clientCAs is set if the cluster has the ApisixTls CRD.
	clientCAs atomic.Pointer[clientca.Controller]

	reconciler   *certificate.Reconciler
	triggers     *triggers.Triggers
	certificates controller.Controller // runs reconciler
}

// setup adds all controllers to the manager. Steps that add watches to the certificate controller follow the step that creates
// it.
func setup(ctx context.Context, mgr ctrl.Manager, options Options, within *reach) error {
	w := &wiring{
		mgr: mgr, options: options, within: within, part: options.shard(mgr.GetClient(), within.namespaces()),
		crds: &crdwatch.Watcher{Mapper: mgr.GetRESTMapper()},
		uses: &source.Uses{Client: mgr.GetClient()}, grants: &grant.Grants{Reader: mgr.GetClient()},
	}
	for _, step := range []func(context.Context) error{w.addIssuers, w.addCertificates, w.watchSecrets, w.watchOthers, w.addSources, w.addClientCAs} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := mgr.Add(w.crds); err != nil {
		return err
	}
	if err := page.Setup(ctx, mgr, page.Options{Address: options.PageAddr, Clock: clock.RealClock{}}); err != nil {
		return fmt.Errorf("status page: %w", err)
	}
	return nil
}

func (w *wiring) addIssuers(ctx context.Context) (err error) {
	w.sessions = w.options.Sessions(w.mgr.GetClient(), w.mgr.GetAPIReader())
	w.sessions.Observe, w.sessions.Waited, w.sessions.Shard = issuer.Measure, issuer.MeasureWait, w.part
	if w.secrets, err = kubecache.NewSecrets(w.mgr, w.within.namespaces()); err != nil {
		return err
	}
	if err := issuer.Setup(ctx, w.mgr, w.sessions, w.secrets.Changes); err != nil {
		return fmt.Errorf("issuer controllers: %w", err)
	}
	return nil
}

func (w *wiring) addCertificates(ctx context.Context) (err error) {
	if w.gateways, err = newGateways(ctx, w.mgr, w.options, w.within); err != nil {
		return err
	}
	if w.reconciler, err = w.newReconciler(); err != nil {
		return err
	}
	woken := make(chan event.GenericEvent, 64)
	w.reconciler.Requeue = woken
	w.triggers = &triggers.Triggers{
		Reader: w.mgr.GetClient(), Claims: w.reconciler.Reviewer.Claims, ClaimEvents: w.reconciler.Reviewer.ClaimEvents(),
		AffectedByIssuer: w.reconciler.AffectedByIssuer, Shard: w.part,
	}
	w.certificates, err = w.triggers.Setup(ctx, w.mgr, controller.Options{
		MaxConcurrentReconciles: w.options.Workers,
		NewQueue:                fairqueue.New(w.options.Workers, w.reconciler.Urgency),
		// A gateway that recovers must not wait for long because of earlier failures.
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](500*time.Millisecond, 30*time.Second),
	}, w.reconciler, woken)
	if err != nil {
		return fmt.Errorf("certificate controller: %w", err)
	}
	return w.mgr.Add(&drift.Watch{
		Reader: w.mgr.GetClient(), Certificates: w.reconciler, Known: kubecache.Certificates(ctx, w.mgr.GetCache()), Gateways: w.gateways.For, Found: woken,
		Clock: clock.RealClock{}, Shard: w.part, Resync: w.options.Resync,
	})
}

// newReconciler creates the certificate reconciler and its components.
func (w *wiring) newReconciler() (*certificate.Reconciler, error) {
	direct, err := directClient(w.mgr)
	if err != nil {
		return nil, err
	}
	cached, live, real := w.mgr.GetClient(), w.mgr.GetAPIReader(), clock.RealClock{}
	recorder := w.mgr.GetEventRecorder("apisix-certs")
	issuers := &issuance.Issuers{Client: cached, Live: live, Clock: real, Signers: w.sessions}
	return &certificate.Reconciler{
		Client: cached, Live: live, Recorder: recorder, Clock: real, Gateways: w.gateways, NoSecret: w.secrets.None, Shard: w.part, RotationSpread: w.options.CARotationSpread,
		Components: certificate.Components{
			Issuers: issuers,
			Keys:    &keystorage.Stores{Live: live, Issuers: issuers},
			Reviewer: &admission.Reviewer{
				Reader: cached, Claims: &authority.Claims{Clock: real, Reservation: w.options.NameReservation}, Granted: w.granted,
				Shard: w.part, RequirePolicy: w.options.RequirePolicy,
			},
			References: &references.Finder{Live: live, Uses: w.uses.Of, Clients: w.uses.ClientsOf, Granted: w.granted},
			Revoker:    &revocation.Revoker{Issuers: issuers, Clock: real, Recorder: recorder},
			Secrets:    tlssecret.Writer{Client: cached, Live: live, Direct: direct},
		},
	}, nil
}

// directClient returns a client without a cache, for writes that no cache reflects. It does not log warnings of the API server.
func directClient(mgr ctrl.Manager) (client.Client, error) {
	config := rest.CopyConfig(mgr.GetConfig())
	config.WarningHandlerWithContext = rest.NoWarnings{}
	direct, err := client.New(config, client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return nil, fmt.Errorf("create a client without a cache: %w", err)
	}
	return direct, nil
}

// granted reports whether a ReferenceGrant permits a reference. It is false if the Secret's namespace must not be read.
func (w *wiring) granted(ctx context.Context, kind, from, secretNamespace, secretName string) (bool, error) {
	if !w.part.MayRead(secretNamespace) {
		return false, nil
	}
	return w.grants.Allow(ctx, kind, from, secretNamespace, secretName)
}

func (w *wiring) watchSecrets(ctx context.Context) error {
	used := w.triggers.SecretEvents(func(secret client.Object) []string {
		return append(w.uses.OfClientCA(ctx, secret), unmanagedSecret(secret)...)
	})
	for _, events := range []handler.EventHandler{used, w.triggers.PasswordEvents(), w.triggers.TokenEvents()} {
		if err := w.certificates.Watch(w.secrets.Changes(events)); err != nil {
			return fmt.Errorf("watch Secrets: %w", err)
		}
	}
	return nil
}

// unmanagedSecret returns the key of a Secret that is not in the controller's cache. It may block a certificate until it is deleted
// or adopted. Managed Secrets are watched in the cache.
func unmanagedSecret(secret client.Object) []string {
	if secret.GetLabels()[v1alpha1.LabelManaged] == "true" {
		return nil
	}
	return []string{secret.GetNamespace() + "/" + secret.GetName()}
}

// watchOthers makes the certificate controller watch gateways, ReferenceGrants and issuers.
func (w *wiring) watchOthers(ctx context.Context) error {
	if err := w.gateways.setup(ctx, w.crds, w.certificates, w.reconciler.ForceVerify); err != nil {
		return fmt.Errorf("watch gateways: %w", err)
	}
	if err := w.crds.Add(ctx, grant.Kind, "", w.watchGrants); err != nil {
		return err
	}
	if err := w.watchIssuers(ctx); err != nil {
		return fmt.Errorf("watch issuers: %w", err)
	}
	return nil
}

// addSources adds the controller that creates ApisixCertificates from source objects.
func (w *wiring) addSources(ctx context.Context) error {
	sources, err := source.Setup(ctx, w.mgr, w.options.sourceDefaults(), w.part)
	if err != nil {
		return fmt.Errorf("source controller: %w", err)
	}
	for _, kind := range source.Kinds() {
		if err := w.crds.Add(ctx, kind.GroupKind(), kind.Version, func(ctx context.Context, found crdwatch.Found) error {
			return w.watchSources(ctx, sources, kind, found.Late)
		}); err != nil {
			return err
		}
	}
	return nil
}
