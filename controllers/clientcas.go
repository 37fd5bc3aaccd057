// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"apisix-certs.io/apisix-certs/controllers/clientca"
	"apisix-certs.io/apisix-certs/controllers/source"
	"apisix-certs.io/apisix-certs/internal/crdwatch"
)

// addClientCAs adds the controller of client CA Secrets if the cluster has the ApisixTls CRD.
func (w *wiring) addClientCAs(ctx context.Context) error {
	kind := source.TLSKind
	return w.crds.Add(ctx, kind.GroupKind(), kind.Version, func(ctx context.Context, _ crdwatch.Found) error {
		c, err := clientca.Setup(ctx, w.mgr, clientca.Options{
			Issuers: w.reconciler.Issuers, Writer: w.reconciler.Secrets, Secrets: w.secrets.Changes, NoSecret: w.secrets.None,
			Check: w.sessions.CheckSoon, Shard: w.part, IngressClass: w.options.IngressClass,
		})
		if err != nil {
			return fmt.Errorf("client CA controller: %w", err)
		}
		w.clientCAs.Store(c)
		return nil
	})
}
