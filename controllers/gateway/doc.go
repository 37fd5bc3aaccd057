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
// The package does not decide what certificate a host should have.
package gateway

import (
	"context"
	"sync"
	"time"

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
	// Resync is how old the inventory may be. Zero: 5 minutes.
	Resync time.Duration
	// Cluster names the Kubernetes cluster in the labels and ids of own objects, so that several share a gateway.
	Cluster string
	Clock   clock.Clock

	inventory inventory
	mode      struct {
		sync.Mutex
		found Mode
	}
}

// Target is a certificate as a gateway should hold it.
type Target struct {
	// Namespace, Name and UID are those of the ApisixCertificate.
	Namespace, Name, UID string
	SecretName           string
	// Hosts are the SNIs, in lower case.
	Hosts []string
	// Uses are the objects by which an ingress controller serves the Secret.
	Uses []Use
	// Cert and Key are PEM, the Secret's exact bytes. Fingerprint is that of the leaf.
	Cert, Key   []byte
	Fingerprint string
	Serial      string
}

// Use is one ApisixTls, or one Ingress, that refers to the target's Secret.
type Use struct {
	Kind, Namespace, Name string
	Hosts                 []string
}
