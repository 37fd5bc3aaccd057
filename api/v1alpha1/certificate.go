// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ApisixCertificate is one certificate for an APISIX gateway. It is issued by Vault, stored in a Secret, pushed to the
// gateway and verified to be served.
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

// ApisixCertificateSpec is the desired state. Its fields have the names and meaning of cert-manager's Certificate.
//
// +kubebuilder:validation:XValidation:rule="has(self.commonName) || has(self.dnsNames) || has(self.ipAddresses) || has(self.uris) || has(self.emailAddresses)",message="at least one of dnsNames, commonName, ipAddresses, uris or emailAddresses must be set"
// +kubebuilder:validation:XValidation:rule="!(has(self.renewBefore) && has(self.renewBeforePercentage))",message="renewBefore and renewBeforePercentage are mutually exclusive"
// +kubebuilder:validation:XValidation:rule="!has(self.duration) || duration(self.duration) > duration('0s')",message="duration must be greater than zero"
// +kubebuilder:validation:XValidation:rule="!has(self.renewBefore) || duration(self.renewBefore) > duration('0s')",message="renewBefore must be greater than zero"
// +kubebuilder:validation:XValidation:rule="!has(self.renewalWindows) || self.renewalWindows.all(w, duration(w.duration) > duration('0s'))",message="renewalWindows[].duration must be greater than zero"
// +kubebuilder:validation:XValidation:rule="(has(self.keyStorage) && self.keyStorage == 'VaultKV') == has(self.vaultKV)",message="vaultKV is required with keyStorage VaultKV and not allowed otherwise"
// +kubebuilder:validation:XValidation:rule="!has(self.keyStorage) || self.keyStorage == 'Secret' || has(self.dnsNames)",message="keyStorage other than Secret requires dnsNames: without a host the certificate is not pushed to a gateway, and its key would be lost"
// +kubebuilder:validation:XValidation:rule="!has(self.keyStorage) || self.keyStorage == 'Secret' || !has(self.privateKey) || !has(self.privateKey.rotationPolicy) || self.privateKey.rotationPolicy != 'Never'",message="privateKey.rotationPolicy Never requires keyStorage Secret: a key that is stored elsewhere cannot be read back"
// +kubebuilder:validation:XValidation:rule="has(self.issuerRef) != (has(self.provided) && self.provided)",message="exactly one of issuerRef and provided must be set: provided: true is for a Secret that is issued elsewhere"
// +kubebuilder:validation:XValidation:rule="!has(self.provided) || !self.provided || has(self.dnsNames)",message="provided requires dnsNames: the hosts of the certificate in the Secret"
// +kubebuilder:validation:XValidation:rule="!has(self.provided) || !self.provided || !(has(self.commonName) || has(self.ipAddresses) || has(self.uris) || has(self.emailAddresses) || has(self.subject) || has(self.duration) || has(self.renewBefore) || has(self.renewBeforePercentage) || has(self.renewalWindows) || has(self.renewalPolicy) || has(self.usages) || has(self.privateKey) || has(self.keyStorage) || has(self.secretTemplate) || has(self.secretRetention) || has(self.revocationPolicy) || has(self.additionalOutputFormats) || has(self.keystores))",message="provided allows only secretName, secretNamespace, dnsNames, ingressClassName and gatewayRef"
// +kubebuilder:validation:XValidation:rule="!has(self.gatewayRef) || !has(self.ingressClassName) || size(self.ingressClassName) == 0",message="gatewayRef and ingressClassName are mutually exclusive"
// +kubebuilder:validation:XValidation:rule="!has(self.gateways) || self.gateways != 'None' || !((has(self.provided) && self.provided) || has(self.gatewayRef) || (has(self.keyStorage) && self.keyStorage != 'Secret'))",message="gateways None requires keyStorage Secret and cannot be combined with provided or gatewayRef"
type ApisixCertificateSpec struct {
	// SecretName is the Secret of type kubernetes.io/tls, in the certificate's namespace, that contains the certificate
	// chain (tls.crt, PEM, leaf first), the private key (tls.key, PEM) and the CA (ca.crt, PEM). With a keyStorage
	// other than Secret it is of type Opaque and has no tls.key.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	SecretName string `json:"secretName"`

	// SecretNamespace is the namespace of the Secret if it is not the certificate's own. The controller sets it for an
	// ApisixTls, ApisixUpstream, Gateway or ListenerSet that refers to a Secret of another namespace. An object of such
	// a kind must exist in the certificate's namespace, and a ReferenceGrant (gateway.networking.k8s.io) in the
	// Secret's namespace must permit the reference. Defaults to the certificate's namespace.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	SecretNamespace string `json:"secretNamespace,omitempty"`

	// IssuerRef names the issuer. Exactly one of issuerRef and provided must be set.
	//
	// +optional
	IssuerRef IssuerReference `json:"issuerRef,omitzero"`

	// Provided declares that the Secret is managed by hand or by another program. The controller validates it, pushes
	// it, verifies that it is served and warns before it expires. It never writes or deletes it. If an update breaks
	// the Secret, the certificate that was pushed before is kept while it is valid. Fields that configure issuance are
	// not allowed.
	//
	// +optional
	Provided bool `json:"provided,omitempty"`

	// CommonName is the subject's common name, at most 64 characters (RFC 5280). If it is empty, none is requested,
	// unless the issuer's role requires one: then the first DNS name is used.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	CommonName string `json:"commonName,omitempty"`

	// DNSNames are the hosts. Each is a DNS name or a wildcard that covers one label ("*.example.com"). The gateway
	// selects the certificate by these names (SNI). Upper case is converted to lower case. Internationalized names must
	// be in punycode. A certificate with more than 100 names is not issued.
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

	// Subject contains the other attributes of the subject's distinguished name.
	//
	// +optional
	Subject *X509Subject `json:"subject,omitempty"`

	// Duration is the requested lifetime. Defaults to that of the issuer's role.
	//
	// +optional
	Duration *metav1.Duration `json:"duration,omitempty"`

	// RenewBefore is how long before expiry the certificate is renewed. Defaults to a third of its actual lifetime.
	//
	// +optional
	RenewBefore *metav1.Duration `json:"renewBefore,omitempty"`

	// RenewBeforePercentage is renewBefore as a percentage of the actual lifetime.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=99
	RenewBeforePercentage *int32 `json:"renewBeforePercentage,omitempty"`

	// Usages are the key usages and extended key usages. Defaults to digital signature, key encipherment and server
	// auth.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	Usages []string `json:"usages,omitempty"`

	// PrivateKey configures the private key. Defaults to a new ECDSA P-256 key for each issuance.
	//
	// +optional
	PrivateKey *PrivateKey `json:"privateKey,omitempty"`

	// KeyStorage is where the private key is stored. Secret: in spec.secretName. Gateway: only in the gateways' ssl
	// objects; if a gateway loses its object, a new certificate is issued. VaultKV: in a key-value engine of Vault,
	// from which the gateway reads it. Gateway and VaultKV require push mode own. Defaults to Secret.
	//
	// +optional
	// +kubebuilder:validation:Enum=Secret;Gateway;VaultKV
	KeyStorage KeyStorage `json:"keyStorage,omitempty"`

	// VaultKV is the location in Vault for keyStorage VaultKV.
	//
	// +optional
	VaultKV *VaultKV `json:"vaultKV,omitempty"`

	// SecretTemplate contains labels and annotations to add to the Secret.
	//
	// +optional
	SecretTemplate *SecretTemplate `json:"secretTemplate,omitempty"`

	// SecretRetention is whether the Secret is deleted with this object. Defaults to Delete.
	//
	// +optional
	// +kubebuilder:validation:Enum=Delete;Retain
	SecretRetention SecretRetention `json:"secretRetention,omitempty"`

	// RevocationPolicy is when certificates are revoked. Never: they are not. OnDelete: the current certificate is
	// revoked when this object is deleted. OnReplace: also each certificate that was replaced, as soon as the gateways
	// serve its successor. The object is not removed until the issuer has revoked; annotation
	// apisix-certs.io/skip-revocation: "true" removes it anyway. Defaults to Never.
	//
	// +optional
	// +kubebuilder:validation:Enum=Never;OnDelete;OnReplace
	RevocationPolicy RevocationPolicy `json:"revocationPolicy,omitempty"`

	// AdditionalOutputFormats are additional encodings of the key pair in the Secret.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	AdditionalOutputFormats []OutputFormat `json:"additionalOutputFormats,omitempty"`

	// Keystores are password-protected keystores with the key pair in the Secret.
	//
	// +optional
	Keystores *Keystores `json:"keystores,omitempty"`

	// RenewalWindows are the times at which certificates may be renewed. A renewal outside of all windows is moved to
	// the next one, unless less than half of the time until expiry would remain. If there are none, certificates are
	// renewed at any time.
	//
	// +optional
	// +kubebuilder:validation:MaxItems=16
	RenewalWindows []RenewalWindow `json:"renewalWindows,omitempty"`

	// RenewalPolicy is Automatic or Disabled. With Disabled the certificate is issued once, and again only if the spec
	// changes, the Secret is lost or damaged, or a renewal is requested (apisix-certs renew); a warning says when it
	// should be renewed. Defaults to Automatic.
	//
	// +optional
	// +kubebuilder:validation:Enum=Automatic;Disabled
	RenewalPolicy RenewalPolicy `json:"renewalPolicy,omitempty"`

	// IngressClassName selects the gateways that get the certificate. Defaults to the gateway of the controller's
	// flags.
	//
	// +optional
	IngressClassName string `json:"ingressClassName,omitempty"`

	// GatewayRef selects the gateways by a Gateway of the Gateway API instead: those of its GatewayProxy, else of the
	// GatewayProxy of its GatewayClass, else of the controller's flags. A Gateway whose GatewayClass belongs to another
	// controller has none. The controller sets it for a Gateway and its ListenerSets.
	//
	// +optional
	GatewayRef *GatewayReference `json:"gatewayRef,omitempty"`

	// Gateways is Auto or None. With None the certificate is not pushed to any APISIX gateway: it is for Pods, for
	// other gateways, or for APISIX as a client (ApisixUpstream). Defaults to Auto.
	//
	// +optional
	// +kubebuilder:validation:Enum=Auto;None
	Gateways Gateways `json:"gateways,omitempty"`
}

// GatewayReference names a Gateway (gateway.networking.k8s.io).
type GatewayReference struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Namespace of the Gateway. Defaults to the certificate's. A Gateway of another namespace must allow listeners from
	// this one (its spec.allowedListeners).
	//
	// +optional
	// +kubebuilder:validation:MaxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// Gateways is whether a certificate is pushed to APISIX gateways.
type Gateways string

// Whether a certificate is for gateways of APISIX.
const (
	// GatewaysAuto pushes the certificate to its gateways.
	GatewaysAuto Gateways = "Auto"
	// GatewaysNone pushes it to none.
	GatewaysNone Gateways = "None"
)

// KeyStorage is where a private key is stored.
type KeyStorage string

// Where private keys are kept.
const (
	// KeyInSecret stores the key in the certificate's Secret.
	KeyInSecret KeyStorage = "Secret"
	// KeyAtGateway stores the key only in the gateways' ssl objects.
	KeyAtGateway KeyStorage = "Gateway"
	// KeyInVaultKV stores the key in a key-value engine of Vault.
	KeyInVaultKV KeyStorage = "VaultKV"
)

// VaultKV is a location in the issuer's Vault, in a key-value engine of version 1, the only version that APISIX reads.
// The issuer's Vault policy must allow create, update, read, list and delete below MOUNT/PATH.
type VaultKV struct {
	// Mount of the engine. Defaults to kv.
	//
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$`
	// +kubebuilder:validation:MaxLength=128
	Mount string `json:"mount,omitempty"`

	// Path below the mount. Defaults to apisix-certs. Certificate and key are stored at PATH/UID/FINGERPRINT.
	//
	// +optional
	// +kubebuilder:validation:Pattern=`^[a-zA-Z0-9_-][a-zA-Z0-9._-]*(/[a-zA-Z0-9_-][a-zA-Z0-9._-]*)*$`
	// +kubebuilder:validation:MaxLength=128
	Path string `json:"path,omitempty"`

	// TokenSecretRef names a Secret, in the certificate's namespace, with the Vault token that the gateway reads with.
	// The token must not expire, and should only allow read below MOUNT/PATH. Instead of a token the Secret may contain
	// the text $env://NAME, for a token in the gateway's environment.
	TokenSecretRef SecretKeySelector `json:"tokenSecretRef"`
}

// SecretRetention is whether a Secret is deleted with its ApisixCertificate.
type SecretRetention string

const (
	// SecretDelete deletes the Secret if this controller created it.
	SecretDelete SecretRetention = "Delete"
	// SecretRetain does not delete the Secret.
	SecretRetain SecretRetention = "Retain"
)

// IssuerReference names an issuer.
//
// +kubebuilder:validation:XValidation:rule="has(self.group) && !(self.group in [\"\", 'apisix-certs.io', 'cert-manager.io']) || (has(self.group) && self.group == 'cert-manager.io' ? !has(self.kind) || self.kind in [\"\", 'Issuer', 'ClusterIssuer'] : !has(self.kind) || self.kind in [\"\", 'VaultIssuer', 'ClusterVaultIssuer'])",message="kind does not match group: use Issuer or ClusterIssuer with group cert-manager.io, VaultIssuer or ClusterVaultIssuer without a group"
// +kubebuilder:validation:XValidation:rule="!has(self.group) || self.group in [\"\", 'apisix-certs.io', 'cert-manager.io'] || has(self.kind) && self.kind != \"\"",message="kind is required with this group, for example AWSPCAIssuer with group awspca.cert-manager.io"
type IssuerReference struct {
	// Group is the issuer's API group. Defaults to apisix-certs.io. The controller uses issuers of group
	// cert-manager.io and type vault directly. For all other issuers of that group, and for those of any other group
	// (external issuers of cert-manager, such as awspca.cert-manager.io), it creates a CertificateRequest of
	// cert-manager.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$`
	Group string `json:"group,omitempty"`

	// Kind is VaultIssuer (in the certificate's namespace) or ClusterVaultIssuer; with group cert-manager.io, Issuer or
	// ClusterIssuer. It is required with any other group. Defaults to the namespaced kind of the group.
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

// GroupOf returns the API group of a kind of issuer, which may be qualified (see QualifiedKind).
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

// External reports whether the issuer is of a group other than apisix-certs.io and cert-manager.io. Such an issuer is
// only reached through cert-manager.
func (r IssuerReference) External() bool {
	return r.Group != "" && r.Group != GroupVersion.Group && r.Group != GroupCertManager
}

// QualifiedKind returns the kind, or KIND.GROUP for an External issuer, as other groups also have a kind Issuer.
func (r IssuerReference) QualifiedKind() string {
	if r.External() {
		return r.Kind + "." + r.Group
	}
	return r.WithKind().Kind
}

// ParseIssuer parses the result of String.
func ParseIssuer(text string) IssuerReference {
	kind, name, _ := strings.Cut(text, "/")
	ref := IssuerReference{Group: GroupOf(kind), Name: name}
	ref.Kind, _, _ = strings.Cut(kind, ".")
	return ref
}

// WithKind returns r with an empty kind replaced by its default.
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

// ClusterWide reports whether the issuer is cluster-scoped. It is false for an External one, whose scope is unknown.
func (r IssuerReference) ClusterWide() bool {
	return !r.External() && (r.Kind == KindClusterVaultIssuer || r.Kind == KindClusterIssuer)
}

// String returns KIND/NAME, or KIND.GROUP/NAME for an External issuer. Secrets name their issuer in this form.
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

// PrivateKey configures the private key.
//
// +kubebuilder:validation:XValidation:rule="!has(self.size) || self.size == 0 || (has(self.algorithm) && self.algorithm == 'RSA' ? self.size in [2048, 3072, 4096] : has(self.algorithm) && self.algorithm == 'Ed25519' ? false : self.size in [256, 384, 521])",message="size does not match the algorithm: use 2048, 3072 or 4096 for RSA, 256, 384 or 521 for ECDSA, and none for Ed25519"
type PrivateKey struct {
	// Algorithm of the key. Defaults to ECDSA.
	//
	// +optional
	// +kubebuilder:validation:Enum=RSA;ECDSA;Ed25519
	Algorithm string `json:"algorithm,omitempty"`

	// Size in bits. Defaults to 2048 for RSA and 256 for ECDSA.
	//
	// +optional
	Size int32 `json:"size,omitempty"`

	// Encoding of tls.key: PKCS1 (SEC 1 for ECDSA) or PKCS8. Ed25519 keys are always PKCS8. Defaults to PKCS8.
	//
	// +optional
	// +kubebuilder:validation:Enum=PKCS1;PKCS8
	Encoding string `json:"encoding,omitempty"`

	// RotationPolicy is Always, a new key for each issuance, or Never, which reuses the key as long as it matches the
	// spec. Defaults to Always.
	//
	// +optional
	// +kubebuilder:validation:Enum=Always;Never
	RotationPolicy string `json:"rotationPolicy,omitempty"`
}

// RotationNever is the rotation policy that reuses the key while it matches the spec.
const RotationNever = "Never"

// RevocationPolicy is when a certificate is revoked.
type RevocationPolicy string

const (
	// RevokeNever lets certificates expire.
	RevokeNever RevocationPolicy = "Never"
	// RevokeOnDelete revokes the current certificate when its object is deleted.
	RevokeOnDelete RevocationPolicy = "OnDelete"
	// RevokeOnReplace does what RevokeOnDelete does, and revokes each certificate that was replaced.
	RevokeOnReplace RevocationPolicy = "OnReplace"
)

// RenewalPolicy is whether a certificate is renewed automatically.
type RenewalPolicy string

const (
	// RenewAutomatic renews before expiry.
	RenewAutomatic RenewalPolicy = "Automatic"
	// RenewDisabled renews on request only.
	RenewDisabled RenewalPolicy = "Disabled"
)

// OutputFormat is an additional encoding of the key pair in the Secret.
type OutputFormat struct {
	// Type is CombinedPEM (key tls-combined.pem: the private key, an empty line, the chain) or DER (key key.der: the
	// private key in the encoding of privateKey.encoding).
	//
	// +kubebuilder:validation:Enum=CombinedPEM;DER
	Type string `json:"type"`
}

// Types of output formats.
const (
	OutputCombinedPEM = "CombinedPEM"
	OutputDER         = "DER"
)

// Keystores contain the key pair and its CA, protected by a password. A truststore is only written if the CA is known.
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
	// Alias of the entry in the keystore. Defaults to certificate.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=250
	Alias string `json:"alias,omitempty"`
	// PasswordSecretRef is the key of a Secret, in the certificate's namespace, with the password. It must have at
	// least 6 characters.
	PasswordSecretRef SecretKeySelector `json:"passwordSecretRef"`
}

// PKCS12Keystore is a PKCS #12 file (RFC 7292).
type PKCS12Keystore struct {
	// Create must be true for the keystore to be written.
	Create bool `json:"create"`
	// Profile is the encryption: LegacyRC2 or LegacyDES for old readers, Modern2023 for all others. Defaults to
	// LegacyRC2.
	//
	// +optional
	// +kubebuilder:validation:Enum=LegacyRC2;LegacyDES;Modern2023
	Profile string `json:"profile,omitempty"`
	// PasswordSecretRef is the key of a Secret, in the certificate's namespace, with the password.
	PasswordSecretRef SecretKeySelector `json:"passwordSecretRef"`
}

// RenewalWindow is a recurring period in which certificates may be renewed.
type RenewalWindow struct {
	// Cron is when the window opens: minute, hour, day of month, month and day of week, or a macro such as @daily.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Cron string `json:"cron"`
	// Duration is how long the window stays open.
	Duration metav1.Duration `json:"duration"`
	// TimeZone of cron, a name of the IANA database such as Europe/Berlin. Defaults to UTC.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`
}

// SecretTemplate contains labels and annotations that are added to the Secret.
type SecretTemplate struct {
	// +optional
	Labels map[string]string `json:"labels,omitempty"`
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}
