// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// VaultIssuer issues certificates for its namespace with the PKI engine of HashiCorp Vault.
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

// VaultIssuerSpec has the fields and meaning of cert-manager's issuer.spec.vault. The controller validates the same
// rules with the same messages.
//
// +kubebuilder:validation:XValidation:rule="!self.server.startsWith('http://') || !has(self.caBundle) && !has(self.caBundleSecretRef)",fieldPath=".caBundle",message="is of no use with an http server: write https:// in server, or drop caBundle"
// +kubebuilder:validation:XValidation:rule="!has(self.caBundle) || !has(self.caBundleSecretRef)",fieldPath=".caBundle",message="and caBundleSecretRef are mutually exclusive: set only one"
// +kubebuilder:validation:XValidation:rule="has(self.clientCertSecretRef) == has(self.clientKeySecretRef)",fieldPath=".clientCertSecretRef",message="and clientKeySecretRef are only valid together: set both or neither"
type VaultIssuerSpec struct {
	// Server is the address of Vault, such as "https://vault.example.com:8200". It may have a path before /v1.
	//
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#]+')",message=`is not an http or https URL: write it as in "https://vault.example:8200"`
	// +kubebuilder:validation:XValidation:rule="!self.matches('^https?://[^/?#]+') || self.matches('^https?://[^@/?#]+(/[^?#]*)?$')",message="has a user, query or fragment: leave only scheme, host, port and path"
	// +kubebuilder:validation:XValidation:rule="!self.matches('/v1/*$')",message="ends in /v1: leave /v1 out"
	Server string `json:"server"`

	// ServerName is the expected name of Vault's TLS certificate. Defaults to the host of server.
	//
	// +optional
	ServerName string `json:"serverName,omitempty"`

	// Path of the role. With "MOUNT/sign/ROLE" the controller makes the key and Vault signs a CSR. With
	// "MOUNT/issue/ROLE" Vault makes the key. "MOUNT/sign-verbatim" and "MOUNT/sign-verbatim/ROLE" sign the CSR without
	// checks. MOUNT may end in "/issuer/REF".
	//
	// +kubebuilder:validation:XValidation:rule="self.matches('^/*([^/ ?#%]+/)+((sign|sign-verbatim|issue)/[^/ ?#%]+|sign-verbatim)/*$')",message=`is not that of a PKI role: write it as in "pki/sign/ROLE" or "pki/issue/ROLE"`
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path"`

	// Namespace of Vault (Enterprise). Defaults to the root namespace.
	//
	// +optional
	Namespace string `json:"namespace,omitempty"`

	// CABundle contains the CA certificates that verify Vault's certificate, PEM, encoded as base64 in the manifest.
	// Defaults to the system's CAs.
	//
	// +optional
	CABundle []byte `json:"caBundle,omitempty"`

	// CABundleSecretRef is the key of a Secret with the CA bundle. The key defaults to ca.crt.
	//
	// +optional
	CABundleSecretRef *SecretKeySelector `json:"caBundleSecretRef,omitempty"`

	// ClientCertSecretRef and ClientKeySecretRef are a client certificate for TLS with Vault. The keys default to
	// tls.crt and tls.key.
	//
	// +optional
	ClientCertSecretRef *SecretKeySelector `json:"clientCertSecretRef,omitempty"`
	// +optional
	ClientKeySecretRef *SecretKeySelector `json:"clientKeySecretRef,omitempty"`

	// Auth is how the controller logs in. Exactly one method must be set.
	Auth VaultAuth `json:"auth"`

	// Limits bound the requests to Vault.
	//
	// +optional
	Limits *VaultLimits `json:"limits,omitempty"`
}

// VaultAuth is how to log in to Vault.
//
// +kubebuilder:validation:XValidation:rule="[has(self.tokenSecretRef), has(self.appRole), has(self.kubernetes), has(self.clientCertificate), has(self.jwt)].exists(x, x)",message="has no auth method: set one of tokenSecretRef, appRole, kubernetes, clientCertificate and jwt"
// +kubebuilder:validation:XValidation:rule="[has(self.tokenSecretRef), has(self.appRole), has(self.kubernetes), has(self.clientCertificate), has(self.jwt)].filter(x, x).size() < 2",message="has more than one auth method: set only one of tokenSecretRef, appRole, kubernetes, clientCertificate and jwt"
type VaultAuth struct {
	// TokenSecretRef is the key of a Secret with a Vault token. The key defaults to token.
	//
	// +optional
	TokenSecretRef *SecretKeySelector `json:"tokenSecretRef,omitempty"`

	// AppRole logs in with a role ID and a secret ID.
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
	// Path is the mount path. Defaults to approle.
	//
	// +optional
	Path string `json:"path,omitempty"`
	// +kubebuilder:validation:MinLength=1
	RoleID string `json:"roleId"`
	// SecretRef is the key of a Secret with the secret ID. The key defaults to secretId.
	SecretRef SecretKeySelector `json:"secretRef"`
}

// VaultKubernetes is Vault's Kubernetes auth method.
//
// +kubebuilder:validation:XValidation:rule="has(self.secretRef) != has(self.serviceAccountRef)",message="needs exactly one source of the token: set secretRef or serviceAccountRef"
type VaultKubernetes struct {
	// MountPath with or without the leading "/v1/". Defaults to /v1/auth/kubernetes.
	//
	// +optional
	MountPath string `json:"mountPath,omitempty"`
	// Role is the role of the auth method, not of the PKI engine.
	//
	// +kubebuilder:validation:MinLength=1
	Role string `json:"role"`
	// SecretRef is the key of a Secret of type kubernetes.io/service-account-token. The key defaults to token.
	//
	// +optional
	SecretRef *SecretKeySelector `json:"secretRef,omitempty"`
	// ServiceAccountRef requests a short-lived token of a ServiceAccount from the API server.
	//
	// +optional
	ServiceAccountRef *ServiceAccountReference `json:"serviceAccountRef,omitempty"`
}

// ServiceAccountReference names a ServiceAccount in the issuer's namespace (ClusterVaultIssuer: the cluster resource
// namespace).
type ServiceAccountReference struct {
	// +kubebuilder:validation:MinLength=1
	Name string `json:"name"`
	// Audiences of the token in addition to the default one, which is vault://NAMESPACE/ISSUER, or vault://ISSUER for a
	// ClusterVaultIssuer. For a VaultIssuer they must match the controller's flag --vault-audiences, which allows none
	// by default.
	//
	// +optional
	Audiences []string `json:"audiences,omitempty"`
}

// VaultClientCertificate is Vault's TLS certificate auth method.
type VaultClientCertificate struct {
	// MountPath with or without the leading "/v1/". Defaults to /v1/auth/cert.
	//
	// +optional
	MountPath string `json:"mountPath,omitempty"`
	// SecretName is a Secret of type kubernetes.io/tls. If it is empty, clientCertSecretRef and clientKeySecretRef are
	// used.
	//
	// +optional
	SecretName string `json:"secretName,omitempty"`
	// Name of the role to log in as. If it is empty, Vault uses any role that matches the certificate.
	//
	// +optional
	Name string `json:"name,omitempty"`
}

// VaultJWT is Vault's JWT auth method.
//
// +kubebuilder:validation:XValidation:rule="has(self.secretRef) != has(self.serviceAccountRef)",message="needs exactly one source of the token: set secretRef or serviceAccountRef"
type VaultJWT struct {
	// MountPath with or without the leading "/v1/". Defaults to /v1/auth/jwt.
	//
	// +optional
	MountPath string `json:"mountPath,omitempty"`
	// +optional
	Role string `json:"role,omitempty"`
	// SecretRef is the key of a Secret with the token. The key defaults to jwt.
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

// VaultLimits bound the requests to Vault for all certificates of an issuer.
type VaultLimits struct {
	// MaxInFlight is the maximum number of concurrent requests. Defaults to a quarter of the controller's workers,
	// which it cannot exceed.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxInFlight int32 `json:"maxInFlight,omitempty"`
	// PerSecond is the maximum number of signing requests per second, shared equally by namespaces. Unlimited if unset.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	PerSecond int32 `json:"perSecond,omitempty"`
}

// VaultIssuerStatus is the observed state of an issuer.
type VaultIssuerStatus struct {
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions are the conditions of the issuer. Ready is True if Vault responds, the controller can log in, and the
	// role exists. CAExpiring is True if the CA expires soon.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// CA is the CA that currently signs. Unset if it is unknown.
	//
	// +optional
	CA *IssuerCA `json:"ca,omitempty"`

	// Role is what Vault's role allows. Unset if the token must not read it.
	//
	// +optional
	Role *IssuerRole `json:"role,omitempty"`
}

// IssuerCA is the CA certificate that an issuer signs with.
type IssuerCA struct {
	// CommonName of the CA's subject.
	//
	// +optional
	CommonName string `json:"commonName,omitempty"`
	// Fingerprint is the SHA-256 of the CA's DER, lower-case hex.
	Fingerprint string `json:"fingerprint"`
	// NotAfter is when the CA expires, or an earlier expiry of a CA above it without which clients cannot verify its
	// certificates up to one of its roots.
	NotAfter metav1.Time `json:"notAfter"`
	// Since is when the issuer was first seen to sign with this CA. Certificates that another CA signed are then
	// reissued.
	Since metav1.Time `json:"since"`
}

// IssuerRole is what a role of Vault's PKI engine allows.
type IssuerRole struct {
	// KeyType is rsa, ec, ed25519 or any.
	//
	// +optional
	KeyType string `json:"keyType,omitempty"`
	// KeyBits is the minimum key size in bits. 0 means the default of the key type.
	//
	// +optional
	KeyBits int32 `json:"keyBits,omitempty"`
	// AllowedDomains are the first 20 domains that the role allows. With allowAnyName and no domains, any name is
	// allowed.
	//
	// +optional
	AllowedDomains []string `json:"allowedDomains,omitempty"`
	// +optional
	AllowAnyName bool `json:"allowAnyName,omitempty"`
	// MaxTTL is the longest lifetime that the role grants. Unset if the mount's limit applies.
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
