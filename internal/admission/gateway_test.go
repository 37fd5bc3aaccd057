// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/references"
)

// oneGateway is a cluster with Gateway infra/edge, whose spec.allowedListeners is from, and without policies.
type oneGateway struct {
	client.Reader
	from map[string]any
}

func (c oneGateway) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if labelled, ok := object.(*metav1.PartialObjectMetadata); ok {
		labelled.Labels = map[string]string{"kubernetes.io/metadata.name": key.Name}
		return nil
	}
	if key.String() != "infra/edge" {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "gateways"}, key.Name)
	}
	u := object.(*unstructured.Unstructured)
	u.SetNamespace(key.Namespace)
	u.SetName(key.Name)
	spec := map[string]any{"gatewayClassName": "apisix"}
	if c.from != nil {
		spec["allowedListeners"] = map[string]any{"namespaces": c.from}
	}
	u.Object["spec"] = spec
	return nil
}

func (oneGateway) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

// TestGatewayOfAnother: a certificate is brought to a Gateway of another namespace, with the admin key of whoever keeps that, only
// where the Gateway lets the namespace add listeners; else it costs no signature and gets no names.
func TestGatewayOfAnother(t *testing.T) {
	byName := func(name string) map[string]any {
		return map[string]any{"from": "Selector", "selector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": name}}}
	}
	for _, row := range []struct {
		name    string
		ref     *v1alpha1.GatewayReference
		from    map[string]any
		refused bool
	}{
		{"no Gateway", nil, nil, false},
		{"one of its own namespace", &v1alpha1.GatewayReference{Name: "own"}, nil, false},
		{"its own namespace, by name", &v1alpha1.GatewayReference{Name: "own", Namespace: "shop"}, nil, false},
		{"of another, which says nothing", &v1alpha1.GatewayReference{Name: "edge", Namespace: "infra"}, nil, true},
		{"of another, which lets none in", &v1alpha1.GatewayReference{Name: "edge", Namespace: "infra"}, map[string]any{"from": "None"}, true},
		{"of another, for its own namespace", &v1alpha1.GatewayReference{Name: "edge", Namespace: "infra"}, map[string]any{"from": "Same"}, true},
		{"of another, for all", &v1alpha1.GatewayReference{Name: "edge", Namespace: "infra"}, map[string]any{"from": "All"}, false},
		{"of another, for this one", &v1alpha1.GatewayReference{Name: "edge", Namespace: "infra"}, byName("shop"), false},
		{"of another, for a third", &v1alpha1.GatewayReference{Name: "edge", Namespace: "infra"}, byName("web"), true},
		{"that does not exist", &v1alpha1.GatewayReference{Name: "gone", Namespace: "infra"}, nil, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := &Reviewer{Reader: oneGateway{from: row.from}, Claims: &authority.Claims{Clock: clock.RealClock{}}}
			cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{
				SecretName: "s", DNSNames: []string{"a.example"}, IssuerRef: v1alpha1.IssuerReference{Name: "vault"}, GatewayRef: row.ref,
			}}
			cert.Namespace, cert.Name, cert.UID, cert.Generation = "shop", "c", "u", 1
			review, err := r.Review(t.Context(), cert, references.References{})
			if err != nil {
				t.Fatal(err)
			}
			if (review.NoGateway != nil) != row.refused || (review.Refused != nil) != row.refused || (len(review.Hosts) == 0) != row.refused {
				t.Errorf("no gateway: %v, refused: %v, hosts %v; want refused %t", review.NoGateway, review.Refused, review.Hosts, row.refused)
			}
			if row.refused && review.Refused.Reason != v1alpha1.ReasonRefNotPermitted {
				t.Errorf("reason %s", review.Refused.Reason)
			}
		})
	}
}
