// SPDX-License-Identifier: Apache-2.0

package limit

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"apisix-certs.io/apisix-certs/internal/metrics"
	"apisix-certs.io/apisix-certs/internal/metrics/metricstest"
)

func TestWaitsAreCounted(t *testing.T) {
	slots := New(1, metrics.Writes)
	free := metricstest.Added(t, func() { _, _ = slots.Acquire(t.Context()) }, "apisix_certs_limit_waits_total", "writes")
	full := metricstest.Added(t, func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := slots.Acquire(ctx); err == nil {
			t.Error("there was a second slot of one")
		}
	}, "apisix_certs_limit_waits_total", "writes")
	if free != 0 || full != 1 {
		t.Errorf("%v waits for a free slot, %v for one in use", free, full)
	}
}

// TestInOrder: those that wait go in the order in which they came, which is that of the queue: by urgency.
func TestInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 8
		slots := New(n, metrics.Writes)
		var leave []func()
		for range n {
			release, err := slots.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leave = append(leave, release)
		}
		var got []int
		for i := range 20 {
			go func() {
				release, err := slots.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				got = append(got, i)
				release()
			}()
			synctest.Wait()
		}
		if len(got) > 0 {
			t.Errorf("%v did not wait", got)
		}
		leave[0]()
		synctest.Wait()
		if len(got) != 20 || !slices.IsSorted(got) {
			t.Errorf("%v", got)
		}
		for _, release := range leave[1:] {
			release()
		}
	})
}
