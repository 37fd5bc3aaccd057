// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/controllers/triggers"
	"apisix-certs.io/apisix-certs/internal/crdwatch"
	"apisix-certs.io/apisix-certs/internal/issuance"
)

// watchIssuers enqueues certificates when the CA or CRL of their issuer changes. It also watches the issuers of cert-manager if
// the cluster has their CRDs.
func (w *wiring) watchIssuers(ctx context.Context) error {
	changes := make(chan event.GenericEvent, 64)
	w.sessions.Changed = func(key issuer.Key) {
		w.clientCAs.Load().Changed(ctx, key, func() {
			select {
			case changes <- event.GenericEvent{Object: triggers.IssuerChange(key)}:
			case <-ctx.Done():
			}
		})
	}
	if err := w.certificates.Watch(ctrlsource.Channel(changes, w.triggers.IssuerEvents())); err != nil {
		return err
	}
	for _, name := range []string{v1alpha1.KindIssuer, v1alpha1.KindClusterIssuer} {
		kind := issuer.ForeignKind(name)
		if err := w.crds.Add(ctx, kind.GroupKind(), kind.Version, w.watchForeign); err != nil {
			return err
		}
	}
	return w.crds.Add(ctx, issuance.RequestKind.GroupKind(), issuance.RequestKind.Version, w.watchRequests)
}

func (w *wiring) watchForeign(_ context.Context, found crdwatch.Found) error {
	kind := found.Kind.Kind
	if err := issuer.SetupCertManager(w.mgr, w.sessions, kind, w.secrets.Changes); err != nil {
		return err
	}
	return w.certificates.Watch(ctrlsource.Kind[client.Object](w.mgr.GetCache(), issuer.NewCertManagerIssuer(kind), w.triggers.CertManagerIssuerEvents(kind)))
}

// watchRequests watches only the CertificateRequests that this controller created, as a cluster may have thousands of others.
func (w *wiring) watchRequests(context.Context, crdwatch.Found) error {
	ours, err := addCache(w.mgr, w.within.namespaces(), labels.SelectorFromSet(labels.Set{v1alpha1.LabelManaged: "true"}))
	if err != nil {
		return err
	}
	request := &unstructured.Unstructured{}
	request.SetGroupVersionKind(issuance.RequestKind)
	owner := handler.EnqueueRequestForOwner(w.mgr.GetScheme(), w.mgr.GetRESTMapper(), &v1alpha1.ApisixCertificate{}, handler.OnlyControllerOwner())
	return w.certificates.Watch(ctrlsource.Kind[client.Object](ours, request, owner))
}
