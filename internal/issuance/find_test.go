// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/internal/finding"
)

func TestFind(t *testing.T) {
	s := newScene(t)
	mine, everywhere := &v1alpha1.VaultIssuer{}, &v1alpha1.ClusterVaultIssuer{}
	mine.Namespace, mine.Name, everywhere.Name = "ns", "mine", "everywhere"
	foreign := func(kind, name string, spec map[string]any) *unstructured.Unstructured {
		u := issuer.NewCertManagerIssuer(kind)
		u.SetName(name)
		if kind == v1alpha1.KindIssuer {
			u.SetNamespace("ns")
		}
		u.Object["spec"] = spec
		return u
	}
	for _, create := range []func() error{
		func() error { return s.issuers.Client.Create(t.Context(), mine) },
		func() error { return s.issuers.Client.Create(t.Context(), everywhere) },
		func() error {
			return s.issuers.Client.Create(t.Context(), foreign(v1alpha1.KindIssuer, "ca", map[string]any{"ca": map[string]any{}}))
		},
		func() error {
			return s.issuers.Client.Create(t.Context(), foreign(v1alpha1.KindClusterIssuer, "bad", map[string]any{"vault": "no object"}))
		},
	} {
		if err := create(); err != nil {
			t.Fatal(err)
		}
	}
	manager := func(kind, name string) v1alpha1.IssuerReference {
		return v1alpha1.IssuerReference{Group: v1alpha1.GroupCertManager, Kind: kind, Name: name}
	}
	for _, c := range []struct {
		ref   v1alpha1.IssuerReference
		found bool
		by    bool // by a request
	}{
		{v1alpha1.IssuerReference{Name: "mine"}, true, false},
		{v1alpha1.IssuerReference{Name: "everywhere"}, false, false},
		{v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterVaultIssuer, Name: "everywhere"}, true, false},
		{manager(v1alpha1.KindIssuer, "ca"), true, true},
		{manager(v1alpha1.KindClusterIssuer, "ca"), false, false},
		{v1alpha1.IssuerReference{Group: "awspca.cert-manager.io", Kind: "AWSPCAIssuer", Name: "any"}, true, true},
	} {
		found, err := s.issuers.Find(t.Context(), "ns", c.ref)
		if err != nil || (found != nil) != c.found {
			t.Errorf("%s: %v, %v", c.ref, found, err)
		}
		s.order.Issuer = found
		if state := s.observe(t); state.ByRequest != c.by {
			t.Errorf("%s: by request %v", c.ref, state.ByRequest)
		}
	}
	_, err := s.issuers.Find(t.Context(), "ns", manager(v1alpha1.KindClusterIssuer, "bad"))
	if f := (*finding.Finding)(nil); !errors.As(err, &f) || f.Reason != v1alpha1.ReasonIssuerNotReady {
		t.Errorf("%v", err)
	}
}
