// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/controllers/grant"
)

// grantWatch watches ReferenceGrants as soon as the cluster has their CRD, of the Gateway API.
type grantWatch struct {
	mgr          ctrl.Manager
	grants       *grant.Grants
	certificates controller.Controller
	events       handler.EventHandler
	started      bool
}

func (w *grantWatch) setup() error {
	if err := w.startPresent(); err != nil {
		return err
	}
	return w.mgr.Add(w)
}

// Start waits for the kind, on the leader.
func (w *grantWatch) Start(ctx context.Context) error {
	return awaitKinds(ctx, kindPoll, func(context.Context) (bool, error) {
		err := w.startPresent()
		return w.started, err
	})
}

func (w *grantWatch) startPresent() error {
	if w.started {
		return nil
	}
	mapping, err := w.mgr.GetRESTMapper().RESTMapping(grant.Kind)
	switch {
	case meta.IsNoMatchError(err):
		return nil
	case err != nil:
		return &lookupError{grant.Kind.Kind, err}
	}
	w.grants.Found(mapping.GroupVersionKind)
	w.started = true
	return w.certificates.Watch(ctrlsource.Kind[client.Object](w.mgr.GetCache(), w.grants.New(), w.events, predicate.GenerationChangedPredicate{}))
}
