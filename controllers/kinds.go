// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/controllers/source"
	"apisix-certs.io/apisix-certs/controllers/triggers"
	"apisix-certs.io/apisix-certs/internal/crdwatch"
)

// watchSources makes the source controller watch a kind of source, and the certificate controller the Secrets that objects of
// this kind refer to.
func (w *wiring) watchSources(ctx context.Context, sources *source.Controller, kind source.Kind, late bool) error {
	if err := sources.Follow(ctx, kind); err != nil {
		return err
	}
	if !kind.ServesSecrets {
		return nil
	}
	w.uses.Has(kind.Kind)
	var which []predicate.Predicate
	if !late {
		which = append(which, triggers.SkipInitialList())
	}
	return w.certificates.Watch(ctrlsource.Kind(w.mgr.GetCache(), kind.Object(), w.triggers.SecretEvents(kind.Secrets), which...))
}

// watchGrants watches ReferenceGrants.
func (w *wiring) watchGrants(_ context.Context, found crdwatch.Found) error {
	w.grants.Found(found.Kind)
	return w.certificates.Watch(ctrlsource.Kind[client.Object](w.mgr.GetCache(), w.grants.New(), w.triggers.GrantEvents(), predicate.GenerationChangedPredicate{}))
}
