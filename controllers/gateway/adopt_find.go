// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
)

// relist is how old the inventory may be while an object is missing.
const relist = 10 * time.Second

// find finds the ingress controller's objects that should hold the target's certificate, and the uses that have none.
func (g *Gateway) find(t Target) (objects []Object, missing []Missing) {
	seen := map[string]bool{}
	for _, use := range t.Uses {
		fits := false
		for _, o := range g.around(use.Hosts) {
			if !carriesSecret(o, t) && !carriesUse(o, use) {
				continue
			}
			exact := sameSet(o.Hosts, use.Hosts)
			fits = fits || exact
			if !seen[o.ID] && (exact || covered(o.Hosts, t.Hosts)) {
				seen[o.ID] = true
				objects = append(objects, o)
			}
		}
		if !fits && !use.Ending {
			missing = append(missing, g.missingOf(use, t))
		}
	}
	return objects, missing
}

// missingOf tells where the object of a use belongs, and what is there.
func (g *Gateway) missingOf(use Use, t Target) Missing {
	m := Missing{Use: use, Line: g.line(use)}
	if m.Line == "" {
		return m
	}
	m.ID = controllerID(m.Line, use, t.SecretName)
	if o, ok := g.inventory.get(m.ID); ok {
		// 1.8 does not name the use: after another Secret was named there, a host in common tells.
		m.There = lineOf(o) == m.Line && (namesUse(o, use) || carriesSecret(o, t) || m.Line == Line18 && overlap(o.Hosts, use.Hosts))
		m.Taken = !m.There
	}
	return m
}

// around are the ingress controllers' objects that are served for any of the hosts.
func (g *Gateway) around(hosts []string) []Object {
	var found []Object
	seen := map[string]bool{}
	for _, host := range hosts {
		for _, o := range g.inventory.withHost(host) {
			if ofController(o) && !seen[o.ID] {
				seen[o.ID] = true
				found = append(found, o)
			}
		}
	}
	return found
}

// carriesSecret is how 1.8 labels its objects: with the Secret, not with the object that uses it.
func carriesSecret(o Object, t Target) bool {
	return lineOf(o) == Line18 && o.labels.of(label18SecretNamespace) == t.SecretNamespace && o.labels.of(label18SecretName) == t.SecretName
}

// carriesUse is how 2.x labels its objects: with the object that uses the Secret. All entries of an Ingress have the
// same labels; their hosts and the id tell them apart.
func carriesUse(o Object, use Use) bool {
	return lineOf(o) == Line2 && namesUse(o, use) &&
		(sameSet(o.Hosts, use.Hosts) || o.ID == controllerID(Line2, use, ""))
}

func namesUse(o Object, use Use) bool {
	return o.labels.of(label2Kind) == use.Kind && o.labels.of(label2Namespace) == use.Namespace && o.labels.of(label2Name) == use.Name
}

// covered tells whether the names match every one of hosts.
func covered(hosts, names []string) bool {
	for _, host := range hosts {
		if !slices.ContainsFunc(names, func(name string) bool { return name == host || certs.MatchHost(name, host) }) {
			return false
		}
	}
	return true
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(host string) bool {
		return slices.ContainsFunc(b, func(other string) bool { return strings.EqualFold(host, other) })
	})
}

// look asks the gateway for objects that the inventory does not have: those with the computed ids, and now and then all.
func (g *Gateway) look(ctx context.Context, t Target, missing []Missing) error {
	for _, m := range missing {
		for _, line := range []Line{Line18, Line2} {
			if m.Line == "" || m.Line == line {
				if err := g.readIfThere(ctx, controllerID(line, m.Use, t.SecretName)); err != nil {
					return err
				}
			}
		}
	}
	_, missing = g.find(t)
	g.inventory.RLock()
	age := g.Clock.Since(g.inventory.listed)
	g.inventory.RUnlock()
	if len(missing) == 0 || age < relist {
		return nil
	}
	return g.Refresh(ctx)
}

// readAll reads the objects past the inventory, and records them there.
func (g *Gateway) readAll(ctx context.Context, objects []Object) error {
	for _, o := range objects {
		if err := g.readIfThere(ctx, o.ID); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gateway) readIfThere(ctx context.Context, id string) error {
	_, err := g.read(ctx, id)
	if apisix.IsNotFound(err) {
		return nil
	}
	return err
}

// read reads one object, past the inventory, and records it there.
func (g *Gateway) read(ctx context.Context, id string) (Object, error) {
	ssl, err := g.Admin.GetSSL(ctx, id)
	if apisix.IsNotFound(err) && g.inventory.forget(id) {
		g.Doubt() // others may be gone too
	}
	if err != nil {
		return Object{}, fmt.Errorf("get ssl object %s: %w", id, err)
	}
	object := objectOf(ssl)
	g.inventory.record(object)
	return object, nil
}
