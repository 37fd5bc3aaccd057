// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/controllers/triggers"
	"apisix-certs.io/apisix-certs/internal/issuance"
)

// issuers wires issuers to the certificates that name them: their changes of CA and CRL, and the kinds of cert-manager as
// soon as the cluster has them. That it has none is no error.
type issuers struct {
	mgr          ctrl.Manager
	sessions     *issuer.Sessions
	triggers     *triggers.Triggers
	certificates controller.Controller
	secrets      func(handler.EventHandler) ctrlsource.Source
	changes      chan event.GenericEvent
	namespaces   []string // whose objects are read; nil: all

	waiting []schema.GroupVersionKind
}

// setup watches what there is, and leaves the rest to Start.
func (i *issuers) setup(ctx context.Context) error {
	i.changes = make(chan event.GenericEvent, 64)
	i.sessions.Changed = func(key issuer.Key) {
		select {
		case i.changes <- event.GenericEvent{Object: triggers.IssuerChange(key)}:
		case <-ctx.Done():
		}
	}
	if err := i.certificates.Watch(ctrlsource.Channel(i.changes, i.triggers.IssuerEvents())); err != nil {
		return err
	}
	i.waiting = []schema.GroupVersionKind{
		issuer.ForeignKind(v1alpha1.KindIssuer), issuer.ForeignKind(v1alpha1.KindClusterIssuer), issuance.RequestKind,
	}
	if err := i.startPresent(); err != nil {
		return err
	}
	return i.mgr.Add(i)
}

// Start waits for the absent kinds, on the leader.
func (i *issuers) Start(ctx context.Context) error {
	return awaitKinds(ctx, kindPoll, func(context.Context) (bool, error) {
		err := i.startPresent()
		return len(i.waiting) == 0, err
	})
}

func (i *issuers) startPresent() error {
	for _, kind := range slices.Clone(i.waiting) {
		_, err := i.mgr.GetRESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
		switch {
		case meta.IsNoMatchError(err):
			continue
		case err != nil:
			return &lookupError{kind.Kind + " of cert-manager", err}
		}
		if err := i.start(kind); err != nil {
			return fmt.Errorf("watch of %ss of cert-manager: %w", kind.Kind, err)
		}
		i.waiting = slices.DeleteFunc(i.waiting, func(other schema.GroupVersionKind) bool { return other == kind })
	}
	return nil
}

func (i *issuers) start(kind schema.GroupVersionKind) error {
	if kind == issuance.RequestKind {
		return i.watchRequests()
	}
	if err := issuer.SetupForeign(i.mgr, i.sessions, kind.Kind, i.secrets); err != nil {
		return err
	}
	return i.certificates.Watch(ctrlsource.Kind[client.Object](i.mgr.GetCache(), issuer.NewForeign(kind.Kind), i.triggers.ForeignEvents(kind.Kind)))
}

// watchRequests watches our own CertificateRequests alone: a cluster may keep thousands of others.
func (i *issuers) watchRequests() error {
	ours, err := addCache(i.mgr, i.namespaces, labels.SelectorFromSet(labels.Set{v1alpha1.LabelManaged: "true"}))
	if err != nil {
		return err
	}
	request := &unstructured.Unstructured{}
	request.SetGroupVersionKind(issuance.RequestKind)
	owner := handler.EnqueueRequestForOwner(i.mgr.GetScheme(), i.mgr.GetRESTMapper(), &v1alpha1.ApisixCertificate{}, handler.OnlyControllerOwner())
	return i.certificates.Watch(ctrlsource.Kind[client.Object](ours, request, owner))
}
