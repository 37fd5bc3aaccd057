// SPDX-License-Identifier: Apache-2.0

package clientca

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/failure"
	"apisix-certs.io/apisix-certs/internal/note"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// Issuers finds issuers and their observations.
type Issuers interface {
	// Find returns nil if there is no such issuer.
	Find(ctx context.Context, namespace string, ref v1alpha1.IssuerReference) (v1alpha1.Issuer, error)
	Observation(issuer v1alpha1.Issuer) issuer.Observation
}

// reconciler writes client CAs to Secrets. A request is for a Secret, or for an ApisixTls to report its faults.
type reconciler struct {
	// Reader is the cache, which only contains Secrets that the controller created. Live reads from the API server.
	client.Reader
	live     client.Reader
	writer   tlssecret.Writer
	issuers  Issuers
	recorder events.EventRecorder
	clock    clock.PassiveClock
	// noSecret reports whether a Secret is known not to exist.
	noSecret func(types.NamespacedName) bool
	// class restricts the ApisixTlses to an ingress class and those without one. Empty means all.
	class string

	seen     seen
	reported sync.Map // ctrl.Request -> map[saying]string, of the last reconciliation
	fights   fights

	mu        sync.Mutex
	dependsOn map[types.NamespacedName]issuer.Key // of Secrets
	idleSince map[types.NamespacedName]time.Time
}

const (
	// lookAgain is how often a Secret is reconciled without an event, as the deletion of an issuer triggers none.
	lookAgain = 10 * time.Minute
	// writeAgain is the delay after a conflict with another writer.
	writeAgain = 100 * time.Millisecond
)

// Reconcile updates a Secret, or reports the faults of an ApisixTls.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	kind, name, _ := strings.Cut(req.Name, "/")
	key := types.NamespacedName{Namespace: req.Namespace, Name: name}
	if kind == kindTLS {
		return ctrl.Result{}, r.check(ctx, req, key)
	}
	return r.fill(ctx, req, key)
}

// check reports the faults of one ApisixTls.
func (r *reconciler) check(ctx context.Context, req ctrl.Request, key types.NamespacedName) error {
	tls := &configv2.ApisixTls{}
	var says []notice
	switch err := r.Get(ctx, key, tls); {
	case client.IgnoreNotFound(err) != nil:
		return err
	case err == nil && r.watches(tls):
		if problem := wishOf(tls).problem; problem != "" {
			says = append(says, notice{tls, corev1.EventTypeWarning, v1alpha1.ReasonInvalidSource, problem})
		}
	}
	r.report(req, says)
	return nil
}

// fill plans with the cache. If there is something to write, it plans again with the current state of the API server.
func (r *reconciler) fill(ctx context.Context, req ctrl.Request, key types.NamespacedName) (ctrl.Result, error) {
	s, err := r.observe(ctx, false, key)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe Secret %s: %w", key, err)
	}
	p := makePlan(s, r.clock.Now())
	if p.write != nil || p.delete {
		if s, err = r.observe(ctx, true, key); err != nil {
			return ctrl.Result{}, fmt.Errorf("read Secret %s: %w", key, err)
		}
		p = makePlan(s, r.clock.Now())
	}
	wait, err := r.act(ctx, s, &p)
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return ctrl.Result{RequeueAfter: writeAgain}, nil
	case err != nil:
		refused := failure.Of(err)
		for _, tls := range s.referrers {
			p.warn(tls, refused.Reason, refused.Message)
		}
		r.report(req, p.says)
		return ctrl.Result{}, fmt.Errorf("write client CA Secret %s: %w", key, err)
	}
	r.report(req, p.says)
	return ctrl.Result{RequeueAfter: r.wait(s, p, wait)}, nil
}

// wait returns when to reconcile again, or zero for the next event.
func (r *reconciler) wait(s snapshot, p plan, wait time.Duration) time.Duration {
	if wait == 0 && s.wanted != nil {
		wait = lookAgain
	}
	if p.next.IsZero() {
		return wait
	}
	next := max(p.next.Sub(r.clock.Now()), time.Millisecond)
	if wait == 0 {
		return next
	}
	return min(wait, next)
}

// act applies a plan. It is the only writer. wait is how long a write is delayed.
func (r *reconciler) act(ctx context.Context, s snapshot, p *plan) (wait time.Duration, err error) {
	switch {
	case p.delete:
		ctrl.LoggerFrom(ctx).Info("deleting the client CA Secret: no ApisixTls refers to it any more", "secret", s.place)
		return 0, r.writer.Delete(ctx, p.deletePermit)
	case p.write == nil:
		return 0, nil
	}
	if wait := r.fights.take(s.place, r.clock.Now()); wait > 0 {
		p.says = nil
		p.warn(s.chief(), v1alpha1.ReasonSecretReverted, fmt.Sprintf("spec.client.caSecret: Secret %s is overwritten by %s after each update with the CAs of %s: stop that from writing it, or name another Secret",
			s.place.Name, writerOf(s.secret), s.wanted))
		return wait, nil
	}
	ctrl.LoggerFrom(ctx).Info("writing client CAs", "secret", s.place, "issuer", s.wanted.String(), "new", s.secret == nil)
	_, err = r.writer.Write(ctx, p.writePermit, s.secret, *p.write)
	return 0, err
}

func writerOf(secret *corev1.Secret) string {
	if name := tlssecret.LastWriter(secret); name != "" {
		return note.Cut(name, 80)
	}
	return "an unknown client"
}

// saying identifies an event: an ApisixTls and a reason.
type saying struct {
	uid    types.UID
	reason string
}

// report records events, each once until it changes.
func (r *reconciler) report(req ctrl.Request, says []notice) {
	texts := map[saying]string{}
	for _, w := range says {
		texts[saying{w.to.UID, w.reason}] = w.text
	}
	before, _ := r.reported.Swap(req, texts)
	last, _ := before.(map[saying]string)
	if len(texts) == 0 {
		r.reported.Delete(req)
	}
	for _, w := range says {
		if last[saying{w.to.UID, w.reason}] != w.text {
			r.recorder.Eventf(w.to, nil, w.kind, w.reason, "Check", "%s", note.Fit(w.text))
		}
	}
}

// watches reports whether an ApisixTls is of the controller's ingress class.
func (r *reconciler) watches(tls *configv2.ApisixTls) bool {
	return tls.Spec == nil || r.class == "" || tls.Spec.IngressClassName == "" || tls.Spec.IngressClassName == r.class
}
