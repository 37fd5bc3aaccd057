// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestPersist(t *testing.T) {
	t.Parallel()
	secrets := schema.GroupResource{Resource: "secrets"}
	for name, row := range map[string]struct {
		err   error
		calls int // where the third would pass
	}{
		"out of reach": {errors.New("connection refused"), 3},
		"500":          {apierrors.NewInternalError(errors.New("etcd")), 3},
		"503":          {apierrors.NewServiceUnavailable("stopping"), 3},
		"429":          {apierrors.NewTooManyRequests("busy", 1), 3},
		"timeout":      {apierrors.NewServerTimeout(secrets, "create", 1), 3},
		"conflict":     {apierrors.NewConflict(secrets, "web-tls", errors.New("changed")), 1},
		"exists":       {apierrors.NewAlreadyExists(secrets, "web-tls"), 1},
		"forbidden":    {apierrors.NewForbidden(secrets, "web-tls", errors.New("no")), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			err := persist(t.Context(), func() error {
				if calls++; calls < 3 {
					return fmt.Errorf("create Secret: %w", row.err)
				}
				return nil
			})
			if calls != row.calls || (err == nil) != (row.calls == 3) {
				t.Errorf("%d calls, error %v", calls, err)
			}
		})
	}
}

// It ends with its context, with the error of the last write.
func TestPersistEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	down := errors.New("connection refused")
	if err := persist(ctx, func() error { return down }); !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	cancel()
	if err := persist(ctx, func() error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nothing was written, error %v", err)
	}
}
