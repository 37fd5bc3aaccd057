// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Prefix is the prefix of every annotation and label of apisix-certs.
const Prefix = "apisix-certs.io/"

// Annotations on source objects (ApisixTls, ApisixRoute, ApisixUpstream, Ingress, Gateway and ListenerSet). Issuer or
// ClusterIssuer opts an object in. The others have the suffixes and meaning of cert-manager's annotations on an
// Ingress.
const (
	AnnotationIssuer        = Prefix + "issuer"
	AnnotationClusterIssuer = Prefix + "cluster-issuer"
	// AnnotationManage, "true", opts in an object that names no issuer: the issuer of flag --default-issuer is used.
	// "false" opts an object out although flag --manage is all.
	AnnotationManage = Prefix + "manage"
	// AnnotationTLSACME, "true", is equivalent to AnnotationManage, as in cert-manager, if there is a default issuer.
	AnnotationTLSACME = "kubernetes.io/tls-acme"
	// AnnotationProvided, "true", opts an object in without an issuer: the Secret is managed by hand or by another
	// program. An ApisixRoute names the Secret in AnnotationSecretName.
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
	// AnnotationUsages is a comma-separated list.
	AnnotationUsages = Prefix + "usages"

	AnnotationKeyAlgorithm      = Prefix + "private-key-algorithm"
	AnnotationKeyEncoding       = Prefix + "private-key-encoding"
	AnnotationKeySize           = Prefix + "private-key-size"
	AnnotationKeyRotationPolicy = Prefix + "private-key-rotation-policy"

	// AnnotationKeyStorage is Secret, Gateway or VaultKV (spec.keyStorage). VaultKV requires
	// AnnotationVaultKVTokenSecret.
	AnnotationKeyStorage = Prefix + "key-storage"
	// AnnotationVaultKVTokenSecret names the Secret with the Vault token that the gateway reads with, and
	// AnnotationVaultKVTokenKey the key in that Secret (spec.vaultKV.tokenSecretRef).
	AnnotationVaultKVTokenSecret = Prefix + "vault-kv-token-secret"
	AnnotationVaultKVTokenKey    = Prefix + "vault-kv-token-key"
	// AnnotationVaultKVMount and AnnotationVaultKVPath are spec.vaultKV.mount and spec.vaultKV.path.
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
	// AnnotationIssuerKind and AnnotationIssuerGroup are for issuers other than VaultIssuer and ClusterVaultIssuer.
	// Both are required for a group other than cert-manager's.
	AnnotationIssuerKind  = Prefix + "issuer-kind"
	AnnotationIssuerGroup = Prefix + "issuer-group"

	// AnnotationSecretName, on an ApisixRoute, names the Secret. Defaults to the name of the route and "-tls".
	AnnotationSecretName = Prefix + "secret-name"
	// AnnotationTouchedAt, on an ApisixTls, is the time (RFC 3339) of the last update that made the ingress controller
	// of a gateway in standalone mode read the object again. Set by the controller.
	AnnotationTouchedAt = Prefix + "touched-at"

	// AnnotationClientCA, on an ApisixTls, names the issuer, as NAME of a VaultIssuer or as KIND/NAME, whose CAs verify
	// client certificates. The controller writes them to the Secret that spec.client.caSecret names. No other
	// annotation is required.
	AnnotationClientCA = Prefix + "client-ca"
)

// Annotations on an ApisixCertificate.
const (
	// AnnotationRenewAt requests one renewal, at the time of its value (RFC 3339).
	AnnotationRenewAt = Prefix + "renew-at"
	// AnnotationAdoptSecret, "true" on an ApisixCertificate, its source or the Secret, allows the controller to
	// overwrite a Secret that it did not create. For a Secret of another namespace only the annotation on the Secret
	// counts.
	AnnotationAdoptSecret = Prefix + "adopt-secret"
	// AnnotationSkipRevocation, "true" on an ApisixCertificate, allows its deletion although its certificates are not
	// revoked.
	AnnotationSkipRevocation = Prefix + "skip-revocation"
	// AnnotationSkipCleanup, "true" on an ApisixCertificate that is being deleted, removes it at once, even if objects
	// remain at gateways and in Vault.
	AnnotationSkipCleanup = Prefix + "skip-cleanup"
	// AnnotationSourceProblem says what is wrong with the source object. Set by the source controller. While it is
	// present, a certificate that was never issued is not issued.
	AnnotationSourceProblem = Prefix + "source-problem"
	// AnnotationSourceOptedOut says which sources of the certificate have opted out, and why. Set by the source
	// controller, and removed when they opt in again. The certificate is kept and renewed as before.
	AnnotationSourceOptedOut = Prefix + "source-opted-out"
)

// Labels and annotations on Secrets that the controller creates.
const (
	// LabelManaged, "true", marks objects that the controller created.
	LabelManaged = Prefix + "managed"
	// AnnotationCertificate is the ApisixCertificate that the Secret belongs to, NAMESPACE/NAME.
	AnnotationCertificate = Prefix + "certificate-name"
	// AnnotationIssuedBy is the issuer of the Secret's certificate, as KIND/NAME.
	AnnotationIssuedBy = Prefix + "issued-by"
	// AnnotationIssuedAt is when the Secret's certificate was issued (RFC 3339).
	AnnotationIssuedAt = Prefix + "issued-at"
	// AnnotationIssuedUnder identifies the CA chain that the issuer was known to sign with when the Secret's
	// certificate was issued: a SHA-256 (certs.ChainID). It is absent if the chain was not known.
	AnnotationIssuedUnder = Prefix + "issued-under"
	// AnnotationVaultKV is the location in Vault of the private key of the Secret's certificate, as "ISSUER MOUNT PATH"
	// (KeyLocation). It is absent or empty if the key is not in Vault.
	AnnotationVaultKV = Prefix + "vault-kv"
	// AnnotationOutputs identifies the input of the Secret's additional output formats and keystores.
	AnnotationOutputs = Prefix + "outputs"
	// AnnotationReleased is on a Secret that was kept when its ApisixCertificate was deleted: the NAMESPACE/NAME of
	// that certificate and the fingerprint of the certificate in the Secret.
	AnnotationReleased = Prefix + "released"
	// AnnotationKeys lists, as JSON, the keys of data, labels and annotations that the controller has set, so that it
	// can remove those that are no longer in the spec.
	AnnotationKeys = Prefix + "keys"
	// AnnotationClientCAIssuer is on a Secret that was created for client CAs: their issuer, as KIND/NAME.
	AnnotationClientCAIssuer = Prefix + "client-ca-issuer"
	// AnnotationClientCAs is on such a Secret: until when each CA in it is needed, as JSON, by the SHA-256 of its DER.
	// An empty time means that it is a current CA of the issuer.
	AnnotationClientCAs = Prefix + "client-cas"
	// AnnotationSpecDigest identifies the spec that the Secret's certificate was issued for.
	AnnotationSpecDigest = Prefix + "spec-digest"
)

// Finalizer blocks the removal of an ApisixCertificate until its ssl objects and its Secret are deleted.
const Finalizer = Prefix + "cleanup"
