// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// Reconcile moves one certificate towards its spec.
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
		return r.finalize(ctx, cert)
	}
	if err := r.ensureFinalizer(ctx, cert); err != nil {
		return ctrl.Result{}, err
	}
	if wait := r.memory.remainingWait(cert, r.Clock.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	s, p, done, err := r.run(ctx, cert)
	if err != nil {
		return ctrl.Result{}, err
	}
	now := r.Clock.Now()
	if done.RetriesSoon(now) {
		r.memory.noteBusy(cert, done.Busy, now)
		return ctrl.Result{RequeueAfter: max(done.BusyUntil.Sub(now), plan.ShortestWait)}, nil
	}
	return r.report(ctx, s, p, done, now)
}

// run executes the plan step by step, and plans again after each step, until nothing is left to do or it has to wait.
func (r *Reconciler) run(ctx context.Context, cert *v1alpha1.ApisixCertificate) (plan.Snapshot, plan.Plan, plan.Results, error) {
	var done plan.Results
	s, err := r.observe(ctx, cert, false)
	if err != nil {
		return s, plan.Plan{}, done, fmt.Errorf("observe: %w", err)
	}
	for {
		now := r.Clock.Now()
		p := plan.Make(s, now)
		step := plan.Next(&s, &p, &done, now)
		if step == plan.Stop {
			return s, p, done, nil
		}
		if step == plan.ObserveLive {
			if s, err = r.observeLive(ctx, s); err != nil {
				return s, p, done, fmt.Errorf("observe: %w", err)
			}
			continue
		}
		if step != plan.WriteSecret || !s.CallsVault(&p) { // Vault may be too busy, so log later
			logPlan(ctx, &p, &done)
		}
		if s, err = r.act(ctx, step, s, p, &done); err != nil {
			return s, p, done, fmt.Errorf("observe: %w", err)
		}
		if !done.BusyUntil.IsZero() && done.RetriesSoon(r.Clock.Now()) {
			return s, p, done, nil
		}
	}
}

// logPlan logs a plan that is not empty, once per run, before it is executed.
func logPlan(ctx context.Context, p *plan.Plan, done *plan.Results) {
	if p.Empty() || done.Logged {
		return
	}
	ctrl.LoggerFrom(ctx).Info("plan", "plan", p.String())
	done.Logged = true
}

// ensureFinalizer adds the finalizer before there is anything to clean up. Source controllers create objects with it.
func (r *Reconciler) ensureFinalizer(ctx context.Context, cert *v1alpha1.ApisixCertificate) error {
	if controllerutil.ContainsFinalizer(cert, v1alpha1.Finalizer) {
		return nil
	}
	before := cert.DeepCopy()
	controllerutil.AddFinalizer(cert, v1alpha1.Finalizer)
	return r.Patch(ctx, cert, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}
