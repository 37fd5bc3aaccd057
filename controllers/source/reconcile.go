// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/note"
)

// saying identifies an event: a source and a reason.
type saying struct {
	uid    types.UID
	reason string
}

// mark is the last written annotation source-opted-out of a certificate.
type mark struct {
	uid  types.UID
	text string
}

const (
	// lookAgain is the delay before a plan that waits is made again.
	lookAgain = 2 * time.Second
	// writeAgain is the delay after a conflict with another writer.
	writeAgain = 100 * time.Millisecond
)

// Reconcile creates, updates or deletes the certificate of a Secret to match its sources.
func (r *reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	g, kind, name, ok := groupOf(req)
	if !ok {
		wait, err := r.check(ctx, req, kind, name)
		return ctrl.Result{RequeueAfter: wait}, err
	}
	o, err := r.observe(ctx, g)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("observe the sources of Secret %s: %w", g.secret, err)
	}
	p := makePlan(o, r.defaults)
	mark := markOf(p.settled())
	if r.removed(req, p.patch) {
		p.keep, p.patch = p.patch.from, nil
	}
	wait, err := r.apply(ctx, o, &p)
	switch {
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return ctrl.Result{RequeueAfter: writeAgain}, nil
	case apierrors.IsInvalid(err): // the same request would be rejected again
		for _, m := range o.members {
			if m.entry != nil && m.entry.cert != nil {
				p.warn(m.object, v1alpha1.ReasonInvalidSource, err.Error())
			}
		}
		r.report(req, p.says)
		return ctrl.Result{}, nil
	case err != nil:
		return ctrl.Result{}, fmt.Errorf("certificate of Secret %s: %w", g.secret, err)
	}
	r.remember(req, mark)
	r.report(req, p.says)
	if p.again {
		wait = lookAgain
	}
	return ctrl.Result{RequeueAfter: wait}, r.followRoutes(ctx, o, p.settled())
}

// check reports the faults of one source. wait is when to check it again; zero means when it changes.
func (r *reconciler) check(ctx context.Context, req ctrl.Request, kind, name string) (wait time.Duration, err error) {
	m := &member{}
	if k, ok := r.followed(kind); ok {
		m.object = k.newObject()
		if err := r.Get(ctx, types.NamespacedName{Namespace: req.Namespace, Name: name}, m.object); err != nil {
			m.object = nil
			if client.IgnoreNotFound(err) != nil {
				return 0, err
			}
		}
		if m.object != nil && m.object.GetDeletionTimestamp().IsZero() {
			if m.wants, err = r.wanted(ctx, k, m.object); err != nil {
				return 0, err
			}
			m.ref = owner(m.object, k)
		}
	}
	p := plan{}
	if len(m.wants.certificates()) > 0 {
		var warning string
		if warning, wait, err = r.unaccepted(ctx, m.object); err != nil {
			return 0, err
		}
		if warning != "" {
			p.warn(m.object, v1alpha1.ReasonClassNotAccepted, warning)
		}
	}
	if faults := m.wants.faults(); len(faults) > 0 {
		p.warn(m.object, v1alpha1.ReasonInvalidSource, strings.Join(faults, "; "))
	}
	r.report(req, p.says)
	return wait, nil
}

// apply applies a plan. wait is how long a deletion is delayed.
func (r *reconciler) apply(ctx context.Context, o observed, p *plan) (wait time.Duration, err error) {
	switch {
	case p.create != nil:
		if err := r.Create(ctx, p.create); err != nil {
			return 0, err
		}
		r.announce(o, p.create, v1alpha1.ReasonCreated, "Create", "created")
	case p.patch != nil:
		from, to := p.patch.from, p.patch.to
		if err := r.Patch(ctx, to, client.MergeFromWithOptions(from, client.MergeFromWithOptimisticLock{})); err != nil {
			return 0, err
		}
		r.announce(o, to, v1alpha1.ReasonUpdated, "Update", "updated")
	case p.delete != nil:
		return r.deleteCertificate(ctx, o, p)
	}
	return 0, nil
}

// announce records an event on the source that determines the certificate.
func (r *reconciler) announce(o observed, cert *v1alpha1.ApisixCertificate, reason, action, done string) {
	chief := metav1.GetControllerOf(cert)
	for _, m := range o.members {
		if chief != nil && m.object != nil && m.ref.UID == chief.UID {
			r.recorder.Eventf(m.object, cert, corev1.EventTypeNormal, reason, action, "%s ApisixCertificate %s", done, cert.Name)
		}
	}
}

// deleteCertificate deletes a certificate that no source requests any more, or reports why not yet.
func (r *reconciler) deleteCertificate(ctx context.Context, o observed, p *plan) (wait time.Duration, err error) {
	cert := p.delete
	if wait := r.brake.take(r.clock.Now()); wait > 0 {
		const why = "deletion of ApisixCertificate %s is delayed: no source names Secret %s any more, but %d ApisixCertificates were deleted within a minute, which may be a mistake; restore the entry in the source to keep it"
		text := fmt.Sprintf(why, cert.Name, o.group.secretText(), mostDeletions)
		p.warn(cert, v1alpha1.ReasonDeletionHeld, text)
		for _, m := range o.members {
			if m.object != nil && references(cert, m.ref.UID) {
				p.warn(m.object, v1alpha1.ReasonDeletionHeld, text)
			}
		}
		metrics.DelayedDeletion()
		ctrl.LoggerFrom(ctx).Info("deletion of an ApisixCertificate is delayed: too many within a minute", "certificate", cert.Name, "wait", wait)
		return wait, nil
	}
	ctrl.LoggerFrom(ctx).Info("deleting an ApisixCertificate: no source names its Secret any more", "certificate", cert.Name, "secret", o.group.secret)
	if err := r.dropTLS(ctx, cert); err != nil {
		return 0, err
	}
	return 0, client.IgnoreNotFound(r.Delete(ctx, cert, client.Preconditions{UID: &cert.UID}))
}

// markOf returns the mark of a certificate, or the zero mark for nil and for one without a mark.
func markOf(cert *v1alpha1.ApisixCertificate) mark {
	if cert == nil || cert.Annotations[v1alpha1.AnnotationSourceOptedOut] == "" {
		return mark{}
	}
	return mark{cert.UID, cert.Annotations[v1alpha1.AnnotationSourceOptedOut]}
}

// removed reports whether a change would only restore the mark of a source that has opted out after another client has removed
// it, such as another controller for which the source is opted in. The two must not overwrite each other forever.
func (r *reconciler) removed(req ctrl.Request, c *change) bool {
	last, ok := r.marked.Load(req)
	if !ok || c == nil || last != markOf(c.to) {
		return false
	}
	from := c.from.DeepCopy()
	metav1.SetMetaDataAnnotation(&from.ObjectMeta, v1alpha1.AnnotationSourceOptedOut, markOf(c.to).text)
	return equality.Semantic.DeepEqual(from, c.to)
}

func (r *reconciler) remember(req ctrl.Request, m mark) {
	if m == (mark{}) {
		r.marked.Delete(req)
		return
	}
	r.marked.Store(req, m)
}

// report records events, each once until it changes.
func (r *reconciler) report(req ctrl.Request, says []notice) {
	texts, kinds := map[saying]string{}, map[saying]notice{}
	var order []saying
	for _, w := range says {
		key := saying{w.to.GetUID(), w.reason}
		if _, known := kinds[key]; !known {
			kinds[key], order = w, append(order, key)
		}
		texts[key] = strings.TrimPrefix(texts[key]+"; "+w.text, "; ")
	}
	if len(texts) == 0 {
		r.reported.Delete(req) // save memory: most requests have no events
		return
	}
	before, _ := r.reported.Swap(req, texts)
	last, _ := before.(map[saying]string)
	for _, key := range order {
		if w := kinds[key]; texts[key] != last[key] {
			r.recorder.Eventf(w.to, nil, w.kind, w.reason, "Check", "%s", note.Fit(texts[key]))
		}
	}
}
