// SPDX-License-Identifier: Apache-2.0

package source

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

// Kinds of sources.
const (
	kindTLS         = "ApisixTls"
	kindRoute       = "ApisixRoute"
	kindUpstream    = "ApisixUpstream"
	kindIngress     = "Ingress"
	kindGateway     = "Gateway"
	kindListenerSet = "ListenerSet"
)

// Kind is a kind of source object. Its function wanted defines what its objects request.
type Kind struct {
	schema.GroupVersionKind
	// ServesSecrets is set if ingress controllers use the Secrets that objects of the kind name, to serve hosts or as a client.
	ServesSecrets bool

	newObject func() client.Object
	newList   func() client.ObjectList
	// wanted returns what an object requests. It is pure.
	wanted func(client.Object, surroundings, Defaults) wants
	// secrets returns the Secrets that an object names, or would name if it were opted in, as NAMESPACE/NAME.
	secrets client.IndexerFunc
}

// surroundings are the other objects that a source depends on.
type surroundings struct {
	// parent is the Gateway of a ListenerSet, or nil. allowed reports whether it allows the ListenerSet's listeners.
	parent  *gatewayapi.Gateway
	allowed bool
}

var apisixV2 = schema.GroupVersion{Group: "apisix.apache.org", Version: "v2"}

// TLSKind is the kind ApisixTls.
var TLSKind = apisixV2.WithKind(kindTLS)

// Object returns an empty object of the kind.
func (k Kind) Object() client.Object { return k.newObject() }

// Secrets returns the Secrets that an object of the kind names, as NAMESPACE/NAME.
func (k Kind) Secrets(object client.Object) []string { return k.secrets(object) }

// wantedOf adapts a function of one type to any object.
func wantedOf[T client.Object](wanted func(T, Defaults) wants) func(client.Object, surroundings, Defaults) wants {
	return func(object client.Object, _ surroundings, defaults Defaults) wants {
		if object, ok := object.(T); ok {
			return wanted(object, defaults)
		}
		return wants{unclear: true}
	}
}

// indexSecret indexes sources by the Secrets that they name, as NAMESPACE/NAME.
const indexSecret = "namedSecret"
