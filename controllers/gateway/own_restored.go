// SPDX-License-Identifier: Apache-2.0

package gateway

import "slices"

// before tells whether o is of the ApisixCertificate that the target's one was before a restore, which gave it another UID:
// it has the same name, there is none with its UID, and its certificate is the one whose key the target has.
func (g *Gateway) before(o Object, t Target) bool {
	l := o.labels
	return l.of(labelManagedBy) == managedBy && l.of(labelCluster) == g.Cluster && l.of(labelNamespace) == t.Namespace && l.of(labelName) == t.Name &&
		l.of(labelUID) != t.UID && t.Known != nil && !t.Known(t.Namespace, t.Name, l.of(labelUID)) &&
		!t.keyless() && o.Fingerprint != "" && o.Fingerprint == t.Fingerprint
}

// leftBehind are the ids of such objects that have one of the target's hosts.
func (g *Gateway) leftBehind(t Target) []string {
	var ids []string
	for _, host := range t.Hosts {
		for _, o := range g.inventory.withHost(host) {
			if g.before(o, t) && !slices.Contains(ids, o.ID) {
				ids = append(ids, o.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}
