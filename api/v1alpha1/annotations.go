// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Prefix is that of every annotation and label of apisix-certs.
const Prefix = "apisix-certs.io/"

// Annotations on ApisixTls, ApisixRoute, ApisixUpstream and Ingress objects. Issuer or ClusterIssuer opts an object in; the others have
// the suffixes and meaning of cert-manager's annotations on an Ingress.
const (
	AnnotationIssuer        = Prefix + "issuer"
	AnnotationClusterIssuer = Prefix + "cluster-issuer"
	// AnnotationManage, "true", opts an object in that names no issuer: that of flag --default-issuer serves. "false" keeps
	// one out though flag --manage is all.
	AnnotationManage = Prefix + "manage"
	// AnnotationTLSACME, "true", means what AnnotationManage does, as it does to cert-manager, where there is a default issuer.
	AnnotationTLSACME = "kubernetes.io/tls-acme"
	// AnnotationProvided, "true", opts an object in without an issuer: somebody else keeps the Secret. An ApisixRoute names it
	// in AnnotationSecretName.
	AnnotationProvided = Prefix + "provided"

	AnnotationCommonName  = Prefix + "common-name"
	AnnotationAltNames    = Prefix + "alt-names"
	AnnotationIPSANs      = Prefix + "ip-sans"
	AnnotationURISANs     = Prefix + "uri-sans"
	AnnotationEmailSANs   = Prefix + "email-sans"
	AnnotationDuration    = Prefix + "duration"
	AnnotationRenewBefore = Prefix + "renew-before"
	// AnnotationRenewBeforePercentage is a whole number from 1 to 99.
	AnnotationRenewBeforePercentage = Prefix + "renew-before-percentage"
	// AnnotationRenewalPolicy is Automatic or Disabled.
	AnnotationRenewalPolicy = Prefix + "renewal-policy"
	// AnnotationUsages is a list separated by commas.
	AnnotationUsages = Prefix + "usages"

	AnnotationKeyAlgorithm      = Prefix + "private-key-algorithm"
	AnnotationKeyEncoding       = Prefix + "private-key-encoding"
	AnnotationKeySize           = Prefix + "private-key-size"
	AnnotationKeyRotationPolicy = Prefix + "private-key-rotation-policy"

	// AnnotationKeyStorage is Secret, Gateway or VaultKV, see spec.keyStorage. VaultKV needs AnnotationVaultKVTokenSecret.
	AnnotationKeyStorage = Prefix + "key-storage"
	// AnnotationVaultKVTokenSecret names the Secret with the Vault token with which the gateway reads, and
	// AnnotationVaultKVTokenKey its key there, see spec.vaultKV.tokenSecretRef.
	AnnotationVaultKVTokenSecret = Prefix + "vault-kv-token-secret"
	AnnotationVaultKVTokenKey    = Prefix + "vault-kv-token-key"
	// AnnotationVaultKVMount and AnnotationVaultKVPath are spec.vaultKV.mount and path.
	AnnotationVaultKVMount = Prefix + "vault-kv-mount"
	AnnotationVaultKVPath  = Prefix + "vault-kv-path"

	AnnotationSubjectOrganizations       = Prefix + "subject-organizations"
	AnnotationSubjectOrganizationalUnits = Prefix + "subject-organizationalunits"
	AnnotationSubjectCountries           = Prefix + "subject-countries"
	AnnotationSubjectProvinces           = Prefix + "subject-provinces"
	AnnotationSubjectLocalities          = Prefix + "subject-localities"
	AnnotationSubjectPostalCodes         = Prefix + "subject-postalcodes"
	AnnotationSubjectStreetAddresses     = Prefix + "subject-streetaddresses"
	AnnotationSubjectSerialNumber        = Prefix + "subject-serialnumber"

	// AnnotationSecretTemplate is a JSON object {"labels":{},"annotations":{}}.
	AnnotationSecretTemplate = Prefix + "secret-template"
	// AnnotationIssuerKind and AnnotationIssuerGroup are for issuers that are no VaultIssuer or ClusterVaultIssuer. Of a
	// group other than cert-manager's both are needed.
	AnnotationIssuerKind  = Prefix + "issuer-kind"
	AnnotationIssuerGroup = Prefix + "issuer-group"

	// AnnotationSecretName, on an ApisixRoute, names the Secret. Unset: the route's name and "-tls".
	AnnotationSecretName = Prefix + "secret-name"
	// AnnotationTouchedAt, on an ApisixTls, is when it was last changed so that the ingress controller of a gateway in standalone
	// mode looks at it (RFC 3339). Set by the controller.
	AnnotationTouchedAt = Prefix + "touched-at"

	// AnnotationClientCA, on an ApisixTls, names the issuer whose CAs clients are verified with, as NAME of a VaultIssuer or as
	// KIND/NAME. The Secret that spec.client.caSecret names is kept filled with them. It needs no other annotation.
	AnnotationClientCA = Prefix + "client-ca"
)

// Annotations on an ApisixCertificate.
const (
	// AnnotationRenewAt asks for a renewal: at the time that its value gives (RFC 3339), once a value.
	AnnotationRenewAt = Prefix + "renew-at"
	// AnnotationAdoptSecret, "true" on an ApisixCertificate, its source or the Secret, lets a Secret that the
	// controller did not make be overwritten. For a Secret of another namespace it only counts on the Secret.
	AnnotationAdoptSecret = Prefix + "adopt-secret"
	// AnnotationSkipRevocation, "true" on an ApisixCertificate, lets it end though its certificates are not revoked.
	AnnotationSkipRevocation = Prefix + "skip-revocation"
	// AnnotationSkipCleanup, "true" on an ApisixCertificate that is being deleted, lets it go at once, whatever is left at
	// gateways and in Vault.
	AnnotationSkipCleanup = Prefix + "skip-cleanup"
	// AnnotationSourceProblem says what is wrong with the source object. Set by the source controllers; while it is
	// there, a certificate that was never issued is not issued.
	AnnotationSourceProblem = Prefix + "source-problem"
	// AnnotationSourceOptedOut says which sources of the certificate have opted out, and why. Set by the source
	// controller; the certificate is kept and renewed as before. It goes when they opt in again.
	AnnotationSourceOptedOut = Prefix + "source-opted-out"
)

// Labels and annotations on Secrets that the controller makes.
const (
	// LabelManaged, "true", marks objects that the controller made.
	LabelManaged = Prefix + "managed"
	// AnnotationCertificate is the ApisixCertificate that the Secret belongs to, NAMESPACE/NAME.
	AnnotationCertificate = Prefix + "certificate-name"
	// AnnotationIssuedBy is the issuer of the Secret's certificate, as KIND/NAME.
	AnnotationIssuedBy = Prefix + "issued-by"
	// AnnotationIssuedAt is when the Secret's certificate was issued (RFC 3339).
	AnnotationIssuedAt = Prefix + "issued-at"
	// AnnotationIssuedUnder identifies the CA that the issuer was known to sign with when the Secret's certificate was
	// issued, and the CAs above it: a SHA-256 (certs.ChainID). Absent: it was not known.
	AnnotationIssuedUnder = Prefix + "issued-under"
	// AnnotationVaultKV is where in Vault the private key of the Secret's certificate is, as "ISSUER MOUNT PATH", see
	// KeyLocation. Absent or empty: it is not in Vault.
	AnnotationVaultKV = Prefix + "vault-kv"
	// AnnotationOutputs identifies what the Secret's additional formats and keystores were made of.
	AnnotationOutputs = Prefix + "outputs"
	// AnnotationReleased is on a Secret that a deleted ApisixCertificate left in place: NAMESPACE/NAME of that and the
	// fingerprint of the certificate in the Secret.
	AnnotationReleased = Prefix + "released"
	// AnnotationKeys lists the keys of data, labels and annotations that the controller has set, as JSON, so that what leaves
	// the spec leaves the Secret.
	AnnotationKeys = Prefix + "keys"
	// AnnotationClientCAIssuer is on a Secret that was made for the CAs of clients: their issuer, KIND/NAME.
	AnnotationClientCAIssuer = Prefix + "client-ca-issuer"
	// AnnotationClientCAs is on such a Secret: how long each CA in it is needed, as JSON, by the SHA-256 of its DER. Empty: it
	// is one that the issuer has now.
	AnnotationClientCAs = Prefix + "client-cas"
	// AnnotationSpecDigest identifies the spec that the Secret's certificate was issued for.
	AnnotationSpecDigest = Prefix + "spec-digest"
)

// Finalizer holds an ApisixCertificate until its ssl objects and its Secret are gone.
const Finalizer = Prefix + "cleanup"
