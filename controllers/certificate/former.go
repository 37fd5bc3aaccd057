// SPDX-License-Identifier: Apache-2.0

package certificate

import "apisix-certs.io/apisix-certs/internal/gateway"

// formerUses are the objects by which ingress controllers were seen to serve the Secret. What is left over at a gateway is
// only removed where it was made for one of these.
func (o *observed) formerUses() []gateway.Use {
	var uses []gateway.Use
	for _, ref := range o.references() {
		uses = append(uses, gateway.Use{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name, Ending: true})
	}
	return uses
}
