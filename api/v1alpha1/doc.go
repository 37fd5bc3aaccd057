// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the API types of apisix-certs, group apisix-certs.io:
//
//   - ApisixCertificate: one certificate, its desired state (spec) and its observed state (status).
//   - VaultIssuer and ClusterVaultIssuer: where certificates come from.
//   - CertificatePolicy: which names, issuers, lifetimes and keys the certificates of a namespace may have.
//
// The package contains types only. The controllers that act on them are in controllers/.
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
