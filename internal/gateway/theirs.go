// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"slices"
	"strings"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

// theirs are the ssl objects that ingress controllers keep at one gateway, as the inventory has them.
type theirs struct{ known *inventory.Inventory }

// locate finds the objects that should hold the target's certificate, and the uses that have none.
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

// missingOf says where the object of a use belongs, and what is there.
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

// around are the ingress controllers' objects that are served for any of the hosts.
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

// leftovers are the objects that were derived from the target's own references, and that no live use explains: what an
// ingress controller forgot. Their labels say so, and they serve nothing but hosts of the target. That one holds the
// target's certificate means nothing: anybody may have a copy of it.
func (th theirs) leftovers(t Target) []Object {
	return slices.DeleteFunc(th.withAnyHost(t.Hosts), func(o Object) bool { return !leftOver(o, t) })
}

func leftOver(o Object, t Target) bool {
	if !t.owns(o.Hosts) || slices.ContainsFunc(t.References, func(ref Reference) bool { return !ref.Terminating && inUseBy(o, ref, t) }) {
		return false
	}
	ending := func(ref Reference) bool { return ref.Terminating && derived(o, ref, t) }
	// Of a use that is gone its name may be all that is known, and the object may be of another one of that name by now.
	gone := func(ref Reference) bool { return derived(o, ref, t) && t.matches(o) }
	byUse := slices.ContainsFunc(t.References, ending) || slices.ContainsFunc(t.FormerReferences, gone)
	// A Secret of another namespace is not proven to be ours by its name.
	return byUse || ofSecret(o, t) && t.SecretNamespace == t.Namespace
}

// derived reports whether the object says that it is derived from a use of the target's Secret.
func derived(o Object, ref Reference, t Target) bool {
	switch o.Controller() {
	case ingresscontroller.V2:
		return namesReference(o, ref)
	case ingresscontroller.V18:
		return ofSecret(o, t) && o.ID == ingresscontroller.V18.ID(ref.source(t.SecretName))
	}
	return false
}

// inUse reports whether a live use has the object: its controller still wants it.
func inUseBy(o Object, ref Reference, t Target) bool {
	return o.ID == o.Controller().ID(ref.source(t.SecretName)) || inventory.SameHosts(o.Hosts, ref.Hosts) ||
		namesReference(o, ref) && overlap(o.Hosts, ref.Hosts)
}

// ofSecret is how 1.8 labels its objects: with the Secret, not with the object that uses it.
func ofSecret(o Object, t Target) bool {
	return o.Controller() == ingresscontroller.V18 && o.Labels.Get(ingresscontroller.Label18SecretNamespace) == t.SecretNamespace &&
		o.Labels.Get(ingresscontroller.Label18SecretName) == t.SecretName
}

// wasOfSecret reports whether an object of 1.8 under the use's id is of another Secret of the same namespace, that the use
// named before. Ids can be made to collide, so that one of another namespace is somebody else's.
func wasOfSecret(o Object, ref Reference, t Target) bool {
	return o.Controller() == ingresscontroller.V18 && o.Labels.Get(ingresscontroller.Label18SecretNamespace) == t.SecretNamespace &&
		overlap(o.Hosts, ref.Hosts)
}

// ofUse is how 2.x labels its objects: with the object that uses the Secret. All entries of an Ingress have the same
// labels; their hosts and the id distinguish them. So have all listeners of a Gateway, and two Secrets of one listener have
// the same hosts besides.
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

// version is that of the ingress controller that serves a use: as its class and the gateway's objects say, empty where
// they say nothing or contradict each other.
func (th theirs) version(ref Reference) ingresscontroller.Version {
	byClass := ingresscontroller.VersionOfClass(ref.Controller)
	has18, has2 := th.known.Has(ingresscontroller.V18), th.known.Has(ingresscontroller.V2)
	var byObjects ingresscontroller.Version
	switch {
	case has18 && has2:
		return byClass // somebody is migrating
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

// serve reports whether an APISIX ingress controller serves a use: it is the controller of the use's class. A controller of
// 2.x may have another name, which is in its objects then.
func (th theirs) isServed(ref Reference) bool {
	switch {
	case ref.Controller == "":
		return false
	case strings.HasPrefix(ref.Controller, ingresscontroller.ClassPrefix):
		return true
	}
	return th.known.Any(func(o Object) bool { return o.Labels.Get(ingresscontroller.Label2Controller) == ref.Controller })
}

// labelsFor are those with which an ingress controller makes the object of a use. 2.x writes the name of its class's controller
// into it.
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
