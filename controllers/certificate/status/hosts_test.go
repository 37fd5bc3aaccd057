// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func TestHosts(t *testing.T) {
	for want, spec := range map[string]v1alpha1.ApisixCertificateSpec{
		"":                        {},
		"a.example":               {DNSNames: []string{"a.example"}, CommonName: "a.example"},
		"a.example, *.b.example":  {DNSNames: []string{"a.example", "*.b.example"}},
		"a.example, b.example +3": {DNSNames: []string{"a.example", "b.example", "c.example", "d.example", "e.example"}},
		"agent, 10.0.0.1 +1":      {CommonName: "agent", IPAddresses: []string{"10.0.0.1"}, URIs: []string{"spiffe://x/agent"}},
		"10.0.0.1, ops@a.example": {IPAddresses: []string{"10.0.0.1"}, EmailAddresses: []string{"ops@a.example"}},
	} {
		if got := hosts(&spec); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
