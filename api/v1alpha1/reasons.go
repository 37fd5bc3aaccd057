// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Reasons of conditions and events. Each comment says where the reason is set and what the user should do.
const (
	// ReasonReady is set on Ready by the certificate controller. No action required.
	ReasonReady = "Ready"
	// ReasonIssued is set on Issued: the Secret contains a valid certificate that matches the spec. No action required.
	ReasonIssued = "Issued"
	// ReasonIssuing is set on Issued while the first certificate is being issued. Wait.
	ReasonIssuing = "Issuing"
	// ReasonRenewed is an event: the certificate was replaced before its renewal time. The message says why.
	ReasonRenewed = "Renewed"
	// ReasonRenewalFailing is set on Issued, which stays True: the certificate is valid, but its renewal is due and
	// fails. See the message.
	ReasonRenewalFailing = "RenewalFailing"
	// ReasonRoleWouldReject is set on Issued, which stays True, and is an event: the certificate is valid, but the
	// issuer's role would reject the next one. Fix what the message names before the renewal is due.
	ReasonRoleWouldReject = "RoleWouldReject"
	// ReasonRenewalDisabled is set on Issued, and is an event: the certificate is due for renewal and
	// spec.renewalPolicy is Disabled. Issued stays True while the certificate is valid. Renew it with "apisix-certs
	// renew".
	ReasonRenewalDisabled = "RenewalDisabled"
	// ReasonExpired is set on Issued: the certificate in the Secret has expired and could not be renewed. See the
	// message and the issuer.
	ReasonExpired = "Expired"
	// ReasonIssuerNotFound is set on Issued. Create the issuer or correct spec.issuerRef.
	ReasonIssuerNotFound = "IssuerNotFound"
	// ReasonIssuerNotReady is set on Issued. See the conditions of the issuer.
	ReasonIssuerNotReady = "IssuerNotReady"
	// ReasonIssueFailed is set on Issued: Vault was unreachable or temporarily refused. The controller retries.
	ReasonIssueFailed = "IssueFailed"
	// ReasonRefused is set on Issued: the Vault role refuses this certificate. Fix the spec or the role as the message
	// says.
	ReasonRefused = "Refused"
	// ReasonInvalidResponse is set on Issued: the issuer's response did not match the request and was rejected. Fix the
	// issuer.
	ReasonInvalidResponse = "InvalidResponse"
	// ReasonInvalidSpec is set on Issued. Fix the field that the message names.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonInvalidSource is set on Issued, and is an event on the source object. Fix the annotation or field of the
	// source that the message names. If there is a certificate, Issued stays True and the certificate is not changed.
	ReasonInvalidSource = "InvalidSource"
	// ReasonConflict is set on Issued, and is an event on the source object: a host or the Secret belongs to another
	// ApisixCertificate, which the message names. Remove it from one of them.
	ReasonConflict = "Conflict"
	// ReasonSecretNotManaged is set on Issued: a Secret of this name exists and was not created by the controller.
	// Choose another name, or set the annotation apisix-certs.io/adopt-secret: "true" to have it overwritten.
	ReasonSecretNotManaged = "SecretNotManaged"

	// ReasonProvided is set on Issued with spec.provided: the Secret contains a valid certificate for the hosts. No
	// action required.
	ReasonProvided = "Provided"
	// ReasonSecretMissing is set on Issued with spec.provided: the Secret does not exist. Create it.
	ReasonSecretMissing = "SecretMissing"
	// ReasonSecretInvalid is set on Issued with spec.provided: the Secret cannot be served, or not for all hosts. Fix
	// what the message names.
	ReasonSecretInvalid = "SecretInvalid"
	// ReasonUpdateRefused is set on Issued with spec.provided, which stays True: an update broke the Secret and is not
	// pushed. The certificate that was pushed before is still valid. Fix what the message names before it expires.
	ReasonUpdateRefused = "UpdateRefused"
	// ReasonExpires30Days, ReasonExpires7Days and ReasonExpires1Day are set on Expiring with spec.provided, and are
	// events. Renew the certificate in the Secret.
	ReasonExpires30Days = "ExpiresWithin30Days"
	ReasonExpires7Days  = "ExpiresWithin7Days"
	ReasonExpires1Day   = "ExpiresWithin1Day"
	// ReasonRefNotPermitted is set on Issued: no ReferenceGrant permits the ApisixTls, Gateway or ListenerSet to refer
	// to its Secret in another namespace. What is served is not changed. Create the ReferenceGrant that the message
	// names.
	ReasonRefNotPermitted = "RefNotPermitted"
	// ReasonNamespaceNotWatched is set on Issued: the Secret's namespace is not in the controller's flag
	// --watch-namespaces. What is served is not changed. Use a Secret of the certificate's own namespace, or add the
	// other to the flag.
	ReasonNamespaceNotWatched = "NamespaceNotWatched"
	// ReasonWaitingForApproval is set on Issued: a CertificatePolicy requires manual approval of the certificate. See
	// "apisix-certs approve".
	ReasonWaitingForApproval = "WaitingForApproval"

	// ReasonPushed is set on Pushed: every gateway has the certificate. No action required.
	ReasonPushed = "Pushed"
	// ReasonNoGateway is set on Pushed: no gateway is configured for the certificate's ingress class. Only the Secret
	// is managed.
	ReasonNoGateway = "NoGateway"
	// ReasonNotApplicable is set on Pushed: there is no valid certificate yet, or it has no DNS name.
	ReasonNotApplicable = "NotApplicable"
	// ReasonSyncedByIngressController is set on Pushed: the ingress controller syncs the Secret to the gateway (mode
	// secret).
	ReasonSyncedByIngressController = "SyncedByIngressController"
	// ReasonWaitingForIngressController is set on Pushed: the ingress controller has not created its ssl object yet
	// (mode adopt). If this persists, check the ingress controller and the source object.
	ReasonWaitingForIngressController = "WaitingForIngressController"
	// ReasonPushReverted is set on Pushed: the certificate was written to the ingress controller's ssl object several
	// times, and each time another client replaced it (mode adopt). Find out what writes the object. The controller
	// retries at a longer interval.
	ReasonPushReverted = "PushReverted"
	// ReasonGatewayUnreachable is set on Pushed: the Admin API does not respond. The controller retries.
	ReasonGatewayUnreachable = "GatewayUnreachable"
	// ReasonGatewayRefused is set on Pushed: the Admin API refuses the admin key, the client address or the object, or
	// is older than APISIX 3.0. Fix what the message names.
	ReasonGatewayRefused = "GatewayRefused"
	// ReasonClassNotFound is set on Pushed: the Gateway names a GatewayClass that does not exist. The Secret is kept.
	// Create the GatewayClass, or name another one.
	ReasonClassNotFound = "ClassNotFound"
	// ReasonClassNotAccepted is an event on a Gateway: no controller has accepted its GatewayClass, so nothing serves
	// it. Its Secrets are kept. Install the controller that the GatewayClass names, or name another one.
	ReasonClassNotAccepted = "ClassNotAccepted"
	// ReasonNotReferenced is set on Pushed, which is Unknown: no object that the gateway's ingress controller serves
	// refers to the Secret, so there is nothing to push. If Pods or other gateways use the Secret, set spec.gateways:
	// None. Otherwise refer to it in an ApisixTls, Ingress or Gateway.
	ReasonNotReferenced = "NotReferenced"
	// ReasonModeRefused is set on Pushed: the push mode does not work with this gateway. Change --push-mode as the
	// message says.
	ReasonModeRefused = "ModeRefused"
	// ReasonSNIConflict is set on Pushed: an ssl object of another owner has the same host. The message names it.
	ReasonSNIConflict = "SNIConflict"
	// ReasonInvalidClientCA is set on Pushed: the client verification of an ApisixTls (spec.client) cannot be applied.
	// What is served is not changed. Fix what the message names.
	ReasonInvalidClientCA = "InvalidClientCA"
	// ReasonKeyLost is set on Pushed: the private key was stored only at the gateway (spec.keyStorage: Gateway), which
	// has lost it. No action required: a new certificate is issued.
	ReasonKeyLost = "KeyLost"
	// ReasonKeyStorageUnsupported is set on Issued: the gateways of this certificate do not support spec.keyStorage, or
	// a prerequisite is missing. Fix what the message names.
	ReasonKeyStorageUnsupported = "KeyStorageUnsupported"

	// ReasonServed is set on Served: TLS handshakes for all hosts presented the certificate. No action required.
	ReasonServed = "Served"
	// ReasonNotServed is set on Served: a TLS handshake presented another certificate or failed. The message says
	// which.
	ReasonNotServed = "NotServed"
	// ReasonNotProven is set on Served: no TLS address of the gateway is known. Set --apisix-tls-addr.
	ReasonNotProven = "NotProven"
	// ReasonHostNotCovered is set on Served: an ApisixTls serves a host with this Secret that the certificate does not
	// cover. Add the host to spec.dnsNames.
	ReasonHostNotCovered = "HostNotCovered"

	// ReasonVaultReady is set on an issuer's Ready. No action required.
	ReasonVaultReady = "VaultReady"
	// ReasonRoleGeneratesLeases is a warning, set on an issuer's Ready, which is True: the role has
	// generate_lease=true, so Vault revokes all certificates of the issuer when the controller's token expires. Set it
	// to false in Vault.
	ReasonRoleGeneratesLeases = "RoleGeneratesLeases"
	// ReasonInvalidCredentials is set on an issuer's Ready: a Secret or ServiceAccount with credentials is missing or
	// incomplete.
	ReasonInvalidCredentials = "InvalidCredentials"
	// ReasonVaultUnavailable is set on an issuer's Ready: Vault does not respond, is sealed or is overloaded.
	ReasonVaultUnavailable = "VaultUnavailable"
	// ReasonVaultRefused is set on an issuer's Ready: Vault refuses the login, or the role is not usable. Fix what the
	// message names.
	ReasonVaultRefused = "VaultRefused"

	// ReasonDenied is set on Issued: no CertificatePolicy allows the certificate; or there is no policy and flag
	// --require-policy is set; or a user denied the certificate or its CertificateRequest. The message names what is
	// not allowed and the fix. To retry after a denied CertificateRequest, delete it or request a renewal.
	ReasonDenied = "Denied"
	// ReasonRevocationFailed is set on Ready of an object that is being deleted, and is an event: the issuer could not
	// revoke. The controller retries. The annotation apisix-certs.io/skip-revocation: "true" skips the revocation.
	ReasonRevocationFailed = "RevocationFailed"
	// ReasonSecretReverted is set on Issued: another client overwrites the Secret after each certificate that is
	// written to it. The message names its field manager. Stop it from writing the Secret, or name another Secret.
	ReasonSecretReverted = "SecretReverted"
	// ReasonIssuanceLimited is set on Issued: too many certificates were issued in a row because spec or annotations
	// kept changing. Find out what changes them.
	ReasonIssuanceLimited = "IssuanceLimited"
	// ReasonCleanupAbandoned is an event: the deleted ApisixCertificate was removed although its cleanup is incomplete,
	// after an hour of failures or because of annotation apisix-certs.io/skip-cleanup. The message says what remains.
	// Remove that by hand.
	ReasonCleanupAbandoned = "CleanupAbandoned"
	// ReasonSecretReleased is an event: the ApisixCertificate was deleted, and its Secret is kept because another
	// object needs it. The certificate in it is no longer renewed.
	ReasonSecretReleased = "SecretReleased"
	// ReasonSecretRefused is set on Issued: the API server rejects the Secret because of a quota, an admission webhook
	// or an immutable field. The message quotes it. Nothing is issued until the Secret is accepted.
	ReasonSecretRefused = "SecretRefused"
	// ReasonRevoked is an event: the issuer has revoked a certificate. No action required.
	ReasonRevoked = "Revoked"
	// ReasonCAExpiringSoon is set on an issuer's CAExpiring, and is an event. Renew the CA.
	ReasonCAExpiringSoon = "CAExpiringSoon"
	// ReasonCAValid is set on an issuer's CAExpiring, which is False. No action required.
	ReasonCAValid = "CAValid"
	// ReasonCARotated is an event on an issuer: it signs with another CA now. Certificates of other CAs are reissued.
	ReasonCARotated = "CARotated"

	// ReasonCreated and ReasonUpdated are events on a source object: its ApisixCertificate was created or updated.
	ReasonCreated = "CertificateCreated"
	ReasonUpdated = "CertificateUpdated"
	// ReasonSourceOptedOut is an event on a source object: it no longer has the annotations, or its ingress class is
	// not one that the controller serves. Its ApisixCertificate is kept, renewed and served as before. Opt in again, or
	// delete the ApisixCertificate.
	ReasonSourceOptedOut = "SourceOptedOut"
	// ReasonSecretShared is an event on a source object: an older one names the same Secret and determines its
	// certificate, and their annotations differ. Set the same annotations on both, or name another Secret.
	ReasonSecretShared = "SecretShared"
	// ReasonDeletionHeld is an event on an ApisixCertificate and its source: the source no longer names the Secret, but
	// more certificates than the limit were to be deleted within a minute, so this deletion is delayed. Restore the
	// entry to keep the certificate; otherwise no action is required.
	ReasonDeletionHeld = "DeletionHeld"
	// ReasonClientCAUpdated is an event on an ApisixTls: the CAs of the issuer that annotation client-ca names were
	// written to the Secret of spec.client.caSecret. No action required.
	ReasonClientCAUpdated = "ClientCAUpdated"
	// ReasonCovered is an event on an ApisixRoute: another certificate of the namespace covers its hosts.
	ReasonCovered = "HostsCovered"
)
