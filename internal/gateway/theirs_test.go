// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"testing"

	"apisix-certs.io/apisix-certs/internal/gateway/ingresscontroller"
	"apisix-certs.io/apisix-certs/internal/gateway/inventory"
)

func labelled(label string) Object {
	return Object{ID: label, Labels: inventory.LabelsOf(map[string]string{label: ingresscontroller.Name})}
}

func TestVersion(t *testing.T) {
	of18, of2 := labelled(ingresscontroller.Label18ManagedBy), labelled(ingresscontroller.Label2ManagedBy)
	for _, test := range []struct {
		name    string
		class   string
		objects []Object
		want    ingresscontroller.Version
	}{
		{"nothing known", "", nil, ""},
		{"class of 1.8", ingresscontroller.Class18, nil, ingresscontroller.V18},
		{"class of 2.x", ingresscontroller.Class2, nil, ingresscontroller.V2},
		{"class of somebody else", "example.com/controller", nil, ""},
		{"objects of 1.8", "", []Object{of18}, ingresscontroller.V18},
		{"objects of 2.x", "example.com/controller", []Object{of2}, ingresscontroller.V2},
		{"objects of nobody", "", []Object{{ID: "x"}}, ""},
		{"both objects", "", []Object{of18, of2}, ""},
		{"both objects, the class decides", ingresscontroller.Class2, []Object{of18, of2}, ingresscontroller.V2},
		{"class against objects", ingresscontroller.Class2, []Object{of18}, ""},
	} {
		if got := (theirs{inventory.New(test.objects...)}).version(Reference{Controller: test.class}); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestLocate(t *testing.T) {
	hosts := []string{"shop.example.com", "store.example.com"}
	target := Target{Namespace: "default", SecretNamespace: "default", SecretName: "shop-tls", Hosts: hosts}
	of18 := func(id, secret string, hosts ...string) Object {
		return Object{ID: id, Hosts: hosts, Labels: inventory.LabelsOf(map[string]string{
			ingresscontroller.Label18ManagedBy: ingresscontroller.Name, ingresscontroller.Label18SecretNamespace: "default", ingresscontroller.Label18SecretName: secret,
		})}
	}
	of2 := func(id, kind, name string, hosts ...string) Object {
		return Object{ID: id, Hosts: hosts, Labels: inventory.LabelsOf(map[string]string{
			ingresscontroller.Label2ManagedBy: ingresscontroller.Name, ingresscontroller.Label2Kind: kind, ingresscontroller.Label2Namespace: "default", ingresscontroller.Label2Name: name,
		})}
	}
	ref := func(hosts ...string) Reference { u := tlsUse; u.Hosts = hosts; return u }
	entry := func(index int, hosts ...string) Reference { u := ingressUse; u.Index, u.Hosts = index, hosts; return u }
	ending := ref("shop.example.com")
	ending.Terminating = true
	for _, test := range []struct {
		name    string
		uses    []Reference
		object  Object
		found   bool
		missing int
	}{
		{"1.8, by the Secret", []Reference{ref("shop.example.com")}, of18("1", "shop-tls", "shop.example.com"), true, 0},
		{"1.8, another Secret", []Reference{ref("shop.example.com")}, of18("1", "other", "shop.example.com"), false, 1},
		{"1.8, hosts change, all covered", []Reference{ref(hosts...)}, of18("1", "shop-tls", "shop.example.com"), true, 1},
		{"1.8, hosts change, not covered", []Reference{ref("shop.example.com")}, of18("1", "shop-tls", "shop.example.com", "old.example.com"), false, 1},
		{"2.x, by the use", []Reference{ref("shop.example.com")}, of2("1", "ApisixTls", "shop", "shop.example.com"), true, 0},
		{"2.x, another use", []Reference{ref("shop.example.com")}, of2("1", "ApisixTls", "other", "shop.example.com"), false, 1},
		{"2.x, another kind", []Reference{ref("shop.example.com")}, of2("1", "Ingress", "shop", "shop.example.com"), false, 1},
		{"2.x, the other entry of the Ingress", []Reference{entry(0, "shop.example.com")}, of2("1", "Ingress", "shop", hosts...), false, 1},
		{"nobody's", []Reference{ref("shop.example.com")}, Object{ID: "1", Hosts: []string{"shop.example.com"}}, false, 1},
		{"a use that ends is not missed", []Reference{ending}, of2("1", "ApisixTls", "other", "shop.example.com"), false, 0},
	} {
		target.References = test.uses
		objects, missing := theirs{inventory.New(test.object)}.locate(target)
		if (len(objects) == 1) != test.found || len(missing) != test.missing {
			t.Errorf("%s: found %d, missing %d; want found %t, missing %d", test.name, len(objects), len(missing), test.found, test.missing)
		}
	}
}

// TestLocateGateway: objects of a Gateway's listeners have one label and often the same hosts, so that the id decides. What no
// version serves has none.
func TestLocateGateway(t *testing.T) {
	host := []string{"shop.example.com"}
	ref := Reference{Kind: "Gateway", Namespace: "default", Name: "gw", Listener: "https", Hosts: host, Class: "apisix", Controller: ingresscontroller.Class2}
	object := func(index int) Object {
		u := ref
		u.Index = index
		return Object{ID: ingresscontroller.V2.ID(u.source("")), Hosts: host, Labels: inventory.LabelsOf(theirs{}.labelsFor(ingresscontroller.V2, u, Target{}))}
	}
	target := Target{Namespace: "default", SecretNamespace: "default", SecretName: "shop-tls", Hosts: host, References: []Reference{ref}}
	if objects, _ := (theirs{inventory.New(object(0), object(1))}).locate(target); len(objects) != 1 || objects[0].ID != object(0).ID {
		t.Errorf("got %v, want that of index 0 alone", objects)
	}
	_, missing := theirs{inventory.New(object(1))}.locate(target)
	if len(missing) != 1 || missing[0].ID != object(0).ID || missing[0].OtherController || missing[0].Unserved {
		t.Errorf("got %+v, want that of index 0 missing", missing)
	}
	target.References[0].Controller = "example.com/gateway-controller"
	if _, missing := (theirs{inventory.New()}).locate(target); len(missing) != 1 || !missing[0].OtherController {
		t.Errorf("a class of others: got %+v", missing)
	}
	target.References[0].Kind = "ListenerSet"
	if objects, missing := (theirs{inventory.New(object(0))}).locate(target); len(objects)+len(missing) != 0 {
		t.Errorf("a ListenerSet: got %v, %+v", objects, missing)
	}
}
