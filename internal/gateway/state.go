// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"time"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// Object is what is known of an ssl object.
type Object = inventory.Object

// Mode is how certificates are pushed to a gateway.
type Mode string

// Modes. ModeAuto is for flags only: one of the others is detected for the gateway.
const (
	ModeAuto   Mode = "auto"
	ModeOwn    Mode = "own"
	ModeAdopt  Mode = "adopt"
	ModeSecret Mode = "secret"
)

// State is what a gateway has of a target.
type State struct {
	Mode Mode
	// Objects are the ssl objects that have the target's certificate, or should.
	Objects []Object
	// Former are own objects at a gateway that an ingress controller now manages: they serve until its objects do.
	Former []Object
	// Blocked are the target's hosts that objects of another owner have, and Conflict is the first of these. Set in mode
	// own only.
	Blocked  []string
	Conflict *Conflict
	// PreRestore are ids of objects of the target's ApisixCertificate from before a restore.
	PreRestore []string
	// Age is how long the target's certificate has been known for this gateway. Not set in mode own.
	Age time.Duration
	// Adoption is further state in mode adopt.
	Adoption Adoption

	// hasObjects: the gateway has ssl objects, some of which should have the target.
	hasObjects bool
	// forceWrite: the certificate is not served as the objects suggest, so they are written regardless of their content.
	forceWrite bool
}

// Syncing reports whether the ingress controller's head start for the target runs. Until then the previous certificate is
// served.
func (s State) Syncing() bool { return s.Age < s.Adoption.HeadStart }

// Conflict is another ssl object with a host of the target.
type Conflict struct {
	Host string
	ID   string
}

// Adoption is the state of a target at a gateway with an ingress controller.
type Adoption struct {
	// Missing are the references for which the ingress controller has no matching ssl object. MissingFor is for how long
	// there have been any.
	Missing    []Missing
	MissingFor time.Duration
	// HeadStart is the age at which a certificate is patched, so that a healthy ingress controller can sync it first. Zero
	// means that it is not awaited.
	HeadStart time.Duration
	// Patches counts the writes of this certificate since the last restart, SincePatch is the time since the last one. If
	// an object has another certificate, all of them were reverted.
	Patches    int
	SincePatch time.Duration
	// ReadBack: the last write has not been verified yet.
	ReadBack bool
}

// Missing is a reference without a matching ssl object.
type Missing struct {
	Reference Reference
	// Hosts are those of the reference that the target may have, which the object should have.
	Hosts []string
	// Version is that of the ingress controller that should create the object. Empty means unknown. ID is the object's id.
	Version ingresscontroller.Version
	ID      string
	// Exists: an object with this ID exists, of this reference but with other hosts.
	Exists bool
	// IDTaken: an object with this ID exists, and belongs to another reference.
	IDTaken bool
	// OtherController: the class of the reference belongs to another controller than APISIX's, or no version serves its
	// kind.
	OtherController bool
	// Unserved: no APISIX ingress controller serves the reference. Reference.Class is not one of its classes, or is empty
	// and there is no default class of it.
	Unserved bool
}

// Action is what to do at a gateway, without key material.
type Action struct {
	Verb Verb
	// IDs are the ssl objects to write. Only ActionPatch and ActionMake have several, if several objects reference one
	// Secret.
	IDs []string
	// RequeueAfter is when to check again. Zero means not to. It is not a delay before the action.
	RequeueAfter time.Duration
	// Why is the reason for a write. It is logged.
	Why string
}

// Verb is the kind of an Action.
type Verb string

// Verbs.
const (
	ActionKeep    Verb = "keep"   // the gateway is up to date
	ActionPut     Verb = "put"    // write the whole own object
	ActionPatch   Verb = "patch"  // write certificate and key into the ingress controller's object, or into the own object in addition to it
	ActionMake    Verb = "make"   // create an object in place of the ingress controller, see State.Adoption.Missing
	ActionDrop    Verb = "drop"   // delete the own object, as the ingress controller's serves, see State.Former
	ActionWait    Verb = "wait"   // the ingress controller has not created or changed its object yet
	ActionIdle    Verb = "idle"   // no object that the gateway's ingress controller serves references the Secret
	ActionBackOff Verb = "yield"  // patches of this certificate were reverted, see State.Adoption.Patches
	ActionRefuse  Verb = "refuse" // no host is left to write, see State.Conflict
	ActionRenew   Verb = "renew"  // the object is missing or outdated, and its key was stored at the gateway only: a new certificate is needed
)

// Hosts returns the target's hosts that can be served.
func (s State) Hosts(t Target) []string { return s.withoutBlocked(t).Hosts }

// withoutBlocked returns the target without the hosts of other owners.
func (s State) withoutBlocked(t Target) Target {
	if len(s.Blocked) > 0 {
		t.Hosts = slices.DeleteFunc(slices.Clone(t.Hosts), func(host string) bool { return slices.Contains(s.Blocked, host) })
	}
	return t
}

// replaceObject replaces the object with the same id.
func (s *State) replaceObject(object Object) {
	for _, list := range []*[]Object{&s.Objects, &s.Former} {
		*list = slices.Clone(*list)
		for i := range *list {
			if (*list)[i].ID == object.ID {
				(*list)[i] = object
			}
		}
	}
}

// removeObject removes the object with this id.
func (s *State) removeObject(objectID string) {
	for _, list := range []*[]Object{&s.Objects, &s.Former} {
		*list = slices.DeleteFunc(slices.Clone(*list), func(o Object) bool { return o.ID == objectID })
	}
}

// removal is what to delete.
type removal struct {
	// ownOnly excludes objects of an ingress controller: the ApisixCertificate still exists.
	ownOnly bool
	// overdue: the grace period for the ingress controller to delete its objects has passed.
	overdue bool
}
