// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the API types of apisix-certs, group apisix-certs.io:
//
//   - ApisixCertificate: one certificate, what is wanted (spec) and how it stands (status).
//   - VaultIssuer and ClusterVaultIssuer: where certificates come from.
//   - CertificatePolicy: which namespaces may have which names, issuers, lives and keys.
//
// It holds data only: what the fields mean is said here, what is done about them is in controllers/.
//
// +kubebuilder:object:generate=true
// +groupName=apisix-certs.io
package v1alpha1

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// GroupVersion is the group and version of all types of this package.
var GroupVersion = schema.GroupVersion{Group: "apisix-certs.io", Version: "v1alpha1"}

// AddToScheme registers the types of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&ApisixCertificate{}, &ApisixCertificateList{},
		&VaultIssuer{}, &VaultIssuerList{},
		&ClusterVaultIssuer{}, &ClusterVaultIssuerList{},
		&CertificatePolicy{}, &CertificatePolicyList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
