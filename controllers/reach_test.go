// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"apisix-certs.io/apisix-certs/controllers/rights"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/registry"
)

// account is an API server that says what somebody may do.
type account struct {
	mu      sync.Mutex
	denied  map[string]bool // NAMESPACE RESOURCE
	failure error
}

func (a *account) deny(what string, denied bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.denied[what] = denied
}

func (a *account) client(namespaces ...string) client.Client {
	builder := fake.NewClientBuilder().WithScheme(Scheme()).WithIndex(&metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}},
		"metadata.name", func(o client.Object) []string { return []string{o.GetName()} })
	for _, name := range namespaces {
		builder.WithObjects(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return interceptor.NewClient(builder.Build(), interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.CreateOption) error {
			review := object.(*authorizationv1.SelfSubjectAccessReview)
			a.mu.Lock()
			defer a.mu.Unlock()
			review.Status.Allowed = !a.denied[review.Spec.ResourceAttributes.Namespace+" "+review.Spec.ResourceAttributes.Resource]
			return a.failure
		},
	})
}

func candidatesOf(namespaces ...string) []candidate {
	var all []candidate
	for _, namespace := range namespaces {
		all = append(all, candidate{namespace: namespace, needed: rights.In(namespace, []rights.Right{
			{Resource: "secrets", Verbs: []string{"list", "watch"}}, {Group: "networking.k8s.io", Resource: "ingresses", Verbs: []string{"list"}},
		})})
	}
	return append(all, candidate{namespace: "apisix", gateway: true, needed: rights.In("apisix", []rights.Right{{Resource: "gatewayproxies", Verbs: []string{"list"}}})})
}

const mendReach = ": upgrade the Helm chart with watchNamespaces, or create a Role with these permissions there"

func TestFindReach(t *testing.T) {
	for _, row := range []struct {
		name   string
		denied []string
		want   reach
	}{
		{"all", nil, reach{served: []string{"shop", "web"}, gateways: []string{"apisix"}, lacking: map[string]string{}}},
		{"one rule is missing", []string{"web ingresses"}, reach{served: []string{"shop"}, gateways: []string{"apisix"},
			lacking: map[string]string{"web": "the controller is not allowed to list ingresses.networking.k8s.io" + mendReach}}},
		{"two are", []string{"shop ingresses", "shop secrets"}, reach{served: []string{"web"}, gateways: []string{"apisix"},
			lacking: map[string]string{"shop": "the controller is not allowed to list, watch secrets; list ingresses.networking.k8s.io" + mendReach}}},
		{"a namespace is", []string{"gone secrets"}, reach{served: []string{"shop", "web"}, gateways: []string{"apisix"},
			lacking: map[string]string{"gone": "the namespace does not exist: create it, then upgrade the Helm chart, which creates a Role in it"}}},
		{"the gateway's is", []string{"apisix gatewayproxies"}, reach{served: []string{"shop", "web"},
			lacking: map[string]string{"apisix": "the controller is not allowed to list gatewayproxies" + mendReach}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			names := []string{"shop", "web"}
			if row.want.lacking["gone"] != "" {
				names = append(names, "gone")
			}
			a := &account{denied: map[string]bool{}}
			for _, what := range row.denied {
				a.deny(what, true)
			}
			found, err := findReach(t.Context(), a.client("shop", "web", "apisix"), candidatesOf(names...))
			if diff := cmp.Diff(row.want, *found, cmp.AllowUnexported(reach{})); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
			if err := found.unusable(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Without the flag nothing is limited, and where nothing can be read that is said of each namespace.
func TestNoReach(t *testing.T) {
	a := &account{denied: map[string]bool{"shop secrets": true, "web secrets": true}}
	none, err := findReach(t.Context(), a.client(), nil)
	if none != nil || none.unusable() != nil || none.namespaces() != nil || cachedIn(none.namespaces()) != nil || err != nil {
		t.Errorf("%+v, %v", none, err)
	}
	found, err := findReach(t.Context(), a.client("shop"), candidatesOf("shop", "web"))
	if err != nil {
		t.Fatal(err)
	}
	want := "--watch-namespaces shop: the controller is not allowed to list, watch secrets" + mendReach +
		"\n--watch-namespaces web: the namespace does not exist: create it, then upgrade the Helm chart, which creates a Role in it"
	if err := found.unusable(); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	a.failure = errors.New("no answer")
	if _, err := findReach(t.Context(), a.client(), candidatesOf("shop")); !errors.Is(err, a.failure) {
		t.Errorf("an API server that does not answer: %v", err)
	}
}

// A reach ends once a namespace that was left out can be read, and not before.
func TestReachGrows(t *testing.T) {
	a := &account{denied: map[string]bool{"web secrets": true, "web ingresses": true}}
	c, all := a.client("shop", "web"), candidatesOf("shop", "web")
	found, err := findReach(t.Context(), c, all)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- found.await(t.Context(), c, all, time.Millisecond) }()
	for _, what := range []string{"web secrets", "web ingresses"} {
		select {
		case err := <-ended:
			t.Fatalf("it ended with %v while %s were denied", err, what)
		case <-time.After(20 * time.Millisecond):
		}
		a.deny(what, false)
	}
	if err := <-ended; !errors.Is(err, errReachGrew) {
		t.Errorf("it ended with %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := found.await(stopped, c, all, time.Hour); err != nil {
		t.Errorf("stopped: %v", err)
	}
}

// What a gateway is made of is not waited for where the controller has no rights.
func TestFollowerWithinReach(t *testing.T) {
	f := &follower{direct{fake.NewFakeClient()}, (&Options{
		WatchNamespaces: []string{"shop"}, AdminService: "apisix/admin:9180", AdminKeySecret: "keys/admin", TLSService: "edge/tls:443",
	}).Reach()}
	for namespace, want := range map[string]string{
		"shop": "", "apisix": "", "edge": "", "keys": "",
		"other": "Service other/a cannot be watched: namespace other is not watched: add it to --watch-namespaces (chart: watchNamespaces)",
	} {
		got := ""
		if _, err := f.Follow(t.Context(), "g", registry.Followed{Kind: "Service", Namespace: namespace, Name: "a"}); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", namespace, got, want)
		}
	}
}

func TestGatewayProxyOutOfReach(t *testing.T) {
	c := &gatewayCache{reach: &reach{served: []string{"shop"}, gateways: []string{"apisix"}}}
	err := c.Get(t.Context(), client.ObjectKey{Namespace: "other", Name: "proxy"}, &corev1.Secret{})
	var setup *gateway.SetupError
	if !errors.As(err, &setup) || !strings.HasPrefix(err.Error(), "GatewayProxy other/proxy: namespace other is not watched") {
		t.Errorf("got %v", err)
	}
}

func TestReachOfOptions(t *testing.T) {
	o := Options{WatchNamespaces: []string{"web", "shop", "web"}, Namespace: "ours", AdminService: "apisix/admin:9180", AdminKeySecret: "keys/admin:key", TLSService: "apisix/tls:443"}
	want := rights.Reach{Watched: []string{"shop", "web"}, Gateways: []string{"apisix"}, Credentials: []string{"ours"}}
	want.AdminKey.Namespace, want.AdminKey.Name = "keys", "admin"
	if diff := cmp.Diff(want, o.Reach()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	o = Options{WatchNamespaces: []string{"shop"}, Namespace: "ours", ClusterResourceNamespace: "vault", AdminURLs: []string{"http://a:9180"}, AdminKeyFile: "f", TLSAddrs: []string{"a:443"}}
	if diff := cmp.Diff(rights.Reach{Watched: []string{"shop"}, Credentials: []string{"vault"}}, o.Reach()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
