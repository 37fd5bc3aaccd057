// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"testing"
	"time"

	vaultapi "github.com/hashicorp/vault/api"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// TestVaultGrantsLess: a life that is shorter than asked for is taken with a warning where none is there, and not where a
// certificate is there that lasts longer.
func TestVaultGrantsLess(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	s.certificate("there", []string{"there." + s.domain}, own(lives(48*time.Hour)))
	old := s.ready("there", "there."+s.domain)

	role := map[string]any{"allowed_domains": "moelove.info", "allow_subdomains": true, "key_type": "any", "max_ttl": "0"}
	v.write("int/roles/web", role)
	s.must(v.Client().Sys().TuneMountAllowNilWithContext(t.Context(), "int", vaultapi.TuneMountConfigInput{MaxLeaseTTL: ptr.To("1h")}))
	s.certificate("first", []string{"first." + s.domain}, own(lives(48*time.Hour)))
	s.ready("first", "first."+s.domain)
	if w := s.cert("first").Status.Warnings; len(w) != 1 || w[0] != "the issuer granted 1h0m0s of the 48h0m0s requested" {
		t.Errorf("warnings %q", w)
	}
	s.renew("there")
	ends := old.NotAfter.UTC().Format(time.RFC3339)
	s.condition("there", v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonRenewalFailing, "response rejected", "1h0m0s of the 48h0m0s", ends, "spec.duration")
	s.condition("there", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRenewalFailing)
	s.stillServed("there."+s.domain, old)

	// Where the role tells, Vault is not asked in vain.
	role["max_ttl"] = "1h"
	v.write("int/roles/web", role)
	v.look()
	s.condition("there", v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonRenewalFailing, "renewal skipped", "1h0m0s of the 48h0m0s", ends)
	before := v.count("/sign/")
	s.annotate(&v1alpha1.ApisixCertificate{}, "there", "example.com/look", "again")
	time.Sleep(6 * time.Second) // the first retry would be by now
	if n := v.count("/sign/") - before; n != 0 {
		t.Errorf("asked %d times in vain", n)
	}
	s.stillServed("there."+s.domain, old)

	s.must(v.Client().Sys().TuneMountAllowNilWithContext(t.Context(), "int", vaultapi.TuneMountConfigInput{MaxLeaseTTL: ptr.To("1000h")}))
	v.role("moelove.info")
	v.look()
	s.readyBut("there", certs.Serial(old), "there."+s.domain)
}
