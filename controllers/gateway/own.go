// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"apisix-certs.io/apisix-certs/apisix"
)

// Labels of own ssl objects. APISIX takes any key, and values of 1 to 256 characters without white space, which the
// names of Kubernetes objects are.
const (
	labelManagedBy = "managed-by"
	labelCluster   = "apisix-certs.io/cluster"
	labelNamespace = "apisix-certs.io/namespace"
	labelName      = "apisix-certs.io/name"
	labelUID       = "apisix-certs.io/uid"

	managedBy = "apisix-certs"
)

// ID is the id of the target's own ssl object. It depends on the cluster and the ApisixCertificate's UID alone, and has
// 160 bits, so that it is the same after a restart and different for every other object.
func (g *Gateway) ID(t Target) string {
	sum := sha256.Sum256([]byte(g.Cluster + "\x00" + t.UID))
	return "ac-" + hex.EncodeToString(sum[:20])
}

func (g *Gateway) labels(t Target) map[string]string {
	return map[string]string{
		labelManagedBy: managedBy, labelCluster: g.Cluster,
		labelNamespace: t.Namespace, labelName: t.Name, labelUID: t.UID,
	}
}

// conflict finds an enabled object of somebody else with a host of the target: APISIX would serve whichever came first.
func (g *Gateway) conflict(t Target) *Conflict {
	own := g.ID(t)
	for _, host := range t.Hosts {
		for _, o := range g.inventory.withHost(host) {
			if o.ID != own && o.Enabled && !g.leftover(o) {
				return &Conflict{Host: host, ID: o.ID}
			}
		}
	}
	return nil
}

// leftover tells whether o is an own object of this cluster. One of another ApisixCertificate, on its way out or about
// to lose the host, is no reason to hold back: who owns a host within the cluster is decided before the push.
func (g *Gateway) leftover(o Object) bool {
	return o.Labels[labelManagedBy] == managedBy && o.Labels[labelCluster] == g.Cluster
}

func (g *Gateway) put(ctx context.Context, s State, t Target) (State, error) {
	if err := apisix.CheckPair(t.Cert, t.Key, g.Clock.Now()); err != nil {
		return s, err
	}
	ssl := apisix.SSL{ID: g.ID(t), SNIs: t.Hosts, Cert: string(t.Cert), Key: string(t.Key), Labels: g.labels(t)}
	if _, err := g.Admin.PutSSL(ctx, ssl); err != nil {
		return s, fmt.Errorf("put ssl object %s: %w", ssl.ID, err)
	}
	object := objectOf(&ssl)
	g.inventory.record(object)
	s.Objects = []Object{object}
	return s, nil
}
