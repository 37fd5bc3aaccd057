// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"context"
	"fmt"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/shard"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// Options are the dependencies of the controller. All fields except Shard and IngressClass are required.
type Options struct {
	Issuers Issuers
	Writer  tlssecret.Writer
	// Secrets delivers the names of all Secrets that change. NoSecret reports whether a Secret is known not to exist.
	Secrets  func(handler.EventHandler) ctrlsource.Source
	NoSecret func(types.NamespacedName) bool
	// Check schedules a check of an issuer that seems to have another CA. It must not block.
	Check        func(issuer.Key)
	Shard        *shard.Shard
	IngressClass string
}

// Controller writes client CAs to Secrets.
type Controller struct {
	reconciler *reconciler
	shard      *shard.Shard
	// filled are Secrets that Changed has written directly. They are enqueued for later changes.
	filled chan event.GenericEvent
}

// Setup builds the controller. The cluster must have the CRD of ApisixTls.
func Setup(ctx context.Context, mgr ctrl.Manager, o Options) (*Controller, error) {
	for _, index := range []struct {
		name   string
		object client.Object
		keys   client.IndexerFunc
	}{{indexCASecret, &configv2.ApisixTls{}, caSecretKeys}, {indexIssuer, &corev1.Secret{}, issuerKeys}} {
		if err := mgr.GetFieldIndexer().IndexField(ctx, index.object, index.name, index.keys); err != nil {
			return nil, fmt.Errorf("index %s: %w", index.name, err)
		}
	}
	r := &reconciler{
		Reader: mgr.GetClient(), live: mgr.GetAPIReader(), writer: o.Writer, issuers: o.Issuers, recorder: mgr.GetEventRecorder("apisix-certs"),
		clock: clock.RealClock{}, noSecret: o.NoSecret, class: o.IngressClass,
	}
	changed := predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, deletionMarked())
	filled := make(chan event.GenericEvent, 64)
	err := ctrl.NewControllerManagedBy(mgr).Named("client-ca").WithOptions(controller.Options{MaxConcurrentReconciles: 4}).
		Watches(&configv2.ApisixTls{}, handler.EnqueueRequestsFromMapFunc(ofTLS), builder.WithPredicates(changed)).
		Watches(&corev1.Secret{}, handler.EnqueueRequestsFromMapFunc(ofFilled), builder.WithPredicates(r.leaves(o.Check))).
		WatchesRawSource(o.Secrets(handler.EnqueueRequestsFromMapFunc(r.ofReferred))).
		WatchesRawSource(ctrlsource.Channel(filled, handler.EnqueueRequestsFromMapFunc(func(_ context.Context, secret client.Object) []ctrl.Request {
			return []ctrl.Request{requestOf(client.ObjectKeyFromObject(secret))}
		}))).
		Complete(o.Shard.Only(r))
	return &Controller{r, o.Shard, filled}, err
}

// requestOf returns the request for a Secret.
func requestOf(secret types.NamespacedName) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: secret.Namespace, Name: "Secret/" + secret.Name}}
}

// ofTLS returns the requests for an ApisixTls and its client CA Secret.
func ofTLS(_ context.Context, object client.Object) []ctrl.Request {
	requests := []ctrl.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: kindTLS + "/" + object.GetName()}}}
	if tls, ok := object.(*configv2.ApisixTls); ok {
		if secret := caSecret(tls); secret.Name != "" && secret.Namespace == tls.Namespace {
			requests = append(requests, requestOf(secret))
		}
	}
	return requests
}

// ofFilled returns the request for a Secret that was created for client CAs.
func ofFilled(_ context.Context, object client.Object) []ctrl.Request {
	if object.GetAnnotations()[v1alpha1.AnnotationClientCAIssuer] == "" {
		return nil
	}
	return []ctrl.Request{requestOf(client.ObjectKeyFromObject(object))}
}

// ofReferred returns the request for a client CA Secret of an ApisixTls. An unmanaged one may block the controller until it is
// deleted.
func (r *reconciler) ofReferred(ctx context.Context, object client.Object) []ctrl.Request {
	key := client.ObjectKeyFromObject(object)
	var list configv2.ApisixTlsList
	err := r.List(ctx, &list, client.MatchingFields{indexCASecret: key.String()}, client.Limit(1), client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
	if err != nil || len(list.Items) == 0 {
		return nil
	}
	return []ctrl.Request{requestOf(key)}
}

// leaves records replaced and deleted certificates for the CAs that signed them. It schedules a check of an issuer if none of its
// CAs has signed its new certificate.
func (r *reconciler) leaves(check func(issuer.Key)) predicate.Predicate {
	count := func(object client.Object) {
		if secret, ok := object.(*corev1.Secret); ok {
			r.seen.count(secret)
		}
	}
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			count(e.ObjectOld)
			if secret, ok := e.ObjectNew.(*corev1.Secret); ok {
				if key, unknown := r.seen.unknown(secret); unknown {
					check(key)
				}
			}
			return true
		},
		DeleteFunc: func(e event.DeleteEvent) bool {
			count(e.Object)
			return true
		},
	}
}

func deletionMarked() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
	}}
}

// fillTimeout bounds how long callers wait for a Secret to be written.
const fillTimeout = 5 * time.Second

// Changed updates the Secrets of an issuer whose CA may have changed, then calls then. Clients should be verified with a new CA
// before its certificates are issued. It does not block.
func (c *Controller) Changed(ctx context.Context, key issuer.Key, then func()) {
	var dependents []types.NamespacedName
	if c != nil {
		dependents = c.reconciler.dependents(key)
	}
	if len(dependents) == 0 {
		then()
		return
	}
	go func() {
		defer then()
		ctx, cancel := context.WithTimeout(ctx, fillTimeout)
		defer cancel()
		run := c.shard.Only(c.reconciler)
		for _, place := range dependents {
			for ctx.Err() == nil {
				result, err := run.Reconcile(ctx, requestOf(place))
				if err != nil {
					ctrl.LoggerFrom(ctx).Error(err, "cannot write client CAs to a Secret", "secret", place)
				}
				if err != nil || result.RequeueAfter != writeAgain {
					break
				}
				pause(ctx, writeAgain)
			}
			c.enqueue(ctx, place)
		}
	}()
}

// enqueue enqueues a Secret. If the queue is full, the Secret is reconciled later (see lookAgain).
func (c *Controller) enqueue(ctx context.Context, place types.NamespacedName) {
	secret := &corev1.Secret{}
	secret.Namespace, secret.Name = place.Namespace, place.Name
	select {
	case c.filled <- event.GenericEvent{Object: secret}:
	case <-ctx.Done():
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
