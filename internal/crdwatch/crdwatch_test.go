// SPDX-License-Identifier: Apache-2.0

package crdwatch

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	issuers = schema.GroupKind{Group: "cert-manager.io", Kind: "Issuer"}
	proxies = schema.GroupKind{Group: "apisix.apache.org", Kind: "GatewayProxy"}

	errDown   = errors.New("connection refused")
	errBroken = errors.New("no such field")
)

// cluster is a RESTMapper of an API server that has some kinds, and may be down for one of them.
type cluster struct {
	meta.RESTMapper
	mu   sync.Mutex                  // the clock of synctest orders a test and a watcher, and the race detector does not know
	has  map[schema.GroupKind]string // its version
	down schema.GroupKind
}

func (c *cluster) RESTMapping(kind schema.GroupKind, versions ...string) (*meta.RESTMapping, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kind == c.down {
		return nil, errDown
	}
	version, ok := c.has[kind]
	if !ok || len(versions) > 0 && !slices.Contains(versions, version) {
		return nil, &meta.NoKindMatchError{GroupKind: kind, SearchedVersions: versions}
	}
	return &meta.RESTMapping{GroupVersionKind: kind.WithVersion(version)}, nil
}

// become takes over what another has.
func (c *cluster) become(next *cluster) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.has, c.down = next.has, next.down
}

// TestWatcher follows a watcher of two kinds from its Adds through two looks.
func TestWatcher(t *testing.T) {
	issuer, proxy := issuers.WithVersion("v1"), proxies.WithVersion("v1alpha1")
	both := map[schema.GroupKind]string{issuers: "v1", proxies: "v1alpha1"}
	for name, row := range map[string]struct {
		clusters []*cluster // at Add, and at each look
		broken   bool       // the start for issuers fails
		want     []Found
		err      error // of Add or Start
	}{
		"both from the beginning": {clusters: []*cluster{{has: both}}, want: []Found{{issuer, false}, {proxy, false}}},
		"one comes later":         {clusters: []*cluster{{has: map[schema.GroupKind]string{proxies: "v1alpha1"}}, {has: both}}, want: []Found{{proxy, false}, {issuer, true}}},
		"one after the other":     {clusters: []*cluster{{}, {has: map[schema.GroupKind]string{proxies: "v1alpha1"}}, {has: both}}, want: []Found{{proxy, true}, {issuer, true}}},
		"in another version":      {clusters: []*cluster{{has: map[schema.GroupKind]string{issuers: "v2"}}, {has: both}}, want: []Found{{issuer, true}, {proxy, true}}},
		"down for one":            {clusters: []*cluster{{}, {has: both, down: issuers}, {has: both}}, want: []Found{{proxy, true}, {issuer, true}}},
		"down at Add":             {clusters: []*cluster{{has: both, down: issuers}}, err: errDown},
		"cannot start at Add":     {clusters: []*cluster{{has: both}}, broken: true, want: []Found{{issuer, false}}, err: errBroken},
		"cannot start later":      {clusters: []*cluster{{}, {has: both}}, broken: true, want: []Found{{issuer, true}}, err: errBroken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mapper := row.clusters[0]
				w := &Watcher{Mapper: mapper}
				var got []Found
				start := func(_ context.Context, found Found) error {
					got = append(got, found)
					if row.broken && found.Kind == issuer {
						return errBroken
					}
					return nil
				}
				run := func() error {
					for _, kind := range []schema.GroupVersionKind{issuer, proxy} {
						if err := w.Add(t.Context(), kind.GroupKind(), kind.Version, start); err != nil {
							return err
						}
					}
					ended := make(chan error, 1)
					go func() { ended <- w.Start(t.Context()) }()
					for _, next := range row.clusters[1:] {
						synctest.Wait()
						mapper.become(next)
						time.Sleep(pollInterval)
					}
					return <-ended // a watcher that waits for what has come is a deadlock, which synctest reports
				}
				if err := run(); !errors.Is(err, row.err) {
					t.Errorf("error %v, want %v", err, row.err)
				}
				if !slices.Equal(got, row.want) {
					t.Errorf("started %v, want %v", got, row.want)
				}
			})
		})
	}
}

// TestWatcherStops: that the manager stops is no error.
func TestWatcherStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &Watcher{Mapper: &cluster{}}
		if err := w.Add(t.Context(), issuers, "v1", func(context.Context, Found) error { return errBroken }); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 25*time.Second)
		defer stop()
		if err := w.Start(ctx); err != nil || ctx.Err() == nil {
			t.Errorf("error %v, context %v", err, ctx.Err())
		}
	})
}

func TestFind(t *testing.T) {
	mapper := &cluster{has: map[schema.GroupKind]string{issuers: "v1"}, down: proxies}
	if found, ok, err := Find(mapper, issuers, ""); found != issuers.WithVersion("v1") || !ok || err != nil {
		t.Errorf("preferred version: %v, %t, %v", found, ok, err)
	}
	if _, ok, err := Find(mapper, issuers, "v2"); ok || err != nil {
		t.Errorf("absent version: %t, %v", ok, err)
	}
	if _, ok, err := Find(mapper, proxies, ""); ok || !errors.Is(err, errDown) {
		t.Errorf("API server down: %t, %v", ok, err)
	}
}
