// SPDX-License-Identifier: Apache-2.0

package references

import (
	"context"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// TestClients: a Secret with a client certificate is in use as long as an object lives by which APISIX is a client with it, and counts
// for no gateway. One of another namespace counts with a ReferenceGrant.
func TestClients(t *testing.T) {
	for _, c := range []struct {
		name    string
		client  gateway.Reference
		granted bool
		inUse   string
	}{
		{"lives", gateway.Reference{Kind: "ApisixUpstream", Namespace: "ns", Name: "api"}, false, "ApisixUpstream ns/api"},
		{"is being deleted", gateway.Reference{Kind: "ApisixUpstream", Namespace: "ns", Name: "api", Terminating: true}, false, ""},
		{"of another namespace", gateway.Reference{Kind: "ApisixUpstream", Namespace: "other", Name: "api"}, false, ""},
		{"of another namespace, granted", gateway.Reference{Kind: "ApisixUpstream", Namespace: "other", Name: "api"}, true, "ApisixUpstream other/api"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &Finder{
				Uses: func(context.Context, string, string) ([]gateway.Reference, error) { return nil, nil },
				Clients: func(context.Context, string, string) ([]gateway.Reference, error) {
					return []gateway.Reference{c.client}, nil
				},
				Granted: func(context.Context, string, string, string, string) (bool, error) { return c.granted, nil },
			}
			cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{SecretName: "s"}}
			cert.Namespace = "ns"
			found, err := f.Of(t.Context(), cert)
			if err != nil || found.InUse() != c.inUse {
				t.Errorf("in use by %q, error %v", found.InUse(), err)
			}
			if len(found.Uses)+len(found.Recorded(nil)) > 0 {
				t.Errorf("served by %v", found.Uses)
			}
		})
	}
}
