// SPDX-License-Identifier: Apache-2.0

package gateway

import "testing"

func labelled(label string) Object {
	return Object{ID: label, labels: labelsOf(map[string]string{label: controllerName})}
}

func TestLine(t *testing.T) {
	of18, of2 := labelled(label18ManagedBy), labelled(label2ManagedBy)
	for _, test := range []struct {
		name    string
		class   string
		objects []Object
		want    Line
	}{
		{"nothing known", "", nil, ""},
		{"class of 1.8", controllerClass18, nil, Line18},
		{"class of 2.x", controllerClass2, nil, Line2},
		{"class of somebody else", "example.com/controller", nil, ""},
		{"objects of 1.8", "", []Object{of18}, Line18},
		{"objects of 2.x", "example.com/controller", []Object{of2}, Line2},
		{"objects of nobody", "", []Object{{ID: "x"}}, ""},
		{"both objects", "", []Object{of18, of2}, ""},
		{"both objects, the class decides", controllerClass2, []Object{of18, of2}, Line2},
		{"class against objects", controllerClass2, []Object{of18}, ""},
	} {
		g := &Gateway{}
		g.inventory.byID, g.inventory.byHost, g.inventory.byLine = map[string]Object{}, map[string][]string{}, map[Line]int{}
		for _, o := range test.objects {
			g.inventory.record(o)
		}
		if got := g.line(Use{Controller: test.class}); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestFind(t *testing.T) {
	hosts := []string{"shop.example.com", "store.example.com"}
	target := Target{Namespace: "default", SecretNamespace: "default", SecretName: "shop-tls", Hosts: hosts}
	of18 := func(id, secret string, hosts ...string) Object {
		return Object{ID: id, Hosts: hosts, labels: labelsOf(map[string]string{
			label18ManagedBy: controllerName, label18SecretNamespace: "default", label18SecretName: secret,
		})}
	}
	of2 := func(id, kind, name string, hosts ...string) Object {
		return Object{ID: id, Hosts: hosts, labels: labelsOf(map[string]string{
			label2ManagedBy: controllerName, label2Kind: kind, label2Namespace: "default", label2Name: name,
		})}
	}
	use := func(hosts ...string) Use { u := tlsUse; u.Hosts = hosts; return u }
	entry := func(index int, hosts ...string) Use { u := ingressUse; u.Index, u.Hosts = index, hosts; return u }
	ending := use("shop.example.com")
	ending.Ending = true
	for _, test := range []struct {
		name    string
		uses    []Use
		object  Object
		found   bool
		missing int
	}{
		{"1.8, by the Secret", []Use{use("shop.example.com")}, of18("1", "shop-tls", "shop.example.com"), true, 0},
		{"1.8, another Secret", []Use{use("shop.example.com")}, of18("1", "other", "shop.example.com"), false, 1},
		{"1.8, hosts change, all covered", []Use{use(hosts...)}, of18("1", "shop-tls", "shop.example.com"), true, 1},
		{"1.8, hosts change, not covered", []Use{use("shop.example.com")}, of18("1", "shop-tls", "shop.example.com", "old.example.com"), false, 1},
		{"2.x, by the use", []Use{use("shop.example.com")}, of2("1", "ApisixTls", "shop", "shop.example.com"), true, 0},
		{"2.x, another use", []Use{use("shop.example.com")}, of2("1", "ApisixTls", "other", "shop.example.com"), false, 1},
		{"2.x, another kind", []Use{use("shop.example.com")}, of2("1", "Ingress", "shop", "shop.example.com"), false, 1},
		{"2.x, the other entry of the Ingress", []Use{entry(0, "shop.example.com")}, of2("1", "Ingress", "shop", hosts...), false, 1},
		{"nobody's", []Use{use("shop.example.com")}, Object{ID: "1", Hosts: []string{"shop.example.com"}}, false, 1},
		{"a use that ends is not missed", []Use{ending}, of2("1", "ApisixTls", "other", "shop.example.com"), false, 0},
	} {
		g := &Gateway{}
		g.inventory.byID, g.inventory.byHost, g.inventory.byLine = map[string]Object{}, map[string][]string{}, map[Line]int{}
		g.inventory.record(test.object)
		target.Uses = test.uses
		objects, missing := g.find(target)
		if (len(objects) == 1) != test.found || len(missing) != test.missing {
			t.Errorf("%s: found %d, missing %d; want found %t, missing %d", test.name, len(objects), len(missing), test.found, test.missing)
		}
	}
}
