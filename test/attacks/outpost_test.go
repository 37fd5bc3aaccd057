// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// outpost is a part of the cluster with a controller and a gateway of its own.
type outpost struct {
	*world
	t    *testing.T
	name string
}

var outposts atomic.Int64

// newOutpost starts the gateway, and the controller with more flags.
func newOutpost(t *testing.T, flags ...string) *outpost {
	t.Helper()
	o := newIdleOutpost(t)
	o.start(flags...)
	return o
}

// newIdleOutpost starts the gateway alone.
func newIdleOutpost(t *testing.T) *outpost {
	t.Helper()
	w := *shared.World(t)
	c := *w.Cluster
	w.Cluster, w.controller = &c, nil
	var err error
	if c.StandIn, err = apisixtest.NewServer(apisixtest.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.StandIn.Close)
	c.Gateway = cluster.Gateway{AdminURL: c.StandIn.AdminURL(), AdminKey: c.StandIn.AdminKey(), TLSAddr: c.StandIn.TLSAddr()}
	if w.gateway, err = apisix.New(apisix.Options{Endpoints: []string{c.Gateway.AdminURL}, AdminKey: apisix.StaticKey(c.Gateway.AdminKey)}); err != nil {
		t.Fatal(err)
	}
	o := &outpost{world: &w, t: t, name: fmt.Sprintf("outpost-%d", outposts.Add(1))}
	t.Cleanup(o.stop)
	return o
}

func (o *outpost) start(flags ...string) {
	o.t.Helper()
	if err := o.tryStart(flags...); err != nil {
		o.t.Fatalf("a controller with %q: %v", flags, err)
	}
}

func (o *outpost) tryStart(flags ...string) (err error) {
	flags = slices.Concat(always, flags)
	if !slices.Contains(flags, "--watch-namespaces") {
		flags = append(flags, "--namespace-selector", outpostLabel+"="+o.name)
	}
	o.controller, err = o.StartController(o.t.Context(), o.binary, o.log, flags...)
	return err
}

// stop ends the controller as a Pod is ended.
func (o *outpost) stop() {
	if o.controller != nil {
		if err := o.controller.Stop(); err != nil {
			o.t.Logf("the controller of %s: %v", o.name, err)
		}
		o.controller = nil
	}
}

// restart starts the controller with other flags.
func (o *outpost) restart(flags ...string) {
	o.t.Helper()
	o.stop()
	o.start(flags...)
}

// scene makes two tenants of the outpost.
func (o *outpost) scene(t *testing.T) *scene {
	t.Helper()
	return newSceneIn(t, o.world, map[string]string{outpostLabel: o.name})
}
