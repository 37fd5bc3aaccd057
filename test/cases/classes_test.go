// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"context"
	"testing"

	"github.com/go-logr/logr"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/registry"
)

// classes are case 24: an Ingress of a class that is not APISIX's.
var classes = []kase{
	reported("24", "it has no gateway", func(t *testing.T) { gatewaysOf(t, "nginx", 0) }),
	reported("24", "its certificate is issued, and nothing of it is pushed", func(t *testing.T) {
		s := newScene(t)
		s.NoGateway = true
		s.Restart()
		s.Create("web", func(c *cert) { c.Spec.IngressClassName = "nginx" })
		s.Run()
		s.ready("web")
		s.is("web", v1alpha1.ConditionPushed, "True NoGateway")
		if s.Leaf("web-tls") == nil || len(s.Gateway.SSLs()) > 0 {
			t.Errorf("Secret %v, %d ssl objects", s.Secret("web-tls"), len(s.Gateway.SSLs()))
		}
	}),
	neighbour("24", "a class of APISIX has one", func(t *testing.T) { gatewaysOf(t, "apisix", 1) }),
	neighbour("24", "no class, where the default is another controller's: that of the flags", func(t *testing.T) { gatewaysOf(t, "", 1) }),
}

// gatewaysOf wants a class to have so many gateways, beside classes of APISIX and of another controller, which is the default.
func gatewaysOf(t *testing.T, class string, want int) {
	t.Helper()
	var nginx, own networkingv1.IngressClass
	nginx.Name, nginx.Spec.Controller = "nginx", "k8s.io/ingress-nginx"
	nginx.Annotations = map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"}
	own.Name, own.Spec.Controller = "apisix", "apisix.apache.org/apisix-ingress-controller"
	objects := fake.NewClientBuilder().WithScheme(controllers.Scheme()).WithObjects(&nginx, &own).Build()
	r := &registry.Registry{
		Reader: objects, Follower: follower{objects},
		Flags: &registry.Flags{URLs: []string{"http://127.0.0.1:1"}, Key: apisix.StaticKey("key")},
		Mode:  gateway.ModeAuto, Cluster: "here", Clock: clock.RealClock{}, Log: logr.Discard(),
	}
	if got := len(r.For(class)); got != want {
		t.Errorf("class %q has %d gateways, want %d", class, got, want)
	}
}

// follower reads what is there, and follows nothing.
type follower struct{ client.Reader }

func (f follower) Follow(context.Context, string, registry.Followed) (client.Reader, error) {
	return f.Reader, nil
}
func (follower) Prune(string, []registry.Followed) {}
