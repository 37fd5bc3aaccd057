// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// ApisixCertificateStatus is how a certificate stands.
type ApisixCertificateStatus struct {
	// ObservedGeneration is the generation of the spec that the conditions speak of.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions: Ready sums up Issued, Pushed and Served.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Hosts are the first names of the spec for column HOSTS of kubectl get, such as "a.example, b.example +3".
	//
	// +optional
	Hosts string `json:"hosts,omitempty"`

	// Issued is the certificate that this object is responsible for: the one that was issued for it, adopted by consent, or
	// provided and delivered. It is what this object may revoke, withdraw and recognize as its own. It never describes a
	// certificate that was merely found in a Secret. Unset: there is none yet.
	//
	// +optional
	Issued IssuedCertificate `json:"issued,omitzero"`

	// ToRevoke are certificates that this object held and has replaced, and that are still to be revoked, the oldest first.
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

	// LastFailureReason and LastFailureMessage say why issuing last failed, in the words of the condition. Unset after a
	// success.
	//
	// +optional
	LastFailureReason string `json:"lastFailureReason,omitempty"`

	// LastFailureMessage is the message of LastFailureReason.
	//
	// +optional
	LastFailureMessage string `json:"lastFailureMessage,omitempty"`

	// Warnings are what the issuer answered differently from what was asked, such as a shorter life.
	//
	// +optional
	Warnings []string `json:"warnings,omitempty"`

	// OwnedNames are the DNS names that belong to the namespace by this certificate: those of the spec, a common name that is
	// a host among them, that no other namespace has. A name stays with its owner until the spec names it no longer.
	//
	// +optional
	// +listType=atomic
	OwnedNames []string `json:"ownedNames,omitempty"`

	// References are the objects by which an ingress controller was seen to serve the Secret. What an ingress controller left
	// behind at a gateway is removed only where it was made for one of these.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	References []ObjectReference `json:"references,omitempty"`

	// ApprovalRequest is what waits to be approved or denied, set by the controller. Unset: nothing does.
	//
	// +optional
	ApprovalRequest *ApprovalRequest `json:"approvalRequest,omitempty"`

	// Approval is the decision, set by "apisix-certs approve" and "deny". It holds as long as its digest is that of
	// the spec.
	//
	// +optional
	Approval *Approval `json:"approval,omitempty"`

	// VaultKV are the places in Vault with private keys of this certificate (spec.keyStorage VaultKV). One that is not the
	// spec's any more is there until the certificate is proven to be served from its new place and the keys are deleted.
	//
	// +optional
	// +listType=atomic
	KeyLocations []KeyLocation `json:"keyLocations,omitempty"`

	// Gateways tells, for each gateway, what was pushed and what is served.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
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

	// Issuer that signed it, KIND/NAME. Empty: it was adopted or provided, and is never revoked.
	//
	// +optional
	Issuer string `json:"issuer,omitempty"`

	// NotBefore and NotAfter bound the life of the certificate.
	//
	// +optional
	NotBefore *metav1.Time `json:"notBefore,omitempty"`
	// +optional
	NotAfter *metav1.Time `json:"notAfter,omitempty"`

	// IssuedAt is when it was recorded.
	//
	// +optional
	IssuedAt *metav1.Time `json:"issuedAt,omitempty"`

	// Certificate is the leaf, PEM. It is only kept in a list of what is to be revoked, for roles whose Vault stores none.
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

// KeyLocation is where in a Vault private keys of one certificate are.
type KeyLocation struct {
	// Issuer through which they are written and deleted, KIND/NAME.
	Issuer string `json:"issuer"`

	// Mount of the key-value engine.
	Mount string `json:"mount"`

	// Path of their folder below the mount: PATH/UID.
	Path string `json:"path"`
}

// GatewayStatus is how a certificate stands at one gateway.
type GatewayStatus struct {
	// Name of the gateway.
	Name string `json:"name"`

	// Mode in which certificates reach this gateway: own, adopt or secret.
	//
	// +optional
	Mode string `json:"mode,omitempty"`

	// SSLID is the id of the gateway's ssl object that holds the certificate.
	//
	// +optional
	SSLID string `json:"sslID,omitempty"`

	// PushedSerial is the serial number of the certificate that the gateway's ssl object holds.
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
	// ConditionCAExpiring is True on an issuer whose CA ends within the time of flag --ca-expiry-warning.
	ConditionCAExpiring = "CAExpiring"
	// ConditionRevocationPending is False while a certificate that was replaced is not revoked though spec.revocationPolicy asks for
	// it. There is none otherwise.
	ConditionRevocationPending = "RevocationPending"
	// ConditionExpiring is True on a certificate of spec.provided that ends within 30, 7 or 1 days, which the reason tells.
	// There is none otherwise.
	ConditionExpiring = "Expiring"
	// ConditionReady is True when the certificate is valid, pushed and, where that can be seen, served.
	ConditionReady = "Ready"
	// ConditionIssued is True when the Secret holds a valid certificate as specified.
	ConditionIssued = "Issued"
	// ConditionPushed is True when every gateway's ssl object holds the certificate.
	ConditionPushed = "Pushed"
	// ConditionServed is True when handshakes for every host showed the certificate, Unknown where no TLS address of
	// the gateway is known.
	ConditionServed = "Served"
)
