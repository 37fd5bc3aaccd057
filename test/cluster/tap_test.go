// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// A request whose client has gone counts where the tap finishes what was begun, and else does not.
func TestTapFinishes(t *testing.T) {
	t.Parallel()
	for name, finishes := range map[string]bool{"finishes": true, "ends with the client": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, left, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				defer close(ended)
				close(asked)
				select {
				case <-left:
				case <-r.Context().Done():
				}
			}))
			t.Cleanup(server.Close)
			tap, err := NewTap(server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(tap.Close)
			tap.Finishes = finishes
			ctx, leave := context.WithCancel(t.Context())
			go func() {
				<-asked
				leave()
				time.AfterFunc(300*time.Millisecond, func() { close(left) }) // the tap has noticed by then
			}()
			request, _ := http.NewRequestWithContext(ctx, http.MethodPost, tap.URL, nil)
			if _, err := http.DefaultClient.Do(request); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			<-ended
			for deadline := time.Now().Add(5 * time.Second); finishes && tap.Count(nil) == 0 && time.Now().Before(deadline); {
				time.Sleep(10 * time.Millisecond)
			}
			if got := tap.Count(nil) == 1; got != finishes {
				t.Errorf("%d calls", tap.Count(nil))
			}
		})
	}
}
