// SPDX-License-Identifier: Apache-2.0

package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gateway/limit"
)

// Remote reads and writes one gateway's ssl objects. All fields except Log are required.
type Remote struct {
	*Inventory
	Admin *apisix.Client
	Clock clock.PassiveClock
	// Writes limits concurrent writes.
	Writes *limit.Slots
	// Gateway and Mode are logged. Log is used if a context has no logger.
	Gateway, Mode string
	Log           logr.Logger
}

// EnsureFresh reads the list again if the inventory is older than age. Concurrent callers share one list request.
func (r Remote) EnsureFresh(ctx context.Context, age time.Duration) error {
	if listed := r.Listed(); !listed.IsZero() && r.Clock.Since(listed) < age {
		return nil
	}
	return r.List(ctx)
}

// List reads the list again (GET /apisix/admin/ssls, page by page).
func (r Remote) List(ctx context.Context) error {
	return r.refresh(ctx, r.Clock.Now, func(ctx context.Context) ([]Object, error) {
		return apisix.ListSSLsAs(ctx, r.Admin, NewObject)
	})
}

// Read reads one object from the gateway and records it (GET /apisix/admin/ssls/ID).
func (r Remote) Read(ctx context.Context, id string) (Object, error) {
	ssl, err := r.Admin.GetSSL(ctx, id)
	if apisix.IsNotFound(err) && r.Forget(id) {
		r.Invalidate() // others may be gone too
	}
	if err != nil {
		return Object{}, fmt.Errorf("get ssl object %s: %w", id, err)
	}
	object := NewObject(ssl)
	r.Record(object)
	return object, nil
}

// ReadAll reads the objects with these ids from the gateway. A missing one is not an error.
func (r Remote) ReadAll(ctx context.Context, ids ...string) error {
	for _, id := range ids {
		if _, err := r.Read(ctx, id); err != nil && !apisix.IsNotFound(err) {
			return err
		}
	}
	return nil
}
