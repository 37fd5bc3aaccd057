// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// Reach is where a controller works that has the rights of namespaces in some namespaces alone.
type Reach struct {
	// Watched are the namespaces of sources and certificates.
	Watched []string
	// Gateways are the namespaces of the Services of a gateway.
	Gateways []string
	// AdminKey is the Secret with the admin key; empty: there is none.
	AdminKey types.NamespacedName
	// Credentials are the namespaces with the credentials of issuers that have none.
	Credentials []string
}

// eventsOfCluster is the namespace where Kubernetes keeps the events on objects that have no namespace.
const eventsOfCluster = "default"

// ofGateways are the resources that make up a gateway, and the events on them.
var ofGateways = []string{"gatewayproxies", "services", "endpointslices", "events"}

// Gateway are those of the rights that are needed where a gateway is.
func Gateway(namespaced []Right) []Right {
	return slices.DeleteFunc(slices.Clone(namespaced), func(r Right) bool { return !slices.Contains(ofGateways, r.Resource) })
}

// Rights are what the rights of namespaces come down to: all of them in the watched namespaces, and in others what the chart
// gives there with watchNamespaces.
func (r Reach) Rights(namespaced []Right) []Right {
	var all []Right
	for _, namespace := range r.Watched {
		all = append(all, In(namespace, namespaced)...)
	}
	unwatched := func(namespace string) bool { return namespace != "" && !slices.Contains(r.Watched, namespace) }
	for _, namespace := range r.Gateways {
		if unwatched(namespace) {
			all = append(all, In(namespace, Gateway(namespaced))...)
		}
	}
	if unwatched(r.AdminKey.Namespace) {
		all = append(all, Right{Resource: "secrets", Name: r.AdminKey.Name, Namespace: r.AdminKey.Namespace, Verbs: []string{"get", "list", "watch"}})
	}
	for _, namespace := range r.Credentials {
		if unwatched(namespace) {
			all = append(all, Right{Resource: "secrets", Namespace: namespace, Verbs: []string{"get"}})
		}
	}
	if unwatched(eventsOfCluster) {
		all = append(all, Right{Group: "events.k8s.io", Resource: "events", Namespace: eventsOfCluster, Verbs: []string{"create", "patch"}})
	}
	return all
}
