// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CertificatePolicy says which certificates the namespaces that it selects may have. Where there is any policy, a
// certificate that no single one allows is denied before its issuer is asked.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:scope=Cluster,shortName=certpolicy,categories=apisix-certs
// +kubebuilder:printcolumn:name="Names",type=string,JSONPath=`.spec.dnsNames`
// +kubebuilder:printcolumn:name="Approval",type=string,JSONPath=`.spec.approval`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type CertificatePolicy struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec CertificatePolicySpec `json:"spec"`
}

// CertificatePolicyList is a list of CertificatePolicies.
//
// +kubebuilder:object:root=true
type CertificatePolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CertificatePolicy `json:"items"`
}

// CertificatePolicySpec is what is allowed. All of it must fit.
//
// +kubebuilder:validation:XValidation:rule="!has(self.minDuration) || !has(self.maxDuration) || duration(self.minDuration) <= duration(self.maxDuration)",message="minDuration is above maxDuration"
type CertificatePolicySpec struct {
	// NamespaceSelector selects namespaces by their labels. Unset or empty: all.
	//
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// DNSNames are the names that are allowed, the common name included: a host; a wildcard "*.example.com", for all that
	// is below it at any depth, wildcards included, and not example.com itself; or "*" for all names.
	//
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	DNSNames []string `json:"dnsNames"`

	// AllowOtherNames allows IP addresses, URIs, e-mail addresses and a subject beside DNS names. Unset: false.
	//
	// +optional
	AllowOtherNames bool `json:"allowOtherNames,omitempty"`

	// Issuers are those that are allowed. Empty: none, so that only Secrets of spec.push are.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Issuers []PolicyIssuer `json:"issuers,omitempty"`

	// MinDuration and MaxDuration bound spec.duration, which a certificate must then have. Unset: no bound.
	//
	// +optional
	MinDuration *metav1.Duration `json:"minDuration,omitempty"`
	// +optional
	MaxDuration *metav1.Duration `json:"maxDuration,omitempty"`

	// PrivateKeys are the keys that are allowed. Empty: all.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	PrivateKeys []PolicyKey `json:"privateKeys,omitempty"`

	// Approval is Automatic, or Manual: each certificate waits until somebody who has the verb approve on this policy has
	// approved its names and issuer. Of several policies that allow a certificate an automatic one wins. Unset: Automatic.
	//
	// +optional
	// +kubebuilder:default=Automatic
	// +kubebuilder:validation:Enum=Automatic;Manual
	Approval ApprovalMode `json:"approval,omitempty"`
}

// ApprovalMode is who approves certificates.
type ApprovalMode string

// Modes of approval.
const (
	ApprovalAutomatic ApprovalMode = "Automatic"
	ApprovalManual    ApprovalMode = "Manual"
)

// PolicyIssuer is an issuer that is allowed.
type PolicyIssuer struct {
	// Group is the issuer's API group. Empty: apisix-certs.io, or cert-manager.io for the kinds Issuer and ClusterIssuer.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`
	// Kind of the issuer: VaultIssuer, ClusterVaultIssuer, Issuer or ClusterIssuer, or one of another group.
	//
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
	Kind string `json:"kind"`
	// Name of the issuer, or "*" for all of the kind.
	//
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}

// PolicyKey is a kind of private keys that is allowed.
type PolicyKey struct {
	// +kubebuilder:validation:Enum=RSA;ECDSA;Ed25519
	Algorithm string `json:"algorithm"`
	// Sizes in bits. Empty: all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Sizes []int32 `json:"sizes,omitempty"`
}

// ApprovalRequest is a certificate that waits to be approved.
type ApprovalRequest struct {
	// Policy is the CertificatePolicy that wants it.
	Policy string `json:"policy"`
	// Digest identifies names and issuer.
	Digest string `json:"digest"`
}

// Approval is the answer to an ApprovalRequest.
type Approval struct {
	// Decision is Approved or Denied.
	//
	// +kubebuilder:validation:Enum=Approved;Denied
	Decision ApprovalDecision `json:"decision"`
	// Policy and Digest are those of the request.
	Policy string `json:"policy"`
	Digest string `json:"digest"`
	// By is the user who decided, as the API server knows them.
	By string `json:"by"`
	// Message is what the user said about it.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=500
	Message string `json:"message,omitempty"`
}

// ApprovalDecision is what somebody decided.
type ApprovalDecision string

// Decisions.
const (
	Approved ApprovalDecision = "Approved"
	Denied   ApprovalDecision = "Denied"
)
