// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"apisix-certs.io/apisix-certs/apisix"
)

// emptyGateway removes the ssl objects of the bench and of its controller, behind the back of both: the stand-in loses all
// that it has, a real gateway what is labelled with this run.
func (w *world) emptyGateway(ctx context.Context) error {
	if w.StandIn != nil {
		w.StandIn.Wipe()
		return nil
	}
	admin, err := apisix.New(apisix.Options{Endpoints: []string{w.options.gateway.AdminURL}, AdminKey: apisix.StaticKey(w.options.gateway.AdminKey)})
	if err != nil {
		return err
	}
	all, err := admin.ListSSLs(ctx)
	if err != nil {
		return fmt.Errorf("list the gateway's ssl objects: %w", err)
	}
	return w.parallel(ctx, "emptying the gateway", len(all), w.options.workers, func(ctx context.Context, i int) error {
		if all[i].Labels["apisix-certs.io/cluster"] != w.clusterID {
			return nil
		}
		if err := admin.DeleteSSL(ctx, all[i].ID); err != nil && !apisix.IsNotFound(err) {
			return err
		}
		return nil
	})
}
