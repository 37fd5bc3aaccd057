// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// theirs are the ssl objects of ingress controllers at one gateway, from the inventory.
type theirs struct{ known *inventory.Inventory }

// locate returns the objects that should have the target's certificate, and the references without one.
func (th theirs) locate(t Target) (objects []Object, missing []Missing) {
	seen := map[string]bool{}
	for _, ref := range t.References {
		if !ingresscontroller.Serves(ref.Kind) {
			continue
		}
		fits, wanted := false, t.owned(ref.Hosts)
		for _, o := range th.withAnyHost(ref.Hosts) {
			if !ofSecret(o, t) && !matchesReference(o, ref) {
				continue
			}
			exact := inventory.SameHosts(o.Hosts, ref.Hosts) || len(wanted) > 0 && inventory.SameHosts(o.Hosts, wanted)
			fits = fits || exact
			if !seen[o.ID] && (exact || t.owns(o.Hosts)) {
				seen[o.ID] = true
				objects = append(objects, o)
			}
		}
		if !fits && !ref.Terminating {
			missing = append(missing, th.missingOf(ref, wanted, t))
		}
	}
	return objects, missing
}

// missingOf returns where the object of a reference belongs, and what is there.
func (th theirs) missingOf(ref Reference, wanted []string, t Target) Missing {
	m := Missing{Reference: ref, Hosts: wanted, Version: th.version(ref), Unserved: !th.isServed(ref)}
	m.OtherController = m.Unserved && ref.Controller != "" && !ingresscontroller.ForAPISIXOnly(ref.Kind)
	if m.Version == "" {
		return m
	}
	m.ID = m.Version.ID(ref.source(t.SecretName))
	if o, ok := th.known.Get(m.ID); ok {
		m.Exists = o.Controller() == m.Version && (ofSecret(o, t) || namesReference(o, ref) || wasOfSecret(o, ref, t))
		m.IDTaken = !m.Exists
	}
	return m
}

// withAnyHost returns the ingress controllers' objects with any of the hosts.
func (th theirs) withAnyHost(hosts []string) []Object {
	var found []Object
	seen := map[string]bool{}
	for _, host := range hosts {
		for _, o := range th.known.WithHost(host) {
			if o.Controller() != "" && !seen[o.ID] {
				seen[o.ID] = true
				found = append(found, o)
			}
		}
	}
	return found
}

// leftovers returns the objects that were derived from the target's own references, but belong to no active reference:
// objects that an ingress controller has not deleted. Their labels identify them, and all their hosts are the target's.
// That an object has the target's certificate is not sufficient, as anyone may have a copy of it.
func (th theirs) leftovers(t Target) []Object {
	return slices.DeleteFunc(th.withAnyHost(t.Hosts), func(o Object) bool { return !isLeftover(o, t) })
}

func isLeftover(o Object, t Target) bool {
	if !t.owns(o.Hosts) || slices.ContainsFunc(t.References, func(ref Reference) bool { return !ref.Terminating && inUseBy(o, ref, t) }) {
		return false
	}
	ending := func(ref Reference) bool { return ref.Terminating && derived(o, ref, t) }
	// Only the name of a deleted reference may be known, and a new object may have that name.
	gone := func(ref Reference) bool { return derived(o, ref, t) && t.matches(o) }
	byUse := slices.ContainsFunc(t.References, ending) || slices.ContainsFunc(t.FormerReferences, gone)
	// The name alone does not identify a Secret of another namespace as ours.
	return byUse || ofSecret(o, t) && t.SecretNamespace == t.Namespace
}

// derived reports whether the object's labels or id show that it is derived from a reference to the target's Secret.
func derived(o Object, ref Reference, t Target) bool {
	switch o.Controller() {
	case ingresscontroller.V2:
		return namesReference(o, ref)
	case ingresscontroller.V18:
		return ofSecret(o, t) && o.ID == ingresscontroller.V18.ID(ref.source(t.SecretName))
	}
	return false
}

// inUseBy reports whether an active reference has the object, so that its controller still needs it.
func inUseBy(o Object, ref Reference, t Target) bool {
	return o.ID == o.Controller().ID(ref.source(t.SecretName)) || inventory.SameHosts(o.Hosts, ref.Hosts) ||
		namesReference(o, ref) && overlap(o.Hosts, ref.Hosts)
}

// ofSecret reports whether the object has the target's Secret in its labels, as objects of 1.8 do.
func ofSecret(o Object, t Target) bool {
	return o.Controller() == ingresscontroller.V18 && o.Labels.Get(ingresscontroller.Label18SecretNamespace) == t.SecretNamespace &&
		o.Labels.Get(ingresscontroller.Label18SecretName) == t.SecretName
}

// wasOfSecret reports whether a 1.8 object under the reference's id is of another Secret of the same namespace, which the
// reference named before. Ids can be made to collide, so an object of another namespace belongs to another owner.
func wasOfSecret(o Object, ref Reference, t Target) bool {
	return o.Controller() == ingresscontroller.V18 && o.Labels.Get(ingresscontroller.Label18SecretNamespace) == t.SecretNamespace &&
		overlap(o.Hosts, ref.Hosts)
}

// matchesReference reports whether a 2.x object is that of the reference. All entries of an Ingress have the same labels,
// so hosts and id distinguish them. All listeners of a Gateway have the same labels too, and two Secrets of one listener
// even the same hosts.
func matchesReference(o Object, ref Reference) bool {
	sameHosts := ref.Listener == "" && inventory.SameHosts(o.Hosts, ref.Hosts)
	return o.Controller() == ingresscontroller.V2 && namesReference(o, ref) && (sameHosts || o.ID == ingresscontroller.V2.ID(ref.source("")))
}

func namesReference(o Object, ref Reference) bool {
	return o.Labels.Get(ingresscontroller.Label2Kind) == ref.Kind && o.Labels.Get(ingresscontroller.Label2Namespace) == ref.Namespace &&
		o.Labels.Get(ingresscontroller.Label2Name) == ref.Name
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(host string) bool {
		return slices.ContainsFunc(b, func(other string) bool { return strings.EqualFold(host, other) })
	})
}

// version returns that of the ingress controller that serves a reference, according to its class and the gateway's objects.
// It is empty if it is unknown or they contradict each other.
func (th theirs) version(ref Reference) ingresscontroller.Version {
	byClass := ingresscontroller.VersionOfClass(ref.Controller)
	has18, has2 := th.known.Has(ingresscontroller.V18), th.known.Has(ingresscontroller.V2)
	var byObjects ingresscontroller.Version
	switch {
	case has18 && has2:
		return byClass // a migration is in progress
	case has18:
		byObjects = ingresscontroller.V18
	case has2:
		byObjects = ingresscontroller.V2
	}
	if byClass != "" && byObjects != "" && byClass != byObjects {
		return ""
	}
	if byClass != "" {
		return byClass
	}
	return byObjects
}

// isServed reports whether an APISIX ingress controller serves a reference: it is the controller of its class. A controller
// of 2.x may have another name, which is then in its objects.
func (th theirs) isServed(ref Reference) bool {
	switch {
	case ref.Controller == "":
		return false
	case strings.HasPrefix(ref.Controller, ingresscontroller.ClassPrefix):
		return true
	}
	return th.known.Any(func(o Object) bool { return o.Labels.Get(ingresscontroller.Label2Controller) == ref.Controller })
}

// labelsFor returns the labels with which an ingress controller creates the object of a reference. 2.x adds the name of its
// class's controller.
func (theirs) labelsFor(version ingresscontroller.Version, ref Reference, t Target) map[string]string {
	if version == ingresscontroller.V18 {
		return map[string]string{
			ingresscontroller.Label18ManagedBy:       ingresscontroller.Name,
			ingresscontroller.Label18SecretNamespace: t.SecretNamespace, ingresscontroller.Label18SecretName: t.SecretName,
		}
	}
	return map[string]string{
		ingresscontroller.Label2ManagedBy: ingresscontroller.Name, ingresscontroller.Label2Kind: ref.Kind,
		ingresscontroller.Label2Namespace: ref.Namespace, ingresscontroller.Label2Name: ref.Name,
		ingresscontroller.Label2Controller: ref.Controller,
	}
}
