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

// Gateways are the gateways that there are.
type Gateways interface {
	// For gives the gateways of an ingress class.
	For(ingressClass string) []*gateway.Gateway
	// Named gives a gateway by the name that status has, nil where there is none any more.
	Named(name string) *gateway.Gateway
}

// Rooms are what the reconciler puts together. All are required.
type Rooms struct {
	Issuers    *issuance.Issuers
	Keys       *keystorage.Stores
	Reviewer   *admission.Reviewer
	References *references.Finder
	Revoker    *revocation.Revoker
	Secrets    tlssecret.Writer
}

// Reconciler reconciles ApisixCertificates. All fields are required, but for Shard and RotationSpread.
type Reconciler struct {
	client.Client
	Rooms
	// Live reads past the cache: Secrets that others made are not in it, and before issuing the cache may be behind.
	Live client.Reader
	// NoSecret reports whether there was no Secret a moment ago. False: there is one, or it is not known.
	NoSecret func(types.NamespacedName) bool
	Recorder events.EventRecorder
	Clock    clock.Clock
	Gateways Gateways
	// Shard is the part of the cluster that is looked after. Nil: all of it. Who owns a host is decided over all of it.
	Shard *shard.Shard
	// RotationSpread is the time over which certificates are issued again after a rotation of the CA. Zero: an hour, and
	// never more than a tenth of the life left.
	RotationSpread time.Duration

	// Woken gets the certificates that a run of another one has looked at.
	Woken chan<- event.GenericEvent

	memory memory
}

// ForceVerify makes the next run of a certificate verify again what is served for it, whatever is known.
func (r *Reconciler) ForceVerify(cert types.NamespacedName) { r.memory.forceVerify(cert) }

// enqueue has other certificates looked at.
func (r *Reconciler) enqueue(ctx context.Context, keys []types.NamespacedName) {
	for _, key := range keys {
		object := &v1alpha1.ApisixCertificate{}
		object.Namespace, object.Name = key.Namespace, key.Name
		select {
		case r.Woken <- event.GenericEvent{Object: object}:
		case <-ctx.Done():
		}
	}
}
