// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

// wantedByGateway is a certificate for each Secret that a listener in mode Terminate refers to, for the hostnames of these
// listeners. A listener without one, which is for any host, adds none: annotation alt-names does.
func wantedByGateway(u *unstructured.Unstructured, defaults Defaults) wants {
	gw := gatewayapi.GatewayOf(u)
	w, s := newWants(u, gw.Class, defaults)
	w.addListeners(s, u, gw.Listeners, &v1alpha1.GatewayReference{Name: u.GetName()})
	return w
}

// wantedByListenerSet is the same for a ListenerSet, whose Gateway decides the class and whether its listeners count.
func wantedByListenerSet(u *unstructured.Unstructured, around surroundings, defaults Defaults) wants {
	set := gatewayapi.ListenerSetOf(u, around.parent)
	class := ""
	if around.parent != nil {
		class = around.parent.Class
	}
	w, s := newWants(u, class, defaults)
	if w.optedOut == "" && !around.allowed {
		w.unclear = true
		w.problems = append(w.problems, refusedParent(set.Parent, u.GetNamespace(), around.parent != nil))
		return w
	}
	to := &v1alpha1.GatewayReference{Name: set.Parent.Name}
	if set.Parent.Namespace != u.GetNamespace() {
		to.Namespace = set.Parent.Namespace
	}
	w.addListeners(s, u, set.Listeners, to)
	return w
}

func refusedParent(parent types.NamespacedName, namespace string, exists bool) string {
	switch {
	case parent.Name == "":
		return "spec.parentRef names no Gateway: name the one whose listeners these are"
	case !exists:
		return fmt.Sprintf("spec.parentRef: Gateway %s does not exist: create it, or name another", parent)
	}
	return fmt.Sprintf("spec.parentRef: Gateway %s does not allow ListenerSets of namespace %s: have its spec.allowedListeners allow them, or name another", parent, namespace)
}

// addListeners adds an entry for each Secret. A host has one certificate: the first listener that names it decides which.
func (w *wants) addListeners(s optIn, object *unstructured.Unstructured, listeners []gatewayapi.Listener, to *v1alpha1.GatewayReference) {
	asked := s.explicit && w.optedOut == ""
	problem := func(format string, args ...any) {
		if asked {
			w.problems = append(w.problems, fmt.Sprintf(format, args...))
		}
	}
	type first struct {
		secret   types.NamespacedName
		listener string
	}
	owners := map[string]first{} // of hostnames
	hosts, faults := map[types.NamespacedName][]string{}, map[types.NamespacedName][]string{}
	var order []types.NamespacedName
	for _, l := range listeners {
		field := "spec.listeners[" + l.Name + "]"
		switch {
		case l.Unreadable:
			w.unclear = true
			problem("%s has a shape that is not known: correct it", field)
		case l.Passthrough && len(l.Refs) > 0:
			problem("%s.tls.mode is Passthrough, so that its certificateRefs have no effect: set Terminate, or remove them", field)
		}
		if !l.Terminates {
			continue
		}
		for i, ref := range l.Refs {
			if !ref.OfSecret() {
				problem("%s.tls.certificateRefs[%d] is of kind %s: refer to a Secret", field, i, kindText(ref))
				continue
			}
			if !slices.Contains(order, ref.Secret) {
				order = append(order, ref.Secret)
			}
			owner, owned := owners[l.Hostname]
			switch {
			case !owned && l.Hostname != "":
				owners[l.Hostname] = first{ref.Secret, l.Name}
			case !owned || owner.secret == ref.Secret:
			case owner.listener == l.Name:
				faults[ref.Secret] = append(faults[ref.Secret], fmt.Sprintf(
					"%s.tls.certificateRefs[%d] is a second Secret for %s: a host has one certificate, which is in Secret %s, so remove this one, or keep it yourself", field, i, l.Hostname, owner.secret.Name))
				continue
			default:
				faults[ref.Secret] = append(faults[ref.Secret], fmt.Sprintf(
					"%s.hostname %s is that of listener %s too, which refers to another Secret: a host has one certificate, so refer to the same Secret in both", field, l.Hostname, owner.listener))
				continue
			}
			hosts[ref.Secret] = append(hosts[ref.Secret], l.Hostname)
		}
	}
	if len(order) == 0 && len(w.problems) == 0 {
		problem("spec.listeners: none of protocol HTTPS or TLS and mode Terminate refers to a Secret: add tls.certificateRefs")
	}
	for _, secret := range order {
		w.add(s, object, secret, served{gateway: to}, hosts[secret], place{
			"spec.listeners[].hostname", "spec.listeners[].tls.certificateRefs[].name", "remove its listener here, or take another hostname there",
		}, faults[secret]...)
	}
}

func kindText(ref gatewayapi.Ref) string {
	if ref.Group == "" {
		return ref.Kind
	}
	return ref.Kind + "." + ref.Group
}

// gatewaySecrets are those of a Gateway or a ListenerSet.
func gatewaySecrets(object client.Object) []string {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return gatewayapi.Secrets(gatewayapi.GatewayOf(u).Listeners)
}
