// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CertificatePolicy defines which certificates the selected namespaces may have. If any policy exists, or with flag
// --require-policy, a certificate must be allowed by at least one policy. It is denied otherwise, before anything is
// issued or pushed.
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

// CertificatePolicySpec is what the policy allows. A certificate must satisfy every field.
//
// +kubebuilder:validation:XValidation:rule="!has(self.vaultKV) || (has(self.keyStorages) && 'VaultKV' in self.keyStorages)",message="vaultKV requires VaultKV in keyStorages"
// +kubebuilder:validation:XValidation:rule="!has(self.minDuration) || !has(self.maxDuration) || duration(self.minDuration) <= duration(self.maxDuration)",message="minDuration must not exceed maxDuration"
type CertificatePolicySpec struct {
	// NamespaceSelector selects namespaces by their labels. If it is unset or empty, it selects all.
	//
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// DNSNames are the allowed names, including the common name. Each is a host, a wildcard or "*" for all names. The
	// wildcard "*.example.com" allows all names below example.com at any depth, including wildcards, but not
	// example.com itself.
	//
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	DNSNames []string `json:"dnsNames"`

	// AllowOtherNames allows IP addresses, URIs and email addresses in addition to DNS names, and any subject unless
	// the field subject is set. Defaults to false.
	//
	// +optional
	AllowOtherNames bool `json:"allowOtherNames,omitempty"`

	// Subject restricts spec.subject. If it is unset, any subject is allowed with allowOtherNames, and none without.
	//
	// +optional
	Subject *PolicySubject `json:"subject,omitempty"`

	// Issuers are the allowed issuers. If there are none, only certificates with spec.provided are allowed.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Issuers []PolicyIssuer `json:"issuers,omitempty"`

	// MinDuration and MaxDuration are the bounds of spec.duration, which is required if either is set.
	//
	// +optional
	MinDuration *metav1.Duration `json:"minDuration,omitempty"`
	// +optional
	MaxDuration *metav1.Duration `json:"maxDuration,omitempty"`

	// PrivateKeys are the allowed private keys. If there are none, all are allowed.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	PrivateKeys []PolicyKey `json:"privateKeys,omitempty"`

	// Usages are the allowed key usages and extended key usages, with the names of spec.usages, or "*" for all. A
	// certificate without spec.usages has digital signature, key encipherment and server auth. Defaults to these three.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:Enum={"*","any","cert sign","client auth","code signing","content commitment","crl sign","data encipherment","decipher only","digital signature","email protection","encipher only","ipsec end system","ipsec tunnel","ipsec user","key agreement","key encipherment","microsoft sgc","netscape sgc","ocsp signing","s/mime","server auth","signing","timestamping"}
	Usages []string `json:"usages,omitempty"`

	// IngressClassNames are the allowed values of spec.ingressClassName, which select the gateways: a name, "" for
	// certificates without a class, Gateway/NAMESPACE/NAME for those with this spec.gatewayRef, or "*" for all.
	// Defaults to all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=325
	// +kubebuilder:validation:items:Pattern=`^(\*|(Gateway/[a-z0-9-]+/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$`
	IngressClassNames []string `json:"ingressClassNames,omitempty"`

	// KeyStorages are the allowed values of spec.keyStorage. Defaults to Secret.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +kubebuilder:validation:items:Enum=Secret;Gateway;VaultKV
	KeyStorages []KeyStorage `json:"keyStorages,omitempty"`

	// VaultKV are the allowed locations in Vault for key storage VaultKV. Defaults to mount kv and path apisix-certs,
	// which are also the defaults of spec.vaultKV.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	VaultKV []PolicyVaultKV `json:"vaultKV,omitempty"`

	// MaxCertificates is the maximum number of ApisixCertificates in a namespace, including those that other policies
	// or none allow. The oldest are allowed, so a new certificate never displaces an existing one. Unlimited if unset.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxCertificates *int32 `json:"maxCertificates,omitempty"`

	// Approval is Automatic or Manual. With Manual each certificate waits until a user with the verb approve on this
	// policy approves it. If several policies allow a certificate, one with Automatic is preferred. Defaults to
	// Automatic.
	//
	// +optional
	// +kubebuilder:default=Automatic
	// +kubebuilder:validation:Enum=Automatic;Manual
	Approval ApprovalMode `json:"approval,omitempty"`
}

// ApprovalMode is whether certificates are approved automatically or by a user.
type ApprovalMode string

// Modes of approval.
const (
	ApprovalAutomatic ApprovalMode = "Automatic"
	ApprovalManual    ApprovalMode = "Manual"
)

// PolicyIssuer is an allowed issuer.
type PolicyIssuer struct {
	// Group is the issuer's API group. Defaults to cert-manager.io for the kinds Issuer and ClusterIssuer, and to
	// apisix-certs.io for all others.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	Group string `json:"group,omitempty"`
	// Kind of the issuer: VaultIssuer, ClusterVaultIssuer, Issuer, ClusterIssuer, or a kind of another group.
	//
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
	Kind string `json:"kind"`
	// Name of the issuer, or "*" for all of this kind.
	//
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}

// PolicyKey is an allowed kind of private key.
type PolicyKey struct {
	// +kubebuilder:validation:Enum=RSA;ECDSA;Ed25519
	Algorithm string `json:"algorithm"`
	// Sizes in bits. If there are none, all are allowed.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Sizes []int32 `json:"sizes,omitempty"`
}

// PolicySubject lists the allowed values of each attribute of a subject, or "*" for all. If an attribute is unset, no
// value is allowed.
type PolicySubject struct {
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	Organizations []string `json:"organizations,omitempty"`
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	OrganizationalUnits []string `json:"organizationalUnits,omitempty"`
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	Countries []string `json:"countries,omitempty"`
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	Localities []string `json:"localities,omitempty"`
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	Provinces []string `json:"provinces,omitempty"`
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	StreetAddresses []string `json:"streetAddresses,omitempty"`
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	PostalCodes []string `json:"postalCodes,omitempty"`
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=100
	SerialNumbers []string `json:"serialNumbers,omitempty"`
}

// PolicyVaultKV is an allowed location in Vault: MOUNT/PATH and everything below it.
type PolicyVaultKV struct {
	// Mount of the key-value engine.
	//
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$`
	// +kubebuilder:validation:MaxLength=128
	Mount string `json:"mount"`
	// Path below the mount. Defaults to the whole mount.
	//
	// +optional
	// +kubebuilder:validation:Pattern=`^([a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*)?$`
	// +kubebuilder:validation:MaxLength=128
	Path string `json:"path,omitempty"`
}

// ApprovalRequest is a request to approve a certificate.
type ApprovalRequest struct {
	// Policy is the CertificatePolicy that requires the approval.
	Policy string `json:"policy"`
	// Digest identifies what is to be approved: the content of the request to the issuer, and where certificate and key
	// are stored.
	Digest string `json:"digest"`
}

// Approval is the decision on an ApprovalRequest.
type Approval struct {
	// Decision is Approved or Denied.
	//
	// +kubebuilder:validation:Enum=Approved;Denied
	Decision ApprovalDecision `json:"decision"`
	// Policy and Digest are those of the request.
	Policy string `json:"policy"`
	Digest string `json:"digest"`
	// By is the user who decided, as authenticated by the API server.
	By string `json:"by"`
	// Message is the user's comment on the decision.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=500
	Message string `json:"message,omitempty"`
}

// ApprovalDecision is the outcome of an ApprovalRequest.
type ApprovalDecision string

// Decisions on an ApprovalRequest.
const (
	Approved ApprovalDecision = "Approved"
	Denied   ApprovalDecision = "Denied"
)
