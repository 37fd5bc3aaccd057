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

// Kind is a kind of source object. What a kind means is in one pure function, wanted; the rest finds its objects.
type Kind struct {
	schema.GroupVersionKind
	// ServesSecrets: ingress controllers use the Secrets that objects of the kind name: to serve hosts, or as a client.
	ServesSecrets bool

	newObject func() client.Object
	newList   func() client.ObjectList
	// wanted reads an object. It is pure.
	wanted func(client.Object, surroundings, Defaults) wants
	// secrets are those that an object names, as NAMESPACE/NAME, or would name if it were opted in.
	secrets client.IndexerFunc
}

// surroundings are what else a source depends on.
type surroundings struct {
	// parent is the Gateway of a ListenerSet, and allowed whether that lets it add listeners; nil: there is none.
	parent  *gatewayapi.Gateway
	allowed bool
}

var apisixV2 = schema.GroupVersion{Group: "apisix.apache.org", Version: "v2"}

// TLSKind is the kind of ApisixTlses.
var TLSKind = apisixV2.WithKind(kindTLS)

// Object is an empty object of the kind.
func (k Kind) Object() client.Object { return k.newObject() }

// Secrets are those that an object of the kind names, as NAMESPACE/NAME.
func (k Kind) Secrets(object client.Object) []string { return k.secrets(object) }

// wantedOf lets a function of objects of one type be called with any.
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
