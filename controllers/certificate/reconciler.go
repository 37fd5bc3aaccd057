// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/admission"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
	"apisix-certs.io/apisix-certs/internal/keystorage"
	"apisix-certs.io/apisix-certs/internal/references"
	"apisix-certs.io/apisix-certs/internal/revocation"
	"apisix-certs.io/apisix-certs/internal/shard"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// Gateways looks up the known gateways.
type Gateways interface {
	// For returns the gateways of an ingress class.
	For(ingressClass string) []*gateway.Gateway
	// Named returns the gateway with the name recorded in a status, or nil if there is none.
	Named(name string) *gateway.Gateway
}

// Components are the packages that the reconciler combines. All are required.
type Components struct {
	Issuers    *issuance.Issuers
	Keys       *keystorage.Stores
	Reviewer   *admission.Reviewer
	References *references.Finder
	Revoker    *revocation.Revoker
	Secrets    tlssecret.Writer
}

// Reconciler reconciles ApisixCertificates. All fields except Shard and RotationSpread are required.
type Reconciler struct {
	client.Client
	Components
	// Live reads from the API server: the cache lacks Secrets of other owners, and may lag before issuing.
	Live client.Reader
	// NoSecret reports whether there was no Secret a moment ago. False means that there is one, or that it is not known.
	NoSecret func(types.NamespacedName) bool
	Recorder events.EventRecorder
	Clock    clock.Clock
	Gateways Gateways
	// Shard is the part of the cluster that this controller reconciles. Nil means all of it. Host ownership is always
	// decided cluster-wide.
	Shard *shard.Shard
	// RotationSpread is the time over which certificates are reissued after a CA rotation. Zero means an hour. It is never
	// more than a tenth of a certificate's remaining lifetime.
	RotationSpread time.Duration

	// Requeue receives the certificates that have to run because of another certificate's run.
	Requeue chan<- event.GenericEvent

	memory memory
}

// ForceVerify makes the next run of a certificate verify again what the gateways serve for it.
func (r *Reconciler) ForceVerify(cert types.NamespacedName) { r.memory.forceVerify(cert) }

// enqueue requeues other certificates.
func (r *Reconciler) enqueue(ctx context.Context, keys []types.NamespacedName) {
	for _, key := range keys {
		object := &v1alpha1.ApisixCertificate{}
		object.Namespace, object.Name = key.Namespace, key.Name
		select {
		case r.Requeue <- event.GenericEvent{Object: object}:
		case <-ctx.Done():
		}
	}
}
