// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ApisixCertificate is one certificate of an APISIX gateway: issued by Vault, kept in a Secret, pushed to the
// gateway and proven to be served.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=acert,categories=apisix-certs
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Hosts",type=string,JSONPath=`.status.hosts`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.issued.notAfter`
// +kubebuilder:printcolumn:name="Served",type=string,JSONPath=`.status.conditions[?(@.type=="Served")].status`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Secret",type=string,priority=1,JSONPath=`.spec.secretName`
// +kubebuilder:printcolumn:name="Issuer",type=string,priority=1,JSONPath=`.spec.issuerRef.name`
// +kubebuilder:printcolumn:name="Renews",type=string,priority=1,JSONPath=`.status.renewalTime`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type ApisixCertificate struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ApisixCertificateSpec   `json:"spec"`
	Status ApisixCertificateStatus `json:"status,omitempty"`
}

// ApisixCertificateList is a list of ApisixCertificates.
//
// +kubebuilder:object:root=true
type ApisixCertificateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ApisixCertificate `json:"items"`
}

// ApisixCertificateSpec is what is wanted. Its fields have the names and meaning of cert-manager's Certificate.
//
// +kubebuilder:validation:XValidation:rule="has(self.commonName) || has(self.dnsNames) || has(self.ipAddresses) || has(self.uris) || has(self.emailAddresses)",message="the certificate is for nobody: set spec.dnsNames (or commonName, ipAddresses, uris, emailAddresses)"
// +kubebuilder:validation:XValidation:rule="!(has(self.renewBefore) && has(self.renewBeforePercentage))",message="renewBefore and renewBeforePercentage exclude each other: keep one"
// +kubebuilder:validation:XValidation:rule="!has(self.duration) || duration(self.duration) > duration('0s')",message="duration must be above zero"
// +kubebuilder:validation:XValidation:rule="!has(self.renewBefore) || duration(self.renewBefore) > duration('0s')",message="renewBefore must be above zero"
// +kubebuilder:validation:XValidation:rule="!has(self.renewalWindows) || self.renewalWindows.all(w, duration(w.duration) > duration('0s'))",message="renewalWindows[].duration must be above zero"
// +kubebuilder:validation:XValidation:rule="(has(self.keyStorage) && self.keyStorage == 'VaultKV') == has(self.vaultKV)",message="vaultKV belongs to keyStorage: VaultKV, which needs it"
// +kubebuilder:validation:XValidation:rule="!has(self.keyStorage) || self.keyStorage == 'Secret' || has(self.dnsNames)",message="keyStorage other than Secret needs dnsNames: without a host nothing is put at a gateway, and the key would be nowhere"
// +kubebuilder:validation:XValidation:rule="!has(self.keyStorage) || self.keyStorage == 'Secret' || !has(self.privateKey) || !has(self.privateKey.rotationPolicy) || self.privateKey.rotationPolicy != 'Never'",message="privateKey.rotationPolicy Never needs keyStorage: Secret, as a key kept elsewhere cannot be read to be used again"
// +kubebuilder:validation:XValidation:rule="has(self.issuerRef) != (has(self.provided) && self.provided)",message="name an issuer in issuerRef, or or set provided: true for a Secret that is issued elsewhere, and not both"
// +kubebuilder:validation:XValidation:rule="!has(self.provided) || !self.provided || has(self.dnsNames)",message="provided needs dnsNames: the hosts that the certificate in the Secret is for"
// +kubebuilder:validation:XValidation:rule="!has(self.provided) || !self.provided || !(has(self.commonName) || has(self.ipAddresses) || has(self.uris) || has(self.emailAddresses) || has(self.subject) || has(self.duration) || has(self.renewBefore) || has(self.renewBeforePercentage) || has(self.renewalWindows) || has(self.renewalPolicy) || has(self.usages) || has(self.privateKey) || has(self.keyStorage) || has(self.secretTemplate) || has(self.secretRetention) || has(self.revocationPolicy) || has(self.additionalOutputFormats) || has(self.keystores))",message="provided allows only secretName, secretNamespace, dnsNames, ingressClassName and gatewayRef: everything else is in the Secret"
// +kubebuilder:validation:XValidation:rule="!has(self.gatewayRef) || !has(self.ingressClassName) || size(self.ingressClassName) == 0",message="gatewayRef and ingressClassName exclude each other: keep one"
// +kubebuilder:validation:XValidation:rule="!has(self.gateways) || self.gateways != 'None' || !((has(self.provided) && self.provided) || has(self.gatewayRef) || (has(self.keyStorage) && self.keyStorage != 'Secret'))",message="gateways: None requires keyStorage: Secret, and excludes provided and gatewayRef: nothing would be done, or no one would hold the key"
type ApisixCertificateSpec struct {
	// SecretName is the Secret, in this namespace, of type kubernetes.io/tls that holds the certificate (tls.crt, PEM,
	// leaf first), its private key (tls.key, PEM) and the CA (ca.crt, PEM). With another keyStorage than Secret it is of
	// type Opaque and has no tls.key.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName"`

	// SecretNamespace is the namespace of the Secret where it is not this one. It is set for an ApisixTls, an ApisixUpstream, a Gateway or a
	// ListenerSet that names such a Secret: there must be one in this namespace, and a ReferenceGrant (gateway.networking.k8s.io) in the
	// Secret's namespace that lets those of its kind in this one refer to it. Empty: this namespace.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	SecretNamespace string `json:"secretNamespace,omitempty"`

	// IssuerRef names the issuer. Either it or push is set.
	//
	// +optional
	IssuerRef IssuerReference `json:"issuerRef,omitzero"`

	// Push says that somebody else keeps the Secret, by hand or with another program: it is checked, pushed, proven and
	// watched for its end, and never written or deleted. A Secret whose pair is broken is not pushed while what was pushed
	// before is good. Nothing that says what is issued goes with it.
	//
	// +optional
	Provided bool `json:"provided,omitempty"`

	// CommonName is the subject's common name. Empty: none is asked for, unless the issuer's role insists, in which
	// case the first DNS name serves. RFC 5280 limits it to 64 characters.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CommonName string `json:"commonName,omitempty"`

	// DNSNames are the hosts, each a DNS name or a wildcard one label deep ("*.example.com"). They are also the names
	// by which the gateway chooses the certificate (SNI). Upper case means lower case; names outside ASCII are written in
	// punycode; at most 100 are issued for.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	DNSNames []string `json:"dnsNames,omitempty"`

	// IPAddresses are IP subject alternative names.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	IPAddresses []string `json:"ipAddresses,omitempty"`

	// URIs are URI subject alternative names.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	URIs []string `json:"uris,omitempty"`

	// EmailAddresses are e-mail subject alternative names.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=1000
	EmailAddresses []string `json:"emailAddresses,omitempty"`

	// Subject holds the rest of the subject's distinguished name.
	//
	// +optional
	Subject *X509Subject `json:"subject,omitempty"`

	// Duration is the life asked for. Unset: what the issuer's role gives.
	//
	// +optional
	Duration *metav1.Duration `json:"duration,omitempty"`

	// RenewBefore is how long before its end the certificate is renewed. Unset: a third of its actual life.
	//
	// +optional
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`

	// RenewBeforePercentage is RenewBefore as a part of the actual life, in percent.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	RenewBeforePercentage *int32 `json:"renewBeforePercentage,omitempty"`

	// Usages are the key usages and extended key usages. Unset: digital signature, key encipherment and server auth.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Usages []string `json:"usages,omitempty"`

	// PrivateKey says which key is made. Unset: ECDSA P-256, a new one at each issuance.
	//
	// +optional
	PrivateKey *PrivateKey `json:"privateKey,omitempty"`

	// KeyStorage is where the private key is kept: Secret, in spec.secretName; Gateway, in the gateways' ssl objects alone,
	// so that a new certificate is issued when a gateway has lost its object; VaultKV, in a key-value engine of Vault,
	// from where the gateway itself reads it. Gateway and VaultKV need push mode own. Unset: Secret.
	//
	// +optional
	// +kubebuilder:validation:Enum=Secret;Gateway;VaultKV
	KeyStorage KeyStorage `json:"keyStorage,omitempty"`

	// VaultKV says where in Vault the key is kept with keyStorage VaultKV.
	//
	// +optional
	VaultKV *VaultKV `json:"vaultKV,omitempty"`

	// SecretTemplate holds labels and annotations to put on the Secret.
	//
	// +optional
	SecretTemplate *SecretTemplate `json:"secretTemplate,omitempty"`

	// SecretRetention says what becomes of the Secret when this object is deleted. Unset: Delete.
	//
	// +optional
	// +kubebuilder:validation:Enum=Delete;Retain
	SecretRetention SecretRetention `json:"secretRetention,omitempty"`

	// RevocationPolicy says when the issuer is asked to revoke: Never; OnDelete, the current certificate when this object
	// is deleted; OnReplace, besides that each certificate as soon as another has taken its place at the gateways. Until
	// the issuer has revoked, the object stays: annotation apisix-certs.io/skip-revocation: "true" lets it go. Unset: Never.
	//
	// +optional
	// +kubebuilder:validation:Enum=Never;OnDelete;OnReplace
	RevocationPolicy RevocationPolicy `json:"revocationPolicy,omitempty"`

	// AdditionalOutputFormats are further forms of the pair in the Secret.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	AdditionalOutputFormats []OutputFormat `json:"additionalOutputFormats,omitempty"`

	// Keystores are further forms of the pair in the Secret, encrypted with a password.
	//
	// +optional
	Keystores *Keystores `json:"keystores,omitempty"`

	// RenewalWindows are when renewals are welcome. A renewal that falls outside of all is moved into the next one, unless
	// that would leave less than half of the time until expiry. Empty: at any time.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=16
	RenewalWindows []RenewalWindow `json:"renewalWindows,omitempty"`

	// RenewalPolicy is Automatic, or Disabled: the certificate is issued once, and again only when the spec changes, when
	// the Secret is lost or damaged, or when a renewal is asked for (apisix-certs renew). What would have been renewed is
	// warned about. Unset: Automatic.
	//
	// +optional
	// +kubebuilder:validation:Enum=Automatic;Disabled
	RenewalPolicy RenewalPolicy `json:"renewalPolicy,omitempty"`

	// IngressClassName decides which gateways get the certificate. Empty: the gateway of the controller's flags.
	//
	// +optional
	IngressClassName string `json:"ingressClassName,omitempty"`

	// GatewayRef decides it instead: the gateways of a Gateway of the Gateway API, by its GatewayProxy, else that of its GatewayClass,
	// else the controller's flags. One whose GatewayClass is another controller's has none here. It is set for a Gateway and
	// its ListenerSets.
	//
	// +optional
	GatewayRef *GatewayReference `json:"gatewayRef,omitempty"`

	// Gateways is Auto, or None: the certificate is for Pods, for other gateways, or for APISIX as a client (ApisixUpstream), and is put
	// at no gateway of APISIX. Unset: Auto.
	//
	// +optional
	// +kubebuilder:validation:Enum=Auto;None
	Gateways Gateways `json:"gateways,omitempty"`
}

// GatewayReference names a Gateway of gateway.networking.k8s.io.
type GatewayReference struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Namespace of the Gateway. Unset: that of the certificate. Another one must let this one add listeners, by the
	// Gateway's spec.allowedListeners.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// Gateways says whether a certificate is for gateways of APISIX.
type Gateways string

// Whether a certificate is for gateways of APISIX.
const (
	GatewaysAuto Gateways = "Auto"
	GatewaysNone Gateways = "None"
)

// KeyStorage is where a private key is kept.
type KeyStorage string

// Where private keys are kept.
const (
	KeyInSecret  KeyStorage = "Secret"
	KeyAtGateway KeyStorage = "Gateway"
	KeyInVaultKV KeyStorage = "VaultKV"
)

// VaultKV is a place in the issuer's Vault: a key-value engine of version 1, the only one that APISIX reads. The
// issuer's policy must allow to create, update, read, list and delete below MOUNT/PATH.
type VaultKV struct {
	// Mount of the engine. Unset: kv.
	//
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$`
	// +kubebuilder:validation:MaxLength=128
	Mount string `json:"mount,omitempty"`

	// Path below the mount. Unset: apisix-certs. Certificate and key are at PATH/UID/FINGERPRINT.
	//
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$`
	// +kubebuilder:validation:MaxLength=128
	Path string `json:"path,omitempty"`

	// TokenSecretRef names a Secret of this namespace with the Vault token with which the gateway reads, one that does not
	// end and may read below MOUNT/PATH alone; or with the text $env://NAME, for a token in the gateway's environment.
	TokenSecretRef SecretKeySelector `json:"tokenSecretRef"`
}

// SecretRetention is what becomes of a Secret when its ApisixCertificate is deleted.
type SecretRetention string

const (
	// SecretDelete deletes the Secret, provided that this controller made it.
	SecretDelete SecretRetention = "Delete"
	// SecretRetain leaves the Secret in place.
	SecretRetain SecretRetention = "Retain"
)

// IssuerReference names an issuer.
//
// +kubebuilder:validation:XValidation:rule="has(self.group) && !(self.group in [\"\", 'apisix-certs.io', 'cert-manager.io']) || (has(self.group) && self.group == 'cert-manager.io' ? !has(self.kind) || self.kind in [\"\", 'Issuer', 'ClusterIssuer'] : !has(self.kind) || self.kind in [\"\", 'VaultIssuer', 'ClusterVaultIssuer'])",message="kind does not fit group: Issuer or ClusterIssuer with group cert-manager.io, VaultIssuer or ClusterVaultIssuer without"
// +kubebuilder:validation:XValidation:rule="!has(self.group) || self.group in [\"\", 'apisix-certs.io', 'cert-manager.io'] || has(self.kind) && self.kind != \"\"",message="an issuer of another group needs its kind: set kind, such as AWSPCAIssuer with group awspca.cert-manager.io"
type IssuerReference struct {
	// Group is the issuer's API group. Empty: apisix-certs.io. An issuer of cert-manager.io that is of type vault is used
	// directly; any other, and those of any other group (external issuers of cert-manager, such as
	// awspca.cert-manager.io), through a CertificateRequest of cert-manager.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$`
	Group string `json:"group,omitempty"`

	// Kind is VaultIssuer (of this namespace) or ClusterVaultIssuer, of group cert-manager.io Issuer or ClusterIssuer, of
	// another group what that has. Empty: the namespaced kind of the group, but for other groups.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^([A-Z][A-Za-z0-9]*)?$`
	Kind string `json:"kind,omitempty"`

	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
}

// Kinds of issuers: those of this group, and those of cert-manager.
const (
	KindVaultIssuer        = "VaultIssuer"
	KindClusterVaultIssuer = "ClusterVaultIssuer"
	KindIssuer             = "Issuer"
	KindClusterIssuer      = "ClusterIssuer"
)

// GroupCertManager is the API group of cert-manager.
const GroupCertManager = "cert-manager.io"

// GroupOf is the API group of a kind of issuers, which may be qualified: see QualifiedKind.
func GroupOf(kind string) string {
	_, group, qualified := strings.Cut(kind, ".")
	switch {
	case qualified:
		return group
	case kind == KindIssuer, kind == KindClusterIssuer:
		return GroupCertManager
	}
	return GroupVersion.Group
}

// External tells whether the issuer is of another group than ours and cert-manager's own: only cert-manager can ask it.
func (r IssuerReference) External() bool {
	return r.Group != "" && r.Group != GroupVersion.Group && r.Group != GroupCertManager
}

// QualifiedKind is the kind, KIND.GROUP for an External one: other groups have kinds that are called Issuer too.
func (r IssuerReference) QualifiedKind() string {
	if r.External() {
		return r.Kind + "." + r.Group
	}
	return r.WithKind().Kind
}

// ParseIssuer reads what String has made.
func ParseIssuer(text string) IssuerReference {
	kind, name, _ := strings.Cut(text, "/")
	ref := IssuerReference{Group: GroupOf(kind), Name: name}
	ref.Kind, _, _ = strings.Cut(kind, ".")
	return ref
}

// WithKind is r with the kind that an empty one stands for.
func (r IssuerReference) WithKind() IssuerReference {
	switch {
	case r.Kind != "":
	case r.Group == GroupCertManager:
		r.Kind = KindIssuer
	default:
		r.Kind = KindVaultIssuer
	}
	return r
}

// ClusterWide tells whether the issuer is one for all namespaces. Of an External one that is not known.
func (r IssuerReference) ClusterWide() bool {
	return !r.External() && (r.Kind == KindClusterVaultIssuer || r.Kind == KindClusterIssuer)
}

// String is KIND/NAME, or KIND.GROUP/NAME of an External one. It is how Secrets tell their issuer.
func (r IssuerReference) String() string { return r.QualifiedKind() + "/" + r.Name }

// X509Subject is a subject's distinguished name without the common name (RFC 5280 section 4.1.2.6).
type X509Subject struct {
	// +optional
	Organizations []string `json:"organizations,omitempty"`
	// +optional
	Countries []string `json:"countries,omitempty"`
	// +optional
	OrganizationalUnits []string `json:"organizationalUnits,omitempty"`
	// +optional
	Localities []string `json:"localities,omitempty"`
	// +optional
	Provinces []string `json:"provinces,omitempty"`
	// +optional
	StreetAddresses []string `json:"streetAddresses,omitempty"`
	// +optional
	PostalCodes []string `json:"postalCodes,omitempty"`
	// +optional
	SerialNumber string `json:"serialNumber,omitempty"`
}

// PrivateKey says which private key is made.
//
// +kubebuilder:validation:XValidation:rule="!has(self.size) || self.size == 0 || (has(self.algorithm) && self.algorithm == 'RSA' ? self.size in [2048, 3072, 4096] : has(self.algorithm) && self.algorithm == 'Ed25519' ? false : self.size in [256, 384, 521])",message="size does not fit the algorithm: RSA 2048, 3072 or 4096; ECDSA 256, 384 or 521; none for Ed25519"
type PrivateKey struct {
	// Algorithm of the key. Unset: ECDSA.
	//
	// +optional
	// +kubebuilder:validation:Enum=RSA;ECDSA;Ed25519
	Algorithm string `json:"algorithm,omitempty"`

	// Size in bits. Unset: 2048 for RSA, 256 for ECDSA.
	//
	// +optional
	Size int32 `json:"size,omitempty"`

	// Encoding of tls.key: PKCS1 (for ECDSA: SEC 1) or PKCS8. Unset: PKCS8;
	// Ed25519 knows no other.
	//
	// +optional
	// +kubebuilder:validation:Enum=PKCS1;PKCS8
	Encoding string `json:"encoding,omitempty"`

	// RotationPolicy: Always makes a new key at each issuance, Never keeps the key as long as it fits the spec.
	// Unset: Always.
	//
	// +optional
	// +kubebuilder:validation:Enum=Always;Never
	RotationPolicy string `json:"rotationPolicy,omitempty"`
}

// RotationNever is the rotation policy that keeps a fitting key.
const RotationNever = "Never"

// RevocationPolicy is when the issuer is asked to revoke a certificate.
type RevocationPolicy string

const (
	// RevokeNever leaves certificates to their end.
	RevokeNever RevocationPolicy = "Never"
	// RevokeOnDelete revokes the current certificate when its object is deleted.
	RevokeOnDelete RevocationPolicy = "OnDelete"
	// RevokeOnReplace revokes as RevokeOnDelete does, and each certificate that was replaced.
	RevokeOnReplace RevocationPolicy = "OnReplace"
)

// RenewalPolicy is whether a certificate is renewed by itself.
type RenewalPolicy string

const (
	// RenewAutomatic renews in time.
	RenewAutomatic RenewalPolicy = "Automatic"
	// RenewDisabled renews when asked for.
	RenewDisabled RenewalPolicy = "Disabled"
)

// OutputFormat is a further form of the pair in the Secret.
type OutputFormat struct {
	// Type is CombinedPEM (key tls-combined.pem: the private key, an empty line, the chain) or DER (key key.der: the
	// private key in privateKey.encoding).
	//
	// +kubebuilder:validation:Enum=CombinedPEM;DER
	Type string `json:"type"`
}

// Types of output formats.
const (
	OutputCombinedPEM = "CombinedPEM"
	OutputDER         = "DER"
)

// Keystores are the pair and its CA encrypted with a password. A truststore is only written where the CA is known.
type Keystores struct {
	// JKS adds keystore.jks and truststore.jks.
	//
	// +optional
	JKS *JKSKeystore `json:"jks,omitempty"`
	// PKCS12 adds keystore.p12 and truststore.p12.
	//
	// +optional
	PKCS12 *PKCS12Keystore `json:"pkcs12,omitempty"`
}

// JKSKeystore is a Java keystore.
type JKSKeystore struct {
	// Create must be true for the keystore to be written.
	Create bool `json:"create"`
	// Alias of the entry in the keystore. Empty: certificate.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=250
	Alias string `json:"alias,omitempty"`
	// PasswordSecretRef is a Secret's key, in this namespace, with the password, of 6 characters at least.
	PasswordSecretRef SecretKeySelector `json:"passwordSecretRef"`
}

// PKCS12Keystore is a PKCS #12 file (RFC 7292).
type PKCS12Keystore struct {
	// Create must be true for the keystore to be written.
	Create bool `json:"create"`
	// Profile is how it is encrypted: LegacyRC2 or LegacyDES for old readers, Modern2023 for all others. Unset: LegacyRC2.
	//
	// +optional
	// +kubebuilder:validation:Enum=LegacyRC2;LegacyDES;Modern2023
	Profile string `json:"profile,omitempty"`
	// PasswordSecretRef is a Secret's key, in this namespace, with the password.
	PasswordSecretRef SecretKeySelector `json:"passwordSecretRef"`
}

// RenewalWindow is a time when renewals are welcome, again and again.
type RenewalWindow struct {
	// Cron says when the window opens: minute, hour, day of month, month, day of week, or @daily and the like.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Cron string `json:"cron"`
	// Duration is how long it stays open.
	Duration metav1.Duration `json:"duration"`
	// TimeZone of Cron, a name of the IANA database such as Europe/Berlin. Empty: UTC.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`
}

// SecretTemplate holds what is added to the Secret's metadata.
type SecretTemplate struct {
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}
