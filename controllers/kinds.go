// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	ctrlsource "sigs.k8s.io/controller-runtime/pkg/source"

	"apisix-certs.io/apisix-certs/controllers/source"
	"apisix-certs.io/apisix-certs/controllers/triggers"
)

// kindStarter lets the source controller follow the kinds of sources, absent ones as soon as their CRDs are installed.
type kindStarter struct {
	mgr          ctrl.Manager
	sources      *source.Controller
	certificates controller.Controller
	events       func(secrets client.IndexerFunc) handler.EventHandler
	uses         *source.Uses

	waiting []source.Kind
	// begun: the certificate controller works already, so that objects of a new kind are news to it.
	begun bool
}

// Start waits for the absent kinds. It runs on the leader, as the controllers do.
func (s *kindStarter) Start(ctx context.Context) error {
	s.begun = true
	for _, kind := range s.waiting {
		ctrl.LoggerFrom(ctx).Info("kind is not installed, waiting for its CRD", "kind", kind.Kind, "group", kind.Group)
	}
	return awaitKinds(ctx, kindPoll, func(ctx context.Context) (bool, error) {
		err := s.startPresent(ctx)
		return len(s.waiting) == 0, err
	})
}

// startPresent begins with the waiting kinds that the cluster has by now.
func (s *kindStarter) startPresent(ctx context.Context) error {
	var absent []source.Kind
	var unknown error
	for _, kind := range s.waiting {
		_, err := s.mgr.GetRESTMapper().RESTMapping(kind.GroupKind(), kind.Version)
		switch {
		case meta.IsNoMatchError(err):
			absent = append(absent, kind)
			continue
		case err != nil:
			absent, unknown = append(absent, kind), &lookupError{kind.Kind, err}
			continue
		}
		if err := s.start(ctx, kind); err != nil {
			return fmt.Errorf("sources of kind %s: %w", kind.Kind, err)
		}
	}
	s.waiting = absent
	return unknown
}

func (s *kindStarter) start(ctx context.Context, kind source.Kind) error {
	if err := s.sources.Follow(ctx, kind); err != nil {
		return err
	}
	if !kind.ServesSecrets {
		return nil
	}
	if kind.Group == "apisix.apache.org" {
		s.uses.TLS.Store(true)
	}
	var which []predicate.Predicate
	if !s.begun {
		which = append(which, triggers.Later())
	}
	return s.certificates.Watch(ctrlsource.Kind(s.mgr.GetCache(), kind.Object(), s.events(kind.Secrets), which...))
}
