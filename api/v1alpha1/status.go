// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ApisixCertificateStatus is the observed state of a certificate.
type ApisixCertificateStatus struct {
	// ObservedGeneration is the generation of the spec that the conditions describe.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions are the conditions of the certificate. Ready summarizes Issued, Pushed and Served.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Hosts are the first names of the spec, for column HOSTS of kubectl get, such as "a.example, b.example +3".
	//
	// +optional
	Hosts string `json:"hosts,omitempty"`

	// Issued is the certificate that this object is responsible for: it was issued for this object, adopted with
	// consent, or provided and pushed. It is the certificate that this object may revoke and withdraw. It never
	// describes a certificate that was merely found in a Secret. Unset if there is none yet.
	//
	// +optional
	// +structType=atomic
	Issued IssuedCertificate `json:"issued,omitzero"`

	// ToRevoke are replaced certificates of this object that are still to be revoked, oldest first.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	ToRevoke []IssuedCertificate `json:"toRevoke,omitempty"`

	// RenewalTime is when the certificate will be renewed.
	//
	// +optional
	RenewalTime *metav1.Time `json:"renewalTime,omitempty"`

	// FailedAttempts counts the failures to issue since the last success or change of the spec.
	//
	// +optional
	FailedAttempts int32 `json:"failedAttempts,omitempty"`

	// LastFailureTime is when issuing last failed. Unset after a success.
	//
	// +optional
	LastFailureTime *metav1.Time `json:"lastFailureTime,omitempty"`

	// LastFailureReason is the reason of the condition when issuing last failed. Unset after a success.
	//
	// +optional
	LastFailureReason string `json:"lastFailureReason,omitempty"`

	// LastFailureMessage is the message of the condition when issuing last failed. Unset after a success.
	//
	// +optional
	LastFailureMessage string `json:"lastFailureMessage,omitempty"`

	// Warnings are differences between the request and the certificate that the issuer returned, such as a shorter
	// lifetime.
	//
	// +optional
	Warnings []string `json:"warnings,omitempty"`

	// OwnedNames are the DNS names that this certificate owns for its namespace: those of the spec, including a common
	// name that is a host, that no other namespace owns. A name is owned until the spec no longer contains it.
	//
	// +optional
	// +listType=atomic
	OwnedNames []string `json:"ownedNames,omitempty"`

	// References are the objects by which an ingress controller was seen to serve the Secret. An ssl object that an
	// ingress controller left at a gateway is removed only if it was made for one of these.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	References []ObjectReference `json:"references,omitempty"`

	// ApprovalRequest is the pending request for approval, set by the controller. Unset if there is none.
	//
	// +optional
	// +structType=atomic
	ApprovalRequest *ApprovalRequest `json:"approvalRequest,omitempty"`

	// Approval is the decision, set by "apisix-certs approve" and "apisix-certs deny". It is valid while its digest
	// matches the spec.
	//
	// +optional
	// +structType=atomic
	Approval *Approval `json:"approval,omitempty"`

	// KeyLocations are the locations in Vault of private keys of this certificate (spec.keyStorage VaultKV). A former
	// location is listed until the certificate is verified to be served from the new one and the keys at the former one
	// are deleted.
	//
	// +optional
	// +listType=atomic
	KeyLocations []KeyLocation `json:"keyLocations,omitempty"`

	// Gateways is what was pushed to each gateway and what it serves.
	//
	// +optional
	// +listType=atomic
	Gateways []GatewayStatus `json:"gateways,omitempty"`
}

// IssuedCertificate is the record of one certificate.
type IssuedCertificate struct {
	// SecretNamespace, SecretName and SecretUID identify the Secret that the certificate was written to or read from.
	//
	// +optional
	SecretNamespace string `json:"secretNamespace,omitempty"`
	// +optional
	SecretName string `json:"secretName,omitempty"`
	// +optional
	SecretUID types.UID `json:"secretUID,omitempty"`

	// Fingerprint is the SHA-256 of the certificate's DER, lower-case hex.
	//
	// +optional
	Fingerprint string `json:"fingerprint,omitempty"`

	// SerialNumber of the certificate, lower-case hex without colons.
	//
	// +optional
	SerialNumber string `json:"serialNumber,omitempty"`

	// Issuer that signed it, KIND/NAME. It is empty if the certificate was adopted or provided; such a certificate is
	// never revoked.
	//
	// +optional
	Issuer string `json:"issuer,omitempty"`

	// NotBefore and NotAfter are the validity period of the certificate.
	//
	// +optional
	NotBefore *metav1.Time `json:"notBefore,omitempty"`
	// +optional
	NotAfter *metav1.Time `json:"notAfter,omitempty"`

	// IssuedAt is when it was recorded.
	//
	// +optional
	IssuedAt *metav1.Time `json:"issuedAt,omitempty"`

	// Certificate is the leaf, PEM. It is only set in a list of certificates to revoke, for roles whose certificates
	// Vault does not store.
	//
	// +optional
	Certificate string `json:"certificate,omitempty"`
}

// IsZero reports whether nothing is recorded.
func (c IssuedCertificate) IsZero() bool { return c.Fingerprint == "" && c.SerialNumber == "" }

// ObjectReference names an object that refers to the Secret.
type ObjectReference struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// KeyLocation is the location of a certificate's private keys in Vault.
type KeyLocation struct {
	// Issuer through which the keys are written and deleted, KIND/NAME.
	Issuer string `json:"issuer"`

	// Mount of the key-value engine.
	Mount string `json:"mount"`

	// Path of the keys' folder below the mount: PATH/UID.
	Path string `json:"path"`
}

// GatewayStatus is the state of a certificate at one gateway.
type GatewayStatus struct {
	// Name of the gateway.
	Name string `json:"name"`

	// Mode is the push mode of this gateway: own, adopt or secret.
	//
	// +optional
	Mode string `json:"mode,omitempty"`

	// SSLID is the ID of the gateway's ssl object that contains the certificate.
	//
	// +optional
	SSLID string `json:"sslID,omitempty"`

	// PushedSerial is the serial number of the certificate in the gateway's ssl object.
	//
	// +optional
	PushedSerial string `json:"pushedSerial,omitempty"`

	// ServedSerial is the serial number seen in the last handshake with the gateway.
	//
	// +optional
	ServedSerial string `json:"servedSerial,omitempty"`
}

// Condition types of an ApisixCertificate. VaultIssuers have Ready, and CAExpiring.
const (
	// ConditionCAExpiring is True on an issuer whose CA expires within the time of flag --ca-expiry-warning.
	ConditionCAExpiring = "CAExpiring"
	// ConditionRevocationPending is True while a replaced certificate is not revoked although spec.revocationPolicy
	// requires it. It is absent otherwise.
	ConditionRevocationPending = "RevocationPending"
	// ConditionExpiring is True on a certificate with spec.provided that expires within 30, 7 or 1 days, as the reason
	// says. It is absent otherwise.
	ConditionExpiring = "Expiring"
	// ConditionReady is True if the certificate is valid, pushed and, where that can be verified, served.
	ConditionReady = "Ready"
	// ConditionIssued is True if the Secret contains a valid certificate that matches the spec.
	ConditionIssued = "Issued"
	// ConditionPushed is True if every gateway's ssl object contains the certificate.
	ConditionPushed = "Pushed"
	// ConditionServed is True if handshakes for every host presented the certificate, and Unknown if no TLS address of
	// the gateway is known.
	ConditionServed = "Served"
)
