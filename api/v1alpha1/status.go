// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

	// SerialNumber of the current certificate, lower-case hex without colons.
	//
	// +optional
	SerialNumber string `json:"serialNumber,omitempty"`

	// Fingerprint of the current certificate: SHA-256 of its DER, lower-case hex.
	//
	// +optional
	Fingerprint string `json:"fingerprint,omitempty"`

	// NotBefore and NotAfter bound the life of the current certificate.
	//
	// +optional
	NotBefore *metav1.Time `json:"notBefore,omitempty"`
	// +optional
	NotAfter *metav1.Time `json:"notAfter,omitempty"`

	// RenewalTime is when the current certificate will be renewed.
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

	// Warnings are what the issuer answered differently from what was asked, such as a shorter life.
	//
	// +optional
	Warnings []string `json:"warnings,omitempty"`

	// OwnedHosts are the DNS names of the spec that belong to this certificate. A host stays with the one that has it,
	// until that names it no longer.
	//
	// +optional
	OwnedHosts []string `json:"ownedHosts,omitempty"`

	// ApprovalRequest is what waits to be approved or denied, set by the controller. Unset: nothing does.
	//
	// +optional
	ApprovalRequest *ApprovalRequest `json:"approvalRequest,omitempty"`

	// Approval is the answer, set by "apisix-certs approve" and "deny". It holds as long as names and issuer stay as its
	// digest says.
	//
	// +optional
	Approval *Approval `json:"approval,omitempty"`

	// VaultKV are the places in Vault with private keys of this certificate (spec.keyStorage VaultKV). One that is not the
	// spec's any more is there until the certificate is proven to be served from its new place and the keys are deleted.
	//
	// +optional
	// +listType=atomic
	VaultKV []VaultKVPlace `json:"vaultKV,omitempty"`

	// Gateways tells, for each gateway, what was pushed and what is served.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	Gateways []GatewayStatus `json:"gateways,omitempty"`
}

// VaultKVPlace is where in a Vault private keys of one certificate are.
type VaultKVPlace struct {
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

// Condition types of an ApisixCertificate. VaultIssuers have Ready, and CAEnding.
const (
	// ConditionCAEnding is True on an issuer whose CA ends within the time of flag --ca-expiry-warning.
	ConditionCAEnding = "CAEnding"
	// ConditionRevoked is False while a certificate that was replaced is not revoked though spec.revocationPolicy asks for
	// it. There is none otherwise.
	ConditionRevoked = "Revoked"
	// ConditionExpiring is True on a certificate of spec.push that ends within 30, 7 or 1 days, which the reason tells.
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
