// SPDX-License-Identifier: Apache-2.0

package rights

import (
	"slices"

	"k8s.io/apimachinery/pkg/types"
)

// Reach is the set of namespaces of a controller that has its namespaced permissions in selected namespaces only.
type Reach struct {
	// Watched are the namespaces of sources and certificates.
	Watched []string
	// Gateways are the namespaces of the Services of a gateway.
	Gateways []string
	// AdminKey is the Secret with the admin key. Empty if there is none.
	AdminKey types.NamespacedName
	// Credentials are the namespaces with the credentials of cluster-scoped issuers.
	Credentials []string
}

// eventsOfCluster is the namespace in which Kubernetes stores the events of cluster-scoped objects.
const eventsOfCluster = "default"

// ofGateways are the resources that configure a gateway, and their events.
var ofGateways = []string{"gatewayproxies", "services", "endpointslices", "events"}

// Gateway returns the permissions that are required in the namespace of a gateway.
func Gateway(namespaced []Right) []Right {
	return slices.DeleteFunc(slices.Clone(namespaced), func(r Right) bool { return !slices.Contains(ofGateways, r.Resource) })
}

// Rights returns the permissions in each namespace: all of them in the watched namespaces, and in the others those that the chart
// grants with watchNamespaces.
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
