// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

// observe reads the input of a plan for the Secret.
func (r *reconciler) observe(ctx context.Context, g group) (observed, error) {
	o := observed{group: g}
	var err error
	if o.have, err = r.certificates(ctx, g); err != nil {
		return o, err
	}
	if o.members, err = r.sources(ctx, g); err != nil {
		return o, err
	}
	if err := r.addOwners(ctx, &o); err != nil {
		return o, err
	}
	if err := r.observeCover(ctx, &o); err != nil {
		return o, err
	}
	if err := r.observeSuccessors(ctx, &o); err != nil {
		return o, err
	}
	if len(o.have) == 0 && slices.ContainsFunc(o.members, func(m *member) bool { return m.entry != nil && m.entry.cert != nil }) {
		o.name, err = r.freeName(ctx, g)
	}
	return o, err
}

// certificates returns the certificates of the group's namespace for its Secret.
func (r *reconciler) certificates(ctx context.Context, g group) ([]*v1alpha1.ApisixCertificate, error) {
	var list v1alpha1.ApisixCertificateList
	if err := r.List(ctx, &list, client.MatchingFields{indexGroup: g.key()}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	have := make([]*v1alpha1.ApisixCertificate, 0, len(list.Items))
	for i := range list.Items {
		have = append(have, &list.Items[i])
	}
	return have, nil
}

// sources returns the sources of the group's namespace that name its Secret.
func (r *reconciler) sources(ctx context.Context, g group) ([]*member, error) {
	var members []*member
	for _, kind := range r.allFollowed() {
		list := kind.newList()
		err := r.List(ctx, list, client.MatchingFields{indexSecret: g.secret.String()}, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", kind.Kind, err)
		}
		err = meta.EachListItem(list, func(item runtime.Object) error {
			object, ok := item.(client.Object)
			if !ok || object.GetNamespace() != g.namespace {
				return nil
			}
			m, err := r.member(ctx, kind, object, g)
			members = append(members, m)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return members, nil
}

func (r *reconciler) member(ctx context.Context, kind Kind, object client.Object, g group) (*member, error) {
	m := &member{object: object, ref: owner(object, kind), created: object.GetCreationTimestamp()}
	var err error
	m.wants, err = r.wanted(ctx, kind, object)
	m.entry = m.wants.of(g.secret)
	return m, err
}

// wanted returns what an object requests.
func (r *reconciler) wanted(ctx context.Context, kind Kind, object client.Object) (wants, error) {
	around, err := r.around(ctx, object)
	if err != nil {
		return wants{}, fmt.Errorf("read the objects that %s %s depends on: %w", kind.Kind, object.GetName(), err)
	}
	return kind.wanted(object, around, r.defaults), nil
}

// addOwners adds the sources that own a certificate but do not name its Secret.
func (r *reconciler) addOwners(ctx context.Context, o *observed) error {
	known := map[types.UID]bool{}
	for _, m := range o.members {
		known[m.ref.UID] = true
	}
	for _, cert := range o.have {
		for _, ref := range cert.OwnerReferences {
			if known[ref.UID] || !ofSource(ref) {
				continue
			}
			known[ref.UID] = true
			m, err := r.owning(ctx, o.group, ref)
			if err != nil {
				return err
			}
			o.members = append(o.members, m)
		}
	}
	return nil
}

// owning returns the source that an owner reference names. It only considers the namespace of the group.
func (r *reconciler) owning(ctx context.Context, g group, ref metav1.OwnerReference) (*member, error) {
	plain := ref
	plain.Controller = nil
	kind, ok := r.followed(ref.Kind)
	if !ok {
		return &member{ref: plain, unknown: true}, nil
	}
	object := kind.newObject()
	err := r.Get(ctx, types.NamespacedName{Namespace: g.namespace, Name: ref.Name}, object)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return nil, err
	case err != nil || object.GetUID() != ref.UID:
		return &member{ref: plain}, nil
	}
	return r.member(ctx, kind, object, g)
}

// observeCover finds the hosts of routes that other certificates of the namespace cover, because ingress controllers reject a
// host with two certificates.
func (r *reconciler) observeCover(ctx context.Context, o *observed) error {
	mayBeCovered := func(m *member) bool {
		return m.ref.Kind == kindRoute && m.entry != nil && m.entry.cert != nil
	}
	if !slices.ContainsFunc(o.members, mayBeCovered) {
		return nil
	}
	var list v1alpha1.ApisixCertificateList
	if err := r.List(ctx, &list, client.InNamespace(o.group.namespace), client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	for _, m := range o.members {
		if mayBeCovered(m) {
			m.dropCoveredHosts(o.group, list.Items)
		}
	}
	return nil
}

// observeSuccessors finds the sources that now name another Secret for a host of the certificate and have no certificate there
// yet. That one must exist before this one is deleted. Otherwise the host would have no owner for a moment, and another namespace
// could claim it.
func (r *reconciler) observeSuccessors(ctx context.Context, o *observed) error {
	existing, _, _ := choose(o.have)
	if existing == nil {
		return nil
	}
	for _, m := range o.members {
		if m.object == nil || m.entry != nil {
			continue
		}
		for _, e := range m.wants.entries {
			if e.cert == nil || !overlaps(e.cert, existing) {
				continue
			}
			there, err := r.certificates(ctx, group{o.group.namespace, e.secret})
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(there, func(c *v1alpha1.ApisixCertificate) bool { return c.DeletionTimestamp.IsZero() }) {
				m.awaits = e.secret.Name
			}
		}
	}
	return nil
}

func overlaps(a, b *v1alpha1.ApisixCertificate) bool {
	return slices.ContainsFunc(a.Spec.DNSNames, func(host string) bool {
		return slices.ContainsFunc(b.Spec.DNSNames, func(other string) bool { return certs.MatchHost(host, other) || certs.MatchHost(other, host) })
	})
}

// freeName returns the name for a new certificate of the group: the plain one, unless another Secret uses it.
func (r *reconciler) freeName(ctx context.Context, g group) (string, error) {
	names := g.names()
	var cert v1alpha1.ApisixCertificate
	err := r.Get(ctx, types.NamespacedName{Namespace: g.namespace, Name: names[0]}, &cert)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return "", err
	case err == nil && groupOfCertificate(&cert) != g:
		return names[1], nil
	}
	return names[0], nil
}

// allFollowed returns the watched kinds in a fixed order.
func (r *reconciler) allFollowed() []Kind {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []Kind
	for _, kind := range Kinds() {
		if _, ok := r.kinds[kind.Kind]; ok {
			all = append(all, kind)
		}
	}
	return all
}

// owner returns an owner reference to object.
func owner(object client.Object, kind Kind) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: schema.GroupVersion{Group: kind.Group, Version: kind.Version}.String(), Kind: kind.Kind, Name: object.GetName(), UID: object.GetUID()}
}

// acceptTimeout is how long a controller may take to accept a GatewayClass before its Gateways get a warning.
const acceptTimeout = time.Minute

// unaccepted returns the warning for a Gateway with certificates whose GatewayClass no controller has accepted. The Gateway gets its
// Secrets, but nothing serves them. wait is when to check again if the class or the Gateway is new. A GatewayClass that does not
// exist is reported by the certificate.
func (r *reconciler) unaccepted(ctx context.Context, source client.Object) (text string, wait time.Duration, err error) {
	u, ok := source.(*unstructured.Unstructured)
	if !ok || u.GetKind() != kindGateway {
		return "", 0, nil
	}
	object := gatewayapi.NewClass()
	err = r.Get(ctx, client.ObjectKey{Name: gatewayapi.GatewayOf(u).Class}, object)
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("GatewayClass of Gateway %s: %w", u.GetName(), err)
	}
	class := gatewayapi.ClassOf(object)
	if class.Accepted {
		return "", 0, nil
	}
	for _, since := range []time.Time{u.GetCreationTimestamp().Time, object.GetCreationTimestamp().Time} {
		wait = max(wait, acceptTimeout-r.clock.Since(since))
	}
	if wait > 0 {
		return "", wait, nil
	}
	return fmt.Sprintf("spec.gatewayClassName: no controller has accepted GatewayClass %s (spec.controllerName %s), so nothing serves this Gateway: "+
		"install that controller, or name another class", class.Name, class.Controller), 0, nil
}
