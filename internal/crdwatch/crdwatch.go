// SPDX-License-Identifier: Apache-2.0

// Package crdwatch starts watches of kinds whose CRDs may be installed later than the controller, or never.
//
//	crds := &crdwatch.Watcher{Mapper: mgr.GetRESTMapper()}
//	err := crds.Add(ctx, schema.GroupKind{Group: "cert-manager.io", Kind: "Issuer"}, "v1", func(ctx context.Context, found crdwatch.Found) error {
//		return controller.Watch(...)
//	})
//	err = mgr.Add(crds)
//
// It does not notice that a CRD was removed: watches of it fail and retry until it is back.
package crdwatch

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
)

// pollInterval is how often the API server is queried for missing kinds.
const pollInterval = 10 * time.Second

// Found is an installed kind.
type Found struct {
	Kind schema.GroupVersionKind
	// Late: the kind was missing when Add was called. Controllers may already run, so that its objects are new to them.
	Late bool
}

// Watcher calls functions once their kinds are installed. Mapper is required. It is a manager's Runnable and runs on the
// leader, as controllers do.
type Watcher struct {
	Mapper meta.RESTMapper

	waiting []wanted
}

type wanted struct {
	kind    schema.GroupKind
	version string
	start   func(context.Context, Found) error
}

// Add calls start at once if the kind is installed, otherwise once Start finds it. An empty version means the one that the
// cluster prefers. The error is that of start, or of an API server that does not respond. Add must not be called after
// Start.
func (w *Watcher) Add(ctx context.Context, kind schema.GroupKind, version string, start func(context.Context, Found) error) error {
	found, ok, err := Find(w.Mapper, kind, version)
	switch {
	case err != nil:
		return err
	case ok:
		return begin(ctx, start, Found{Kind: found})
	}
	w.waiting = append(w.waiting, wanted{kind, version, start})
	return nil
}

// Start waits for the missing kinds until ctx is done, which is not an error. If the API server does not respond, the query
// is retried, as a controller that exited would lose its lease at each restart of the API server. An error of a start
// function is returned.
func (w *Watcher) Start(ctx context.Context) error {
	for _, absent := range w.waiting {
		ctrl.LoggerFrom(ctx).Info("kind is not installed, waiting for its CRD", "kind", absent.kind.Kind, "group", absent.kind.Group)
	}
	err := wait.PollUntilContextCancel(ctx, pollInterval, false, func(ctx context.Context) (bool, error) {
		err := w.poll(ctx)
		return len(w.waiting) == 0, err
	})
	if wait.Interrupted(err) {
		return nil
	}
	return err
}

// poll calls the functions whose kinds are now installed.
func (w *Watcher) poll(ctx context.Context) error {
	var absent []wanted
	for _, next := range w.waiting {
		found, ok, err := Find(w.Mapper, next.kind, next.version)
		if err != nil {
			ctrl.LoggerFrom(ctx).V(1).Info("cannot check whether a kind is installed", "kind", next.kind.Kind, "group", next.kind.Group, "error", err.Error())
		}
		if !ok {
			absent = append(absent, next)
			continue
		}
		if err := begin(ctx, next.start, Found{Kind: found, Late: true}); err != nil {
			return err
		}
	}
	w.waiting = absent
	return nil
}

func begin(ctx context.Context, start func(context.Context, Found) error, found Found) error {
	if err := start(ctx, found); err != nil {
		return fmt.Errorf("watch %s: %w", found.Kind.GroupKind(), err)
	}
	return nil
}

// Find reports whether the kind is installed, and in which version. An empty version means the one that the cluster
// prefers.
func Find(mapper meta.RESTMapper, kind schema.GroupKind, version string) (found schema.GroupVersionKind, ok bool, err error) {
	var versions []string
	if version != "" {
		versions = []string{version}
	}
	mapping, err := mapper.RESTMapping(kind, versions...)
	switch {
	case meta.IsNoMatchError(err):
		return found, false, nil
	case err != nil:
		return found, false, fmt.Errorf("find kind %s: %w", kind, err)
	}
	return mapping.GroupVersionKind, true, nil
}
