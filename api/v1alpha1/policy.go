// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CertificatePolicy says which certificates the namespaces that it selects may have. Where there is any policy, or with
// flag --require-policy, a certificate that no single one allows is denied before anything is issued or pushed for it.
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
// +kubebuilder:validation:XValidation:rule="!has(self.vaultKV) || (has(self.keyStorages) && 'VaultKV' in self.keyStorages)",message="vaultKV needs VaultKV in keyStorages"
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

	// AllowOtherNames allows IP addresses, URIs and e-mail addresses beside DNS names, and a subject where subject does not
	// bound it. Unset: false.
	//
	// +optional
	AllowOtherNames bool `json:"allowOtherNames,omitempty"`

	// Subject bounds spec.subject. Unset: any subject with allowOtherNames, none without.
	//
	// +optional
	Subject *PolicySubject `json:"subject,omitempty"`

	// Issuers are those that are allowed. Empty: none, so that only Secrets of spec.provided are.
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

	// Usages are the key usages and extended key usages that are allowed, with the names of spec.usages; "*": all. A
	// certificate without spec.usages has digital signature, key encipherment and server auth. Unset: these three.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:Enum={"*","any","cert sign","client auth","code signing","content commitment","crl sign","data encipherment","decipher only","digital signature","email protection","encipher only","ipsec end system","ipsec tunnel","ipsec user","key agreement","key encipherment","microsoft sgc","netscape sgc","ocsp signing","s/mime","server auth","signing","timestamping"}
	Usages []string `json:"usages,omitempty"`

	// IngressClassNames are the values of spec.ingressClassName that are allowed, and so the gateways: a name, "" for
	// certificates without a class, Gateway/NAMESPACE/NAME for those with this spec.gatewayRef, "*" for all. Unset: all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=325
	// +kubebuilder:validation:items:Pattern=`^(\*|(Gateway/[a-z0-9-]+/)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$`
	IngressClassNames []string `json:"ingressClassNames,omitempty"`

	// KeyStorages are the values of spec.keyStorage that are allowed. Unset: Secret.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=3
	// +kubebuilder:validation:items:Enum=Secret;Gateway;VaultKV
	KeyStorages []KeyStorage `json:"keyStorages,omitempty"`

	// VaultKV are the locations in Vault that are allowed with key storage VaultKV. Unset: mount kv, path apisix-certs, the
	// defaults of spec.vaultKV.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	VaultKV []PolicyVaultKV `json:"vaultKV,omitempty"`

	// MaxCertificates is how many ApisixCertificates a namespace may have, those that other policies allow or none
	// included. The oldest are allowed, so that a new one never takes from an old one. Unset: no bound.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxCertificates *int32 `json:"maxCertificates,omitempty"`

	// Approval is Automatic, or Manual: each certificate waits until a user with the verb approve on this policy has approved it.
	// Of several policies that allow a certificate an automatic one wins. Unset: Automatic.
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

// PolicySubject lists, for each attribute of a subject, the values that are allowed; "*": all. Unset: none.
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

// PolicyVaultKV is a location in Vault that is allowed: MOUNT/PATH and all that is below it.
type PolicyVaultKV struct {
	// Mount of the key-value engine.
	//
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$`
	// +kubebuilder:validation:MaxLength=128
	Mount string `json:"mount"`
	// Path below the mount. Empty: all of the mount.
	//
	// +optional
	// +kubebuilder:validation:Pattern=`^([a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*)?$`
	// +kubebuilder:validation:MaxLength=128
	Path string `json:"path,omitempty"`
}

// ApprovalRequest is a certificate that waits to be approved.
type ApprovalRequest struct {
	// Policy is the CertificatePolicy that wants it.
	Policy string `json:"policy"`
	// Digest identifies what is to be approved: what the issuer gets to see, and where certificate and key go.
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
