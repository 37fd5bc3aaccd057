// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VaultIssuer issues certificates for its namespace by HashiCorp Vault's PKI engine.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=vissuer,categories=apisix-certs
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Server",type=string,JSONPath=`.spec.server`
// +kubebuilder:printcolumn:name="Path",type=string,JSONPath=`.spec.path`
// +kubebuilder:printcolumn:name="CA expires",type=string,JSONPath=`.status.ca.notAfter`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type VaultIssuer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   VaultIssuerSpec   `json:"spec"`
	Status VaultIssuerStatus `json:"status,omitempty"`
}

// VaultIssuerList is a list of VaultIssuers.
//
// +kubebuilder:object:root=true
type VaultIssuerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []VaultIssuer `json:"items"`
}

// ClusterVaultIssuer is a VaultIssuer for all namespaces. Its credentials are in the controller's cluster resource
// namespace (flag --cluster-resource-namespace).
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=cvissuer,categories=apisix-certs
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Server",type=string,JSONPath=`.spec.server`
// +kubebuilder:printcolumn:name="Path",type=string,JSONPath=`.spec.path`
// +kubebuilder:printcolumn:name="CA expires",type=string,JSONPath=`.status.ca.notAfter`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
type ClusterVaultIssuer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   VaultIssuerSpec   `json:"spec"`
	Status VaultIssuerStatus `json:"status,omitempty"`
}

// ClusterVaultIssuerList is a list of ClusterVaultIssuers.
//
// +kubebuilder:object:root=true
type ClusterVaultIssuerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterVaultIssuer `json:"items"`
}

// VaultIssuerSpec has the fields, names and meaning of cert-manager's issuer.spec.vault. The controller finds the faults
// that its rules find in the same words.
//
// +kubebuilder:validation:XValidation:rule="!self.server.startsWith('http://') || !has(self.caBundle) && !has(self.caBundleSecretRef)",fieldPath=".caBundle",message="is of no use with an http server: write https:// in server, or drop caBundle"
// +kubebuilder:validation:XValidation:rule="!has(self.caBundle) || !has(self.caBundleSecretRef)",fieldPath=".caBundle",message="excludes caBundleSecretRef: keep one"
// +kubebuilder:validation:XValidation:rule="has(self.clientCertSecretRef) == has(self.clientKeySecretRef)",fieldPath=".clientCertSecretRef",message="and clientKeySecretRef belong together: set both or none"
type VaultIssuerSpec struct {
	// Server is Vault's address, such as "https://vault.example.com:8200". A path before /v1 is allowed.
	//
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#]+')",message=`is not an http or https URL: write it as in "https://vault.example:8200"`
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https?://[^/?#]+') || self.matches('^https?://[^@/?#]+(/[^?#]*)?$')",message="has a user, query or fragment: leave only scheme, host, port and path"
	// +kubebuilder:validation:XValidation:rule="!self.matches('/v1/*$')",message="ends in /v1: leave /v1 out"
	Server string `json:"server"`

	// ServerName is the name that Vault's TLS certificate must have. Empty: the host of Server.
	//
	// +optional
	ServerName string `json:"serverName,omitempty"`

	// Path of the role: "MOUNT/sign/ROLE" to have a CSR signed, the key being made here, or "MOUNT/issue/ROLE" to
	// have Vault make the key. "MOUNT/sign-verbatim" and "MOUNT/sign-verbatim/ROLE" sign whatever a CSR says. MOUNT may end in
	// "/issuer/REF".
	//
	// +kubebuilder:validation:XValidation:rule="self.matches('^/*([^/ ?#%]+/)+((sign|sign-verbatim|issue)/[^/ ?#%]+|sign-verbatim)/*$')",message=`is not that of a PKI role: write it as in "pki/sign/ROLE" or "pki/issue/ROLE"`
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path"`

	// Namespace of Vault (Enterprise). Empty: the root namespace.
	//
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// CABundle is PEM, base64 in the manifest: the CAs that Vault's certificate is checked with. Empty: the system's.
	//
	// +optional
	CABundle []byte `json:"caBundle,omitempty"`

	// CABundleSecretRef is a Secret's key that holds the CA bundle. Key empty: ca.crt.
	//
	// +optional
	CABundleSecretRef *SecretKeySelector `json:"caBundleSecretRef,omitempty"`

	// ClientCertSecretRef and ClientKeySecretRef hold a client certificate for TLS with Vault. Keys empty: tls.crt
	// and tls.key.
	//
	// +optional
	ClientCertSecretRef *SecretKeySelector `json:"clientCertSecretRef,omitempty"`
	// +optional
	ClientKeySecretRef *SecretKeySelector `json:"clientKeySecretRef,omitempty"`

	// Auth is how the controller logs in: exactly one method.
	Auth VaultAuth `json:"auth"`

	// Limits bound what is asked of Vault at once.
	//
	// +optional
	Limits *VaultLimits `json:"limits,omitempty"`
}

// VaultAuth is how to log in to Vault.
//
// +kubebuilder:validation:XValidation:rule="[has(self.tokenSecretRef), has(self.appRole), has(self.kubernetes), has(self.clientCertificate), has(self.jwt)].exists(x, x)",message="names no way to log in: set one of tokenSecretRef, appRole, kubernetes, clientCertificate and jwt"
// +kubebuilder:validation:XValidation:rule="[has(self.tokenSecretRef), has(self.appRole), has(self.kubernetes), has(self.clientCertificate), has(self.jwt)].filter(x, x).size() < 2",message="names several ways to log in: keep one of tokenSecretRef, appRole, kubernetes, clientCertificate and jwt"
type VaultAuth struct {
	// TokenSecretRef is a Secret's key that holds a Vault token. Key empty: token.
	//
	// +optional
	TokenSecretRef *SecretKeySelector `json:"tokenSecretRef,omitempty"`

	// AppRole logs in with a role id and a secret id.
	//
	// +optional
	AppRole *VaultAppRole `json:"appRole,omitempty"`

	// Kubernetes logs in with a ServiceAccount's token.
	//
	// +optional
	Kubernetes *VaultKubernetes `json:"kubernetes,omitempty"`

	// ClientCertificate logs in with a TLS client certificate.
	//
	// +optional
	ClientCertificate *VaultClientCertificate `json:"clientCertificate,omitempty"`

	// JWT logs in with a JSON Web Token.
	//
	// +optional
	JWT *VaultJWT `json:"jwt,omitempty"`
}

// VaultAppRole is Vault's AppRole auth method.
type VaultAppRole struct {
	// Path is the mount path. Empty: approle.
	//
	// +optional
	Path string `json:"path,omitempty"`
	// +kubebuilder:validation:MinLength=1
	RoleID string `json:"roleId"`
	// SecretRef is the Secret's key that holds the secret id. Key empty: secretId.
	SecretRef SecretKeySelector `json:"secretRef"`
}

// VaultKubernetes is Vault's Kubernetes auth method.
//
// +kubebuilder:validation:XValidation:rule="has(self.secretRef) != has(self.serviceAccountRef)",message="names no token, or two: set one of secretRef and serviceAccountRef"
type VaultKubernetes struct {
	// MountPath with or without the leading "/v1/". Empty: /v1/auth/kubernetes.
	//
	// +optional
	MountPath string `json:"mountPath,omitempty"`
	// Role is the role of the auth method, not of the PKI engine.
	//
	// +kubebuilder:validation:MinLength=1
	Role string `json:"role"`
	// SecretRef is the key of a Secret of type kubernetes.io/service-account-token. Key empty: token.
	//
	// +optional
	SecretRef *SecretKeySelector `json:"secretRef,omitempty"`
	// ServiceAccountRef asks the API server for a short-lived token of a ServiceAccount.
	//
	// +optional
	ServiceAccountRef *ServiceAccountReference `json:"serviceAccountRef,omitempty"`
}

// ServiceAccountReference names a ServiceAccount in the issuer's namespace (ClusterVaultIssuer: the cluster resource
// namespace).
type ServiceAccountReference struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Audiences besides the one that every token has: vault://NAMESPACE/ISSUER, or vault://ISSUER for a ClusterVaultIssuer.
	// Of a VaultIssuer they must match the controller's flag --vault-audiences, which allows none by default.
	//
	// +optional
	Audiences []string `json:"audiences,omitempty"`
}

// VaultClientCertificate is Vault's TLS certificate auth method.
type VaultClientCertificate struct {
	// MountPath with or without the leading "/v1/". Empty: /v1/auth/cert.
	//
	// +optional
	MountPath string `json:"mountPath,omitempty"`
	// SecretName is a Secret of type kubernetes.io/tls. Empty: clientCertSecretRef and clientKeySecretRef are used.
	//
	// +optional
	SecretName string `json:"secretName,omitempty"`
	// Name of the role to log in as. Empty: any that matches the certificate.
	//
	// +optional
	Name string `json:"name,omitempty"`
}

// VaultJWT is Vault's JWT auth method.
//
// +kubebuilder:validation:XValidation:rule="has(self.secretRef) != has(self.serviceAccountRef)",message="names no token, or two: set one of secretRef and serviceAccountRef"
type VaultJWT struct {
	// MountPath with or without the leading "/v1/". Empty: /v1/auth/jwt.
	//
	// +optional
	MountPath string `json:"mountPath,omitempty"`
	// +optional
	Role string `json:"role,omitempty"`
	// SecretRef is the Secret's key that holds the token. Key empty: jwt.
	//
	// +optional
	SecretRef *SecretKeySelector `json:"secretRef,omitempty"`
	// +optional
	ServiceAccountRef *ServiceAccountReference `json:"serviceAccountRef,omitempty"`
}

// SecretKeySelector names one key of a Secret in the issuer's namespace (ClusterVaultIssuer: the cluster resource
// namespace).
type SecretKeySelector struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// +optional
	Key string `json:"key,omitempty"`
}

// VaultLimits bound what is asked of Vault at once by all certificates of an issuer.
type VaultLimits struct {
	// MaxInFlight is how many requests may be in flight. It never exceeds a quarter of the controller's workers. Unset: that.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxInFlight int32 `json:"maxInFlight,omitempty"`
	// PerSecond is how many signatures a second may be requested. Namespaces share them equally. Unset: no limit.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	PerSecond int32 `json:"perSecond,omitempty"`
}

// VaultIssuerStatus is how an issuer stands.
type VaultIssuerStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions: Ready is True when Vault answers, lets the controller log in and has the role. CAExpiring is True when
	// the CA ends soon.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// CA is the one that signs now. Unset: not known.
	//
	// +optional
	CA *IssuerCA `json:"ca,omitempty"`

	// Role is what Vault's role allows. Unset: the token may not read it.
	//
	// +optional
	Role *IssuerRole `json:"role,omitempty"`
}

// IssuerCA is the CA certificate that an issuer signs with.
type IssuerCA struct {
	// CommonName of its subject.
	//
	// +optional
	CommonName string `json:"commonName,omitempty"`
	// Fingerprint: SHA-256 of its DER, lower-case hex.
	Fingerprint string `json:"fingerprint"`
	// NotAfter is when it expires, or a CA above it without which clients of one of its roots cannot verify its certificates.
	NotAfter metav1.Time `json:"notAfter"`
	// Since is when the issuer was first seen to sign with it. From then on leaves of other CAs are issued again.
	Since metav1.Time `json:"since"`
}

// IssuerRole is what a role of Vault's PKI engine allows.
type IssuerRole struct {
	// KeyType is rsa, ec, ed25519 or any.
	//
	// +optional
	KeyType string `json:"keyType,omitempty"`
	// KeyBits is the least size of a key. 0: the default of the type.
	//
	// +optional
	KeyBits int32 `json:"keyBits,omitempty"`
	// AllowedDomains as the role has them, the first 20. Empty with AllowAnyName: any.
	//
	// +optional
	AllowedDomains []string `json:"allowedDomains,omitempty"`
	// +optional
	AllowAnyName bool `json:"allowAnyName,omitempty"`
	// MaxTTL is the longest life that is granted. Unset: that of the mount.
	//
	// +optional
	MaxTTL *metav1.Duration `json:"maxTTL,omitempty"`
}

// Issuer is what VaultIssuer and ClusterVaultIssuer have in common.
//
// +kubebuilder:object:generate=false
type Issuer interface {
	metav1.Object
	IssuerSpec() *VaultIssuerSpec
	IssuerStatus() *VaultIssuerStatus
}

// IssuerSpec returns the spec.
func (i *VaultIssuer) IssuerSpec() *VaultIssuerSpec { return &i.Spec }

// IssuerStatus returns the status, to be changed in place.
func (i *VaultIssuer) IssuerStatus() *VaultIssuerStatus { return &i.Status }

// IssuerSpec returns the spec.
func (i *ClusterVaultIssuer) IssuerSpec() *VaultIssuerSpec { return &i.Spec }

// IssuerStatus returns the status, to be changed in place.
func (i *ClusterVaultIssuer) IssuerStatus() *VaultIssuerStatus { return &i.Status }
