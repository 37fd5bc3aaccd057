// SPDX-License-Identifier: Apache-2.0

package issuer

import (
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// object is an issuer that the client can read and write.
type object interface {
	client.Object
	v1alpha1.Issuer
}

// reconciler updates the status of issuers of one kind.
type reconciler struct {
	client.Client
	recorder  events.EventRecorder
	sessions  *Sessions
	kind      string
	newObject func() object
}
