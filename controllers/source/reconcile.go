// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/note"
)

// reconciler makes the ApisixCertificates of one kind of source, T.
type reconciler[T client.Object] struct {
	client.Client
	recorder events.EventRecorder
	defaults Defaults

	kind      string
	newObject func() T
	wanted    func(T, Defaults) wants
	// yields tells whether certificates of this kind give way to others of the namespace that cover the same hosts.
	yields bool
	// follow is called once the certificates are settled. Nil: nothing follows.
	follow func(context.Context, T, []v1alpha1.ApisixCertificate) error

	told sync.Map // types.NamespacedName -> telling, the last one
}

// Reconcile compares what one source object wants with what there is, and brings them together.
func (r *reconciler[T]) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	object := r.newObject()
	if err := r.Get(ctx, req.NamespacedName, object); err != nil {
		if apierrors.IsNotFound(err) {
			r.told.Delete(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !object.GetDeletionTimestamp().IsZero() {
		return ctrl.Result{}, nil // garbage collection ends what the object owns
	}
	have, err := r.observe(ctx, object)
	if err != nil {
		return ctrl.Result{}, err
	}
	want := r.wanted(object, r.defaults)
	if r.yields {
		want = yield(want, object, have)
	}
	p := plan(owner(object, r.kind), want, have)
	settled, err := r.apply(ctx, object, p)
	if apierrors.IsInvalid(err) { // asking again would change nothing
		p.problems = append(p.problems, err.Error())
		r.report(object, p)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("certificates of %s %s: %w", r.kind, req, err)
	}
	r.report(object, p)
	if r.follow != nil {
		return ctrl.Result{}, r.follow(ctx, object, settled)
	}
	return ctrl.Result{}, nil
}

// observe reads the ApisixCertificates of the object's namespace that matter: all where the kind yields, else those
// that the object owns or names.
func (r *reconciler[T]) observe(ctx context.Context, object T) ([]v1alpha1.ApisixCertificate, error) {
	var list v1alpha1.ApisixCertificateList
	if r.yields {
		err := r.List(ctx, &list, client.InNamespace(object.GetNamespace()))
		return list.Items, err
	}
	if err := r.List(ctx, &list, client.MatchingFields{indexOwner: string(object.GetUID())}); err != nil {
		return nil, err
	}
	have := list.Items
	owned := map[string]bool{}
	for i := range have {
		owned[have[i].Name] = true
	}
	for _, want := range r.wanted(object, r.defaults).certificates {
		if owned[want.Name] {
			continue
		}
		var cert v1alpha1.ApisixCertificate
		err := r.Get(ctx, client.ObjectKeyFromObject(&want), &cert)
		if client.IgnoreNotFound(err) != nil {
			return nil, err
		}
		if err == nil {
			have = append(have, cert)
		}
	}
	return have, nil
}

// apply carries out a plan and returns the ApisixCertificates that the object has afterwards.
func (r *reconciler[T]) apply(ctx context.Context, object T, p plans) ([]v1alpha1.ApisixCertificate, error) {
	settled := p.keep
	for _, cert := range p.create {
		if err := r.Create(ctx, &cert); err != nil {
			return nil, err
		}
		r.recorder.Eventf(object, &cert, corev1.EventTypeNormal, v1alpha1.ReasonCreated, "Create", "created ApisixCertificate %s", cert.Name)
		settled = append(settled, cert)
	}
	for _, change := range p.patch {
		if err := r.Patch(ctx, &change.to, client.MergeFromWithOptions(&change.from, client.MergeFromWithOptimisticLock{})); err != nil {
			return nil, err
		}
		r.recorder.Eventf(object, &change.to, corev1.EventTypeNormal, v1alpha1.ReasonUpdated, "Update", "updated ApisixCertificate %s", change.to.Name)
		settled = append(settled, change.to)
	}
	for _, cert := range p.delete {
		if err := r.Delete(ctx, &cert, client.Preconditions{UID: &cert.UID}); client.IgnoreNotFound(err) != nil {
			return nil, err
		}
	}
	return settled, nil
}

// telling is what an event told of a source.
type telling struct {
	uid  types.UID
	text string
}

// report tells the problems, or else the notes, as an event on the source: once until they change.
func (r *reconciler[T]) report(object T, p plans) {
	kind, reason, messages := corev1.EventTypeWarning, v1alpha1.ReasonInvalidSource, p.problems
	if len(messages) == 0 {
		kind, reason, messages = corev1.EventTypeNormal, v1alpha1.ReasonCovered, p.notes
	}
	if len(messages) == 0 {
		r.told.Delete(client.ObjectKeyFromObject(object)) // of most nothing is told: it should take no memory either
		return
	}
	now := telling{object.GetUID(), strings.Join(messages, "; ")}
	if last, _ := r.told.Swap(client.ObjectKeyFromObject(object), now); last != now {
		r.recorder.Eventf(object, nil, kind, reason, "Check", "%s", note.Fit(now.text))
	}
}

// indexOwner indexes ApisixCertificates by the UIDs of their owners.
const indexOwner = "ownerUID"

// SetupIndex indexes ApisixCertificates by owner, which all kinds of sources need.
func SetupIndex(ctx context.Context, indexer client.FieldIndexer) error {
	return indexer.IndexField(ctx, &v1alpha1.ApisixCertificate{}, indexOwner, owners)
}

func owners(object client.Object) []string {
	var uids []string
	for _, ref := range object.GetOwnerReferences() {
		uids = append(uids, string(ref.UID))
	}
	return uids
}

// owner is a plain reference to object.
func owner(object client.Object, kind string) metav1.OwnerReference {
	gv := apiVersions[kind]
	return metav1.OwnerReference{APIVersion: gv.String(), Kind: kind, Name: object.GetName(), UID: object.GetUID()}
}
