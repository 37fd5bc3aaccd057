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

	"apisix-certs.io/apisix-certs/controllers/certificate"
	"apisix-certs.io/apisix-certs/controllers/shard"
	"apisix-certs.io/apisix-certs/controllers/source"
)

// kindStarter starts the source controllers, those of absent kinds as soon as their CRDs are installed.
type kindStarter struct {
	mgr          ctrl.Manager
	defaults     source.Defaults
	part         *shard.Shard
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

// startPresent starts the controllers of the waiting kinds that the cluster has by now.
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
			return fmt.Errorf("source controller of %s: %w", kind.Kind, err)
		}
	}
	s.waiting = absent
	return unknown
}

func (s *kindStarter) start(ctx context.Context, kind source.Kind) error {
	if err := kind.Setup(ctx, s.mgr, s.defaults, s.part); err != nil {
		return err
	}
	if kind.SecretKeys == nil {
		return nil
	}
	if kind.Group == "apisix.apache.org" {
		s.uses.TLS.Store(true)
	}
	var which []predicate.Predicate
	if !s.begun {
		which = append(which, certificate.Later())
	}
	return s.certificates.Watch(ctrlsource.Kind(s.mgr.GetCache(), kind.Object, s.events(kind.SecretKeys), which...))
}
