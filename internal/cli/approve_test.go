// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/policy"
)

func TestApprovalFor(t *testing.T) {
	spec := v1alpha1.ApisixCertificateSpec{DNSNames: []string{"a.example"}, IssuerRef: v1alpha1.IssuerReference{Name: "vault"}}
	digest := policy.Digest(&v1alpha1.ApisixCertificate{Spec: spec})
	for _, c := range []struct {
		name   string
		status v1alpha1.ApisixCertificateStatus
		policy string
		fails  string // empty: not
	}{
		{"it waits", v1alpha1.ApisixCertificateStatus{ApprovalRequest: &v1alpha1.ApprovalRequest{Policy: "p", Digest: digest}}, "p", ""},
		{"it waits again", v1alpha1.ApisixCertificateStatus{
			ApprovalRequest: &v1alpha1.ApprovalRequest{Policy: "p", Digest: digest}, Approval: &v1alpha1.Approval{Policy: "old", Digest: "old"},
		}, "p", ""},
		{"another decision", v1alpha1.ApisixCertificateStatus{Approval: &v1alpha1.Approval{Decision: v1alpha1.Denied, Policy: "p", Digest: digest}}, "p", ""},
		{"nothing waits", v1alpha1.ApisixCertificateStatus{}, "", "is not waiting for approval"},
		{"changed meanwhile", v1alpha1.ApisixCertificateStatus{ApprovalRequest: &v1alpha1.ApprovalRequest{Policy: "p", Digest: "of other names"}}, "", "has changed"},
	} {
		approval, err := approvalFor(&v1alpha1.ApisixCertificate{Spec: spec, Status: c.status})
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || approval.Policy != c.policy || approval.Digest != digest || approval.Decision != "" {
			t.Errorf("%s: %+v, %v", c.name, approval, err)
		}
	}
}
