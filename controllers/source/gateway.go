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

// wantedByGateway returns a certificate for each Secret that a listener in mode Terminate refers to, with the hostnames of these
// listeners. A listener without a hostname, which matches any host, adds none; annotation alt-names can.
func wantedByGateway(u *unstructured.Unstructured, defaults Defaults) wants {
	gw := gatewayapi.GatewayOf(u)
	w, s := newWants(u, gw.Class, defaults)
	w.addListeners(s, u, gw.Listeners, &v1alpha1.GatewayReference{Name: u.GetName()})
	return w
}

// wantedByListenerSet does the same for a ListenerSet. Its Gateway determines the class and whether its listeners are allowed.
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
		return "spec.parentRef does not name a Gateway: set the Gateway of these listeners"
	case !exists:
		return fmt.Sprintf("spec.parentRef: Gateway %s does not exist: create it, or name another", parent)
	}
	return fmt.Sprintf("spec.parentRef: Gateway %s does not allow ListenerSets of namespace %s: allow them in its spec.allowedListeners, or name another Gateway", parent, namespace)
}

// addListeners adds an entry for each Secret. A host has one certificate: that of the first listener that names it.
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
			problem("%s is not a valid listener: correct it", field)
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
					"%s.tls.certificateRefs[%d] is a second Secret for %s, whose certificate is in Secret %s: remove this one, or manage it yourself", field, i, l.Hostname, owner.secret.Name))
				continue
			default:
				faults[ref.Secret] = append(faults[ref.Secret], fmt.Sprintf(
					"%s.hostname %s is also used by listener %s, which refers to another Secret: refer to the same Secret in both", field, l.Hostname, owner.listener))
				continue
			}
			hosts[ref.Secret] = append(hosts[ref.Secret], l.Hostname)
		}
	}
	if len(order) == 0 && len(w.problems) == 0 {
		problem("spec.listeners: no listener of protocol HTTPS or TLS with mode Terminate refers to a Secret: add tls.certificateRefs")
	}
	for _, secret := range order {
		w.add(s, object, secret, served{gateway: to}, hosts[secret], place{
			"spec.listeners[].hostname", "spec.listeners[].tls.certificateRefs[].name", "remove its listener here, or use another hostname there",
		}, faults[secret]...)
	}
}

func kindText(ref gatewayapi.Ref) string {
	if ref.Group == "" {
		return ref.Kind
	}
	return ref.Kind + "." + ref.Group
}

// gatewaySecrets returns the Secrets of a Gateway or a ListenerSet.
func gatewaySecrets(object client.Object) []string {
	u, ok := object.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	return gatewayapi.Secrets(gatewayapi.GatewayOf(u).Listeners)
}
