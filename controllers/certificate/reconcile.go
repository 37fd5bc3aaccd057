// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs/vault"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/controllers/policy"
	"apisix-certs.io/apisix-certs/controllers/shard"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// Signers gives the session of an issuer with a Vault, the same one to all its certificates.
type Signers interface {
	Get(ctx context.Context, issuer v1alpha1.Issuer) (*vault.Session, error)
	// Observation is what the last check of the issuer showed.
	Observation(v1alpha1.Issuer) issuer.Observation
}

// Reconciler reconciles ApisixCertificates. All fields are required, but for Resync.
type Reconciler struct {
	client.Client
	// Live reads past the cache: Secrets that others made are not in it, and before issuing the cache may be behind.
	Live client.Reader
	// Direct is a client without a cache.
	Direct   client.Client
	Recorder events.EventRecorder
	Clock    clock.Clock
	Signers  Signers
	// Gateways gives the gateways of an ingress class.
	Gateways func(ingressClass string) []*gateway.Gateway
	// GatewayNamed gives a gateway by the name that status has, nil where there is none any more.
	GatewayNamed func(name string) *gateway.Gateway
	// Known gives all ApisixCertificates of the cache, which nobody may change. A list would copy a kilobyte of each.
	Known func() []*v1alpha1.ApisixCertificate
	// Resync is how often all gateways are compared with all certificates. Zero: 5 minutes.
	Resync time.Duration
	// Uses gives the objects by which an ingress controller serves a Secret.
	Uses func(ctx context.Context, namespace, secretName string) ([]gateway.Use, error)
	// Granted tells whether ApisixTlses of a namespace may refer to a Secret of another.
	Granted func(ctx context.Context, from, secretNamespace, secretName string) (bool, error)
	// Shard is the part of the cluster that is looked after. Nil: all of it. Who owns a host is decided over all of it.
	Shard *shard.Shard
	// RotationSpread is the time over which certificates are issued again after a rotation of the CA. Zero: an hour, and
	// never more than a tenth of the life left.
	RotationSpread time.Duration
	// RequirePolicy denies every certificate where there is no CertificatePolicy. False: every one is allowed then.
	RequirePolicy bool

	// Claims is the index of who has which name and which Secret.
	Claims *authority.Claims

	policySets policy.Sets
	woken      chan event.GenericEvent
	keys       heldKeys
	unproven   unproven
	suspects   suspects
	signatures signatures
	unwritten  sync.Map // UID -> unwritten
	swept      sync.Map // UID -> fingerprint of the certificate for which older keys in Vault were deleted
}

// Reconcile brings one certificate nearer to what its spec says.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if ours, err := r.Shard.Has(ctx, req.Namespace); err != nil || !ours {
		r.forget(req.NamespacedName)
		return ctrl.Result{}, err
	}
	cert := &v1alpha1.ApisixCertificate{}
	if err := r.Get(ctx, req.NamespacedName, cert); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !cert.DeletionTimestamp.IsZero() {
		return r.end(ctx, cert)
	}
	if err := r.hold(ctx, cert); err != nil {
		return ctrl.Result{}, err
	}
	suspect := r.suspects.take(req.NamespacedName)
	o, err := r.observe(ctx, cert)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe: %w", err)
	}
	o.suspect = suspect
	p := decide(o, r.Clock.Now())
	if p.issue && !o.live {
		// The cache may be behind our own last write: issuing on its word would issue twice.
		if err := r.observeSecret(ctx, r.Live, &o); err != nil {
			return ctrl.Result{}, fmt.Errorf("observe: %w", err)
		}
		if o.byRequest() {
			if err := r.observeRequest(ctx, r.Live, &o); err != nil {
				return ctrl.Result{}, fmt.Errorf("observe: %w", err)
			}
		}
		p = decide(o, r.Clock.Now())
	}
	if p.issue && o.expiryUnreported(r.Clock.Now()) {
		// An issuer may take its time. That the certificate has expired is said before it is asked.
		p.issue, p.waiting = false, true
		_, err := r.report(ctx, o, p, outcome{decision: p.decision})
		return ctrl.Result{RequeueAfter: time.Millisecond}, err
	}
	done := r.apply(ctx, &o, p)
	if now := r.Clock.Now(); done.waitsShortly(now) {
		return ctrl.Result{RequeueAfter: max(done.busyUntil.Sub(now), shortestWait)}, nil
	}
	return r.report(ctx, o, p, done)
}

// shortestWait is how soon a certificate may come again that had no turn.
const shortestWait = 20 * time.Millisecond

// expiryUnreported reports whether the certificate has expired and its status does not say so yet.
func (o *observed) expiryUnreported(now time.Time) bool {
	end := o.cert.Status.Issued.NotAfter
	return end != nil && !now.Before(end.Time) && meta.IsStatusConditionTrue(o.cert.Status.Conditions, v1alpha1.ConditionReady)
}

// Suspect makes the next run of a certificate look anew at what is served for it, whatever its status says.
func (r *Reconciler) Suspect(cert types.NamespacedName) { r.suspects.all.Store(cert, nil) }

// suspects are certificates that may not be served any more.
type suspects struct{ all sync.Map } // types.NamespacedName

func (s *suspects) take(cert types.NamespacedName) bool {
	_, ok := s.all.LoadAndDelete(cert)
	return ok
}

// hold puts the finalizer on, before there is anything to clean up. Source controllers create objects with it.
func (r *Reconciler) hold(ctx context.Context, cert *v1alpha1.ApisixCertificate) error {
	if controllerutil.ContainsFinalizer(cert, v1alpha1.Finalizer) {
		return nil
	}
	before := cert.DeepCopy()
	controllerutil.AddFinalizer(cert, v1alpha1.Finalizer)
	return r.Patch(ctx, cert, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}
