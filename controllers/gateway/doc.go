// SPDX-License-Identifier: Apache-2.0

// Package gateway brings certificates to APISIX gateways and proves that they are served.
//
// A [Gateway] is one APISIX: its Admin API, the inventory of its ssl objects, and the addresses of its TLS port. What is
// done there depends on its [Mode]: with own, this controller keeps ssl objects of its own (own.go); with adopt, an
// APISIX ingress controller keeps them and new certificates are patched into its objects (adopt.go); with secret, the
// gateway has no ssl API and the ingress controller carries the Secret (nothing to do here but to prove).
//
//	state, err := g.Observe(ctx, target)      // from the inventory, seldom a request
//	action := gateway.Plan(state, target)     // pure
//	state, err = g.Apply(ctx, action, target) // at most one write
//	proof := g.Prove(ctx, target.Hosts, target.Fingerprint)
//
// A [Registry] knows which gateways there are, from flags and GatewayProxy objects, and which of them serve an ingress
// class.
//
// The package does not decide what certificate a host should have.
package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"apisix-certs.io/apisix-certs/apisix"
)

// Mode is how certificates reach a gateway.
type Mode string

// Modes. Auto is for flags only: it stands for one of the others, found out by looking at the gateway.
const (
	Auto   Mode = "auto"
	Own    Mode = "own"
	Adopt  Mode = "adopt"
	Secret Mode = "secret"
)

// Gateway is one APISIX. Admin and Name are required.
type Gateway struct {
	Name  string
	Admin *apisix.Client
	// TLSAddrs are host:port of the TLS port, one for each pod that must be asked. Empty: nothing can be proven.
	TLSAddrs []string
	// Mode, Auto by default.
	Mode Mode
	// Controlled tells whether an APISIX ingress controller is present in the cluster. Nil: unknown, and only the
	// gateway's objects are looked at. Asked while Mode is Auto.
	Controlled func(context.Context) (bool, error)
	// Exclusive tells whether that ingress controller deletes ssl objects that it does not know, as 2.x does. Nil:
	// unknown, and only the gateway's objects are looked at. Asked before anything is done in mode own.
	Exclusive func(context.Context) (bool, error)
	// Resync is how old the inventory may be. Zero: 5 minutes.
	Resync time.Duration
	// Cluster names the Kubernetes cluster in the labels and ids of own objects, so that several share a gateway.
	Cluster string
	Clock   clock.Clock
	// Log is told the mode once it is found. The zero value drops it.
	Log logr.Logger

	changeable changeable
	inventory  inventory
	memory     memory
	limits     limits
	mode       struct {
		sync.Mutex
		found, told Mode
		forget      atomic.Bool
	}
}

// Target is a certificate as a gateway should hold it.
type Target struct {
	// Namespace, Name and UID are those of the ApisixCertificate.
	Namespace, Name, UID string
	// SecretNamespace and SecretName are those of its Secret.
	SecretNamespace, SecretName string
	// Hosts are the SNIs, in lower case.
	Hosts []string
	// Uses are the objects by which an ingress controller serves the Secret.
	Uses []Use
	// FormerUses are the objects by which an ingress controller was seen to serve the Secret. With the target's removal,
	// only what was made for one of them is left over.
	FormerUses []Use
	// Cert and Key are PEM, the Secret's exact bytes. Fingerprint is that of the leaf.
	Cert, Key   []byte
	Fingerprint string
	Serial      string
	// Reference, where set, is what an own object has in the place of Cert and Key. Without it and without Key, nothing
	// can be written: the key is at the gateway alone.
	Reference *Reference
	// Client is what an own object asks of clients; nil: nothing. Unfit says why that is not known, so that no own object
	// may be written.
	Client *apisix.SSLClient
	Unfit  error
	// Known tells whether an ApisixCertificate of that name with this UID exists in the cluster. Nil: taken for true.
	Known func(namespace, name, uid string) bool
}

// Use is one ApisixTls, or one TLS entry of an Ingress, that refers to the target's Secret.
type Use struct {
	Kind, Namespace, Name string
	Hosts                 []string
	// Index is the place of an Ingress's entry among all its TLS entries.
	Index int
	// Implicit: the entry names no hosts, those of the Ingress's rules are meant.
	Implicit bool
	// Mutual: clients must show a certificate, which the Secret alone does not tell.
	Mutual bool
	// Client is what an ApisixTls asks of clients; nil: nothing.
	Client *Client
	// Ending: the object is being deleted.
	Ending bool
	// Controller is spec.controller of the object's IngressClass. Empty: unknown.
	Controller string
}
