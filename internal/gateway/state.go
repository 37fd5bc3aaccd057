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

// Mode is how certificates reach a gateway.
type Mode string

// Modes. Auto is for flags only: it stands for one of the others, found out by looking at the gateway.
const (
	ModeAuto   Mode = "auto"
	ModeOwn    Mode = "own"
	ModeAdopt  Mode = "adopt"
	ModeSecret Mode = "secret"
)

// State is what a gateway has of a target.
type State struct {
	Mode Mode
	// Objects are the ssl objects that hold the target's certificate, or should.
	Objects []Object
	// Former are our own objects at a gateway that an ingress controller keeps now: they serve until its objects do.
	Former []Object
	// Blocked are the target's hosts that objects of somebody else have, and Conflict is the first of these. Own mode only.
	Blocked  []string
	Conflict *Conflict
	// Left are objects that the target's ApisixCertificate left behind before it was restored.
	PreRestore []string
	// Age is how long this gateway has known of the target's certificate. Not in own mode.
	Age time.Duration
	// Adoption is what else matters in adopt mode.
	Adoption Adoption

	// keeps: the gateway has ssl objects, of which some should hold the target.
	hasObjects bool
	// suspect: what is served says that the objects are not what they seem, so that they are written whatever they hold.
	forceWrite bool
}

// Carrying reports whether the ingress controller has its head start for the target: until it has carried it, or that is
// over, what was served before is served on.
func (s State) Carrying() bool { return s.Age < s.Adoption.HeadStart }

// Conflict says that another ssl object has a host of the target.
type Conflict struct {
	Host string
	ID   string
}

// Adoption is what is known of a target beside an ingress controller.
type Adoption struct {
	// Missing are the uses for which the ingress controller has no ssl object as it should be. Alone is for how long
	// there have been any.
	Missing    []Missing
	MissingFor time.Duration
	// HeadStart is how old a certificate may become before it is patched, so that a healthy ingress controller carries it
	// by itself. Zero: it does not do so for now.
	HeadStart time.Duration
	// Patches counts the writes of this certificate so far, SincePatch is the time since the last one; no longer than a
	// restart ago. With an object that holds another certificate, all of them were undone.
	Patches    int
	SincePatch time.Duration
	// ReadBack: the last write has not been looked at again yet.
	ReadBack bool
}

// Missing is a use without a fitting ssl object.
type Missing struct {
	Reference Reference
	// Hosts are those of the use that the target may have, which the object should have.
	Hosts []string
	// Version is that of the ingress controller that should make the object; empty: unknown. ID is the object's.
	Version ingresscontroller.Version
	ID      string
	// There: an object with this ID is there, of this use but with other hosts.
	Exists bool
	// Taken: an object with this ID is there, and belongs to something else.
	IDTaken bool
	// Elsewhere: the use is of a class of another controller than APISIX's, or of a kind that no version serves.
	OtherController bool
	// Unserved: no APISIX ingress controller serves the use. Use.Class is not one of its classes, or is empty and there is
	// no default class that is.
	Unserved bool
}

// Action is what to do at a gateway, without key material.
type Action struct {
	Verb Verb
	// IDs are the ssl objects to write; several only with Patch, where several objects use one Secret.
	IDs []string
	// Again is when to look again; zero: there is no need. It is no delay before the action.
	RequeueAfter time.Duration
	// Why is the reason for a write, for the log.
	Why string
}

// Verb is the kind of an Action.
type Verb string

// Verbs.
const (
	ActionKeep    Verb = "keep"   // all is as it should be
	ActionPut     Verb = "put"    // write our own object whole
	ActionPatch   Verb = "patch"  // put certificate and key into the ingress controller's object, or into our own beside it
	ActionMake    Verb = "make"   // put an object in the ingress controller's stead, see State.Adoption.Missing
	ActionDrop    Verb = "drop"   // delete our own object, as the ingress controller's serves, see State.Former
	ActionWait    Verb = "wait"   // the ingress controller has not made or changed its object yet
	ActionIdle    Verb = "idle"   // nothing that the gateway's ingress controller serves refers to the Secret
	ActionBackOff Verb = "yield"  // patches of this certificate were undone, see State.Adoption.Patches
	ActionRefuse  Verb = "refuse" // nothing is left to write, see State.Conflict
	ActionRenew   Verb = "renew"  // the object is lost or old, and its key was at the gateway alone: a new one must be made
)

// Hosts are those of the target's hosts that can be served.
func (s State) Hosts(t Target) []string { return s.withoutBlocked(t).Hosts }

// without is the target without the hosts that somebody else has.
func (s State) withoutBlocked(t Target) Target {
	if len(s.Blocked) > 0 {
		t.Hosts = slices.DeleteFunc(slices.Clone(t.Hosts), func(host string) bool { return slices.Contains(s.Blocked, host) })
	}
	return t
}

// replace puts object in the place of the one with its id.
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

// takeOut takes the object with this id out.
func (s *State) removeObject(objectID string) {
	for _, list := range []*[]Object{&s.Objects, &s.Former} {
		*list = slices.DeleteFunc(slices.Clone(*list), func(o Object) bool { return o.ID == objectID })
	}
}

// removal says what is taken away.
type removal struct {
	// ownOnly leaves out what an ingress controller keeps: the certificate lives on.
	ownOnly bool
	// overdue: the ingress controller has had its time to drop its objects.
	overdue bool
}
