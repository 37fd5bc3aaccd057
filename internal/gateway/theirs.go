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
	for _, use := range t.References {
		if !ingresscontroller.Serves(use.Kind) {
			continue
		}
		fits, wanted := false, t.owned(use.Hosts)
		for _, o := range th.around(use.Hosts) {
			if !ofSecret(o, t) && !ofUse(o, use) {
				continue
			}
			exact := inventory.SameHosts(o.Hosts, use.Hosts) || len(wanted) > 0 && inventory.SameHosts(o.Hosts, wanted)
			fits = fits || exact
			if !seen[o.ID] && (exact || t.owns(o.Hosts)) {
				seen[o.ID] = true
				objects = append(objects, o)
			}
		}
		if !fits && !use.Terminating {
			missing = append(missing, th.missingOf(use, wanted, t))
		}
	}
	return objects, missing
}

// missingOf says where the object of a use belongs, and what is there.
func (th theirs) missingOf(use Reference, wanted []string, t Target) Missing {
	m := Missing{Reference: use, Hosts: wanted, Version: th.version(use), Unserved: !th.serve(use)}
	m.OtherController = m.Unserved && use.Controller != "" && !ingresscontroller.ForAPISIXOnly(use.Kind)
	if m.Version == "" {
		return m
	}
	m.ID = m.Version.ID(use.source(t.SecretName))
	if o, ok := th.known.Get(m.ID); ok {
		m.Exists = o.Controller() == m.Version && (ofSecret(o, t) || namesUse(o, use) || wasOfSecret(o, use, t))
		m.IDTaken = !m.Exists
	}
	return m
}

// around are the ingress controllers' objects that are served for any of the hosts.
func (th theirs) around(hosts []string) []Object {
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
	return slices.DeleteFunc(th.around(t.Hosts), func(o Object) bool { return !leftOver(o, t) })
}

func leftOver(o Object, t Target) bool {
	if !t.owns(o.Hosts) || slices.ContainsFunc(t.References, func(use Reference) bool { return !use.Terminating && inUse(o, use, t) }) {
		return false
	}
	ending := func(use Reference) bool { return use.Terminating && derived(o, use, t) }
	// Of a use that is gone its name may be all that is known, and the object may be of another one of that name by now.
	gone := func(use Reference) bool { return derived(o, use, t) && t.heldBy(o) }
	byUse := slices.ContainsFunc(t.References, ending) || slices.ContainsFunc(t.FormerReferences, gone)
	// A Secret of another namespace is not proven to be ours by its name.
	return byUse || ofSecret(o, t) && t.SecretNamespace == t.Namespace
}

// derived reports whether the object says that it is derived from a use of the target's Secret.
func derived(o Object, use Reference, t Target) bool {
	switch o.Controller() {
	case ingresscontroller.V2:
		return namesUse(o, use)
	case ingresscontroller.V18:
		return ofSecret(o, t) && o.ID == ingresscontroller.V18.ID(use.source(t.SecretName))
	}
	return false
}

// inUse reports whether a live use has the object: its controller still wants it.
func inUse(o Object, use Reference, t Target) bool {
	return o.ID == o.Controller().ID(use.source(t.SecretName)) || inventory.SameHosts(o.Hosts, use.Hosts) ||
		namesUse(o, use) && overlap(o.Hosts, use.Hosts)
}

// ofSecret is how 1.8 labels its objects: with the Secret, not with the object that uses it.
func ofSecret(o Object, t Target) bool {
	return o.Controller() == ingresscontroller.V18 && o.Labels.Get(ingresscontroller.Label18SecretNamespace) == t.SecretNamespace &&
		o.Labels.Get(ingresscontroller.Label18SecretName) == t.SecretName
}

// wasOfSecret reports whether an object of 1.8 under the use's id is of another Secret of the same namespace, that the use
// named before. Ids can be made to collide, so that one of another namespace is somebody else's.
func wasOfSecret(o Object, use Reference, t Target) bool {
	return o.Controller() == ingresscontroller.V18 && o.Labels.Get(ingresscontroller.Label18SecretNamespace) == t.SecretNamespace &&
		overlap(o.Hosts, use.Hosts)
}

// ofUse is how 2.x labels its objects: with the object that uses the Secret. All entries of an Ingress have the same
// labels; their hosts and the id distinguish them. So have all listeners of a Gateway, and two Secrets of one listener have
// the same hosts besides.
func ofUse(o Object, use Reference) bool {
	sameHosts := use.Listener == "" && inventory.SameHosts(o.Hosts, use.Hosts)
	return o.Controller() == ingresscontroller.V2 && namesUse(o, use) && (sameHosts || o.ID == ingresscontroller.V2.ID(use.source("")))
}

func namesUse(o Object, use Reference) bool {
	return o.Labels.Get(ingresscontroller.Label2Kind) == use.Kind && o.Labels.Get(ingresscontroller.Label2Namespace) == use.Namespace &&
		o.Labels.Get(ingresscontroller.Label2Name) == use.Name
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(host string) bool {
		return slices.ContainsFunc(b, func(other string) bool { return strings.EqualFold(host, other) })
	})
}

// version is that of the ingress controller that serves a use: as its class and the gateway's objects say, empty where
// they say nothing or contradict each other.
func (th theirs) version(use Reference) ingresscontroller.Version {
	byClass := ingresscontroller.VersionOfClass(use.Controller)
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
func (th theirs) serve(use Reference) bool {
	switch {
	case use.Controller == "":
		return false
	case strings.HasPrefix(use.Controller, ingresscontroller.ClassPrefix):
		return true
	}
	return th.known.Any(func(o Object) bool { return o.Labels.Get(ingresscontroller.Label2Controller) == use.Controller })
}

// labelsFor are those with which an ingress controller makes the object of a use. 2.x writes the name of its class's controller
// into it.
func (theirs) labelsFor(version ingresscontroller.Version, use Reference, t Target) map[string]string {
	if version == ingresscontroller.V18 {
		return map[string]string{
			ingresscontroller.Label18ManagedBy:       ingresscontroller.Name,
			ingresscontroller.Label18SecretNamespace: t.SecretNamespace, ingresscontroller.Label18SecretName: t.SecretName,
		}
	}
	return map[string]string{
		ingresscontroller.Label2ManagedBy: ingresscontroller.Name, ingresscontroller.Label2Kind: use.Kind,
		ingresscontroller.Label2Namespace: use.Namespace, ingresscontroller.Label2Name: use.Name,
		ingresscontroller.Label2Controller: use.Controller,
	}
}
