// SPDX-License-Identifier: Apache-2.0

package triggers

import (
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/tlssecret"
)

// Indexes of ApisixCertificates.
const (
	indexAway     = "secretAway"  // namespace of a Secret, if it is not the certificate's
	indexToken    = "tokenSecret" // NAMESPACE/NAME of spec.vaultKV.tokenSecretRef
	indexPassword = "password"    // NAMESPACE/NAME of a Secret with the password of a keystore
	indexIssuer   = "issuerRef"   // KIND/NAMESPACE/NAME, the namespace empty for a ClusterVaultIssuer
)

func tokenKeys(object client.Object) []string {
	kv := object.(*v1alpha1.ApisixCertificate).Spec.VaultKV
	if kv == nil {
		return nil
	}
	return []string{object.GetNamespace() + "/" + kv.TokenSecretRef.Name}
}

func issuerKeys(object client.Object) []string {
	spec := object.(*v1alpha1.ApisixCertificate).Spec
	if spec.Provided {
		return nil
	}
	ref := spec.IssuerRef.WithKind()
	if ref.ClusterWide() {
		return []string{ref.Kind + "//" + ref.Name}
	}
	return []string{ref.QualifiedKind() + "/" + object.GetNamespace() + "/" + ref.Name}
}

func passwordKeys(object client.Object) []string {
	return tlssecret.PasswordSecrets(object.(*v1alpha1.ApisixCertificate))
}

// awayKeys returns the namespace of a Secret that is not in the certificate's own.
func awayKeys(object client.Object) []string {
	if cert := object.(*v1alpha1.ApisixCertificate); !certspec.SameNamespace(cert) {
		return []string{cert.Spec.SecretNamespace}
	}
	return nil
}
