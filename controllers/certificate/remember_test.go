// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// TestMustRemember: what is to be revoked is known by status alone once its Secret is gone.
func TestMustRemember(t *testing.T) {
	for _, row := range []struct {
		name   string
		policy v1alpha1.RevocationPolicy
		secret *corev1.Secret
		push   bool
		want   bool
	}{
		{"to be revoked, the Secret is gone", v1alpha1.RevokeOnDelete, nil, false, true},
		{"and on replacement", v1alpha1.RevokeOnReplace, nil, false, true},
		{"the Secret is there", v1alpha1.RevokeOnDelete, &corev1.Secret{}, false, false},
		{"never revoked", v1alpha1.RevokeNever, nil, false, false},
		{"no policy", "", nil, false, false},
		{"of somebody else", v1alpha1.RevokeOnDelete, nil, true, false},
	} {
		cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{RevocationPolicy: row.policy, Push: row.push}}
		o := observed{cert: cert, secret: row.secret}
		if got := o.mustRemember(); got != row.want {
			t.Errorf("%s: %t", row.name, got)
		}
	}
}
