// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/metrics"
	"apisix-certs.io/apisix-certs/controllers/shard"
	"apisix-certs.io/apisix-certs/internal/admission"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/keystorage"
	"apisix-certs.io/apisix-certs/internal/references"
	"apisix-certs.io/apisix-certs/internal/revocation"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// Gateways are the gateways that there are.
type Gateways interface {
	// For gives the gateways of an ingress class.
	For(ingressClass string) []*gateway.Gateway
	// Named gives a gateway by the name that status has, nil where there is none any more.
	Named(name string) *gateway.Gateway
}

// Rooms are what the reconciler puts together. All are required.
type Rooms struct {
	Issuers    *issuance.Issuers
	Keys       *keystorage.Stores
	Reviewer   *admission.Reviewer
	References *references.Finder
	Revoker    *revocation.Revoker
	Secrets    tlssecret.Writer
}

// Reconciler reconciles ApisixCertificates. All fields are required, but for Shard and RotationSpread.
type Reconciler struct {
	client.Client
	Rooms
	// Live reads past the cache: Secrets that others made are not in it, and before issuing the cache may be behind.
	Live     client.Reader
	Recorder events.EventRecorder
	Clock    clock.Clock
	Gateways Gateways
	// Shard is the part of the cluster that is looked after. Nil: all of it. Who owns a host is decided over all of it.
	Shard *shard.Shard
	// RotationSpread is the time over which certificates are issued again after a rotation of the CA. Zero: an hour, and
	// never more than a tenth of the life left.
	RotationSpread time.Duration

	memory memory
	woken  chan event.GenericEvent
}

// Reconcile brings one certificate nearer to what its spec says.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if ours, err := r.Shard.Has(ctx, req.Namespace); err != nil || !ours {
		metrics.ForgetCertificate(req.NamespacedName)
		return ctrl.Result{}, err
	}
	cert := &v1alpha1.ApisixCertificate{}
	if err := r.Get(ctx, req.NamespacedName, cert); err != nil {
		if apierrors.IsNotFound(err) {
			metrics.ForgetCertificate(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !cert.DeletionTimestamp.IsZero() {
		return r.end(ctx, cert)
	}
	if err := r.hold(ctx, cert); err != nil {
		return ctrl.Result{}, err
	}
	s, p, done, err := r.run(ctx, cert)
	if err != nil {
		return ctrl.Result{}, err
	}
	now := r.Clock.Now()
	if done.waitsShortly(now) {
		return ctrl.Result{RequeueAfter: max(done.BusyUntil.Sub(now), shortestWait)}, nil
	}
	return r.report(ctx, s, p, done, now)
}

// run takes the steps of the plan, the first first, and makes a new plan after each, until nothing is left to do or something
// has to be waited for.
func (r *Reconciler) run(ctx context.Context, cert *v1alpha1.ApisixCertificate) (Snapshot, Plan, Results, error) {
	var done Results
	s, err := r.observe(ctx, cert, false)
	if err != nil {
		return s, Plan{}, done, fmt.Errorf("observe: %w", err)
	}
	for {
		now := r.Clock.Now()
		p := MakePlan(s, now)
		step := next(&s, &p, &done, now)
		if step == stop {
			return s, p, done, nil
		}
		if step == lookAgain {
			// The cache may be behind our own last write: issuing on its word would issue twice.
			suspect := s.Seen.suspect
			if s, err = r.observe(ctx, cert, true); err != nil {
				return s, p, done, fmt.Errorf("observe: %w", err)
			}
			s.Seen.suspect = suspect
			continue
		}
		if !p.Empty() && !done.logged {
			ctrl.LoggerFrom(ctx).Info("plan", "plan", p.String())
			done.logged = true
		}
		if s, err = r.act(ctx, step, s, p, &done); err != nil {
			return s, p, done, fmt.Errorf("observe: %w", err)
		}
		if !done.BusyUntil.IsZero() && done.waitsShortly(r.Clock.Now()) {
			return s, p, done, nil
		}
	}
}

// step is what a run does next.
type step string

const (
	stop        step = ""
	lookAgain   step = "look again"
	writeSecret step = "write the Secret"
	dropRequest step = "drop the request"
	deliver     step = "deliver"
	settle      step = "settle"
)

// next is the next step of a plan. Each is taken once a run: what fails is tried again in a later one.
func next(s *Snapshot, p *Plan, done *Results, now time.Time) step {
	switch {
	case p.Secret == Issue && !done.Issued && s.expiryUntold(p, now):
		// An issuer may take its time. That the certificate has expired is said before it is asked.
		done.Postponed = true
		return stop
	case p.Secret != Keep && done.took(writeSecret):
	case p.Secret != Keep && !s.Secret.Live:
		return lookAgain
	case p.Secret != Keep:
		return writeSecret
	}
	switch {
	case p.Drop && !done.took(dropRequest):
		return dropRequest
	case p.Delivery != Nothing && !done.took(deliver):
		return deliver
	case !done.took(settle):
		return settle
	}
	return stop
}

// expiryUntold reports whether the certificate, or the last path above it, has expired since the last run.
func (s *Snapshot) expiryUntold(p *Plan, now time.Time) bool {
	end := earliest(timeOf(s.Cert.Status.Issued.NotAfter), p.Decision.ValidUntil)
	return !end.IsZero() && !now.Before(end) && s.Seen.at.Before(end)
}

// Suspect makes the next run of a certificate look anew at what is served for it, whatever is known.
func (r *Reconciler) Suspect(cert types.NamespacedName) { r.memory.suspect(cert) }

// hold puts the finalizer on, before there is anything to clean up. Source controllers create objects with it.
func (r *Reconciler) hold(ctx context.Context, cert *v1alpha1.ApisixCertificate) error {
	if controllerutil.ContainsFinalizer(cert, v1alpha1.Finalizer) {
		return nil
	}
	before := cert.DeepCopy()
	controllerutil.AddFinalizer(cert, v1alpha1.Finalizer)
	return r.Patch(ctx, cert, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}
