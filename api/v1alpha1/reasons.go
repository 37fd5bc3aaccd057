// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Reasons of conditions and events. Each says who sets it and what its reader should do.
const (
	// ReasonReady is set on Ready by the certificate controller: nothing to do.
	ReasonReady = "Ready"
	// ReasonIssued is set on Issued: the Secret holds a valid certificate as specified. Nothing to do.
	ReasonIssued = "Issued"
	// ReasonIssuing is set on Issued while the first certificate is on its way: wait.
	ReasonIssuing = "Issuing"
	// ReasonRenewed is an event: the certificate was replaced before its time; the message says why.
	ReasonRenewed = "Renewed"
	// ReasonRenewalFailing is set on Issued, which stays True: the certificate is valid, but it should be replaced and
	// that fails. See the message.
	ReasonRenewalFailing = "RenewalFailing"
	// ReasonRoleWouldReject is set on Issued, which stays True, and is an event: the certificate is valid, but the issuer's role
	// has changed, or was never fit, so that it would refuse the next one. Mend what the message names before it is due.
	ReasonRoleWouldReject = "RoleWouldReject"
	// ReasonRenewalDisabled is set on Issued, and is an event: the certificate should be replaced, and spec.renewalPolicy is
	// Disabled. Issued stays True as long as it is valid. Renew it by hand: apisix-certs renew.
	ReasonRenewalDisabled = "RenewalDisabled"
	// ReasonExpired is set on Issued: the certificate in the Secret has ended and could not be renewed. See the message
	// and the issuer.
	ReasonExpired = "Expired"
	// ReasonIssuerNotFound is set on Issued: create the issuer or correct spec.issuerRef.
	ReasonIssuerNotFound = "IssuerNotFound"
	// ReasonIssuerNotReady is set on Issued: see the conditions of the issuer.
	ReasonIssuerNotReady = "IssuerNotReady"
	// ReasonIssueFailed is set on Issued: Vault could not be reached or refused for now; the controller tries again.
	ReasonIssueFailed = "IssueFailed"
	// ReasonRefused is set on Issued: Vault's role refuses this certificate. Mend the spec or the role, as the message
	// says.
	ReasonRefused = "Refused"
	// ReasonInvalidResponse is set on Issued: the issuer's answer did not fit the request and was not used. Mend the issuer.
	ReasonInvalidResponse = "InvalidResponse"
	// ReasonInvalidSpec is set on Issued: mend the field that the message names.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonInvalidSource is set on Issued, and is an event on the source object: mend the annotation or field of the
	// source that the message names. Issued stays True where there is a certificate, which is kept as it is meanwhile.
	ReasonInvalidSource = "InvalidSource"
	// ReasonConflict is set on Issued, and is an event on the source object: a host or the Secret belongs to another
	// ApisixCertificate, which the message names. Remove it from one of the two.
	ReasonConflict = "Conflict"
	// ReasonSecretNotManaged is set on Issued: a Secret of this name exists and was not made by the controller. Choose
	// another name, or allow it to be taken over with the annotation apisix-certs.io/adopt-secret: "true".
	ReasonSecretNotManaged = "SecretNotManaged"

	// ReasonProvided is set on Issued with spec.provided: the Secret holds a valid certificate for the hosts. Nothing to do.
	ReasonProvided = "Provided"
	// ReasonSecretMissing is set on Issued with spec.provided: there is no Secret. Create it.
	ReasonSecretMissing = "SecretMissing"
	// ReasonSecretInvalid is set on Issued with spec.provided: the Secret cannot be served, or not for all hosts. Mend what the
	// message names.
	ReasonSecretInvalid = "SecretInvalid"
	// ReasonUpdateRefused is set on Issued with spec.provided, which stays True: the Secret was broken by an update that is not
	// pushed, and what was pushed before it is good. Mend what the message names before that ends.
	ReasonUpdateRefused = "UpdateRefused"
	// ReasonExpires30Days, ReasonExpires7Days and ReasonExpires1Day are set on Expiring with spec.provided, and are events:
	// renew the Secret.
	ReasonExpires30Days = "ExpiresWithin30Days"
	ReasonExpires7Days  = "ExpiresWithin7Days"
	ReasonExpires1Day   = "ExpiresWithin1Day"
	// ReasonRefNotPermitted is set on Issued: no ReferenceGrant lets the ApisixTls, Gateway or ListenerSet have its Secret in another namespace, or not
	// any longer. What is served stays. Make the grant that the message names.
	ReasonRefNotPermitted = "RefNotPermitted"
	// ReasonNamespaceNotWatched is set on Issued: the Secret is to be in a namespace that the controller does not read, by its
	// flag --watch-namespaces. What is served stays. Use a Secret of the certificate's own namespace, or have the other watched.
	ReasonNamespaceNotWatched = "NamespaceNotWatched"
	// ReasonWaitingForApproval is set on Issued: a CertificatePolicy wants the certificate approved by hand. See
	// "apisix-certs approve".
	ReasonWaitingForApproval = "WaitingForApproval"

	// ReasonPushed is set on Pushed: every gateway holds the certificate. Nothing to do.
	ReasonPushed = "Pushed"
	// ReasonNoGateway is set on Pushed: no gateway is configured for the certificate's ingress class, so that the
	// Secret is all there is to do.
	ReasonNoGateway = "NoGateway"
	// ReasonNotApplicable is set on Pushed: there is no valid certificate yet, or none of its names is a DNS name.
	ReasonNotApplicable = "NotApplicable"
	// ReasonSyncedByIngressController is set on Pushed: the ingress controller carries the Secret (mode secret).
	ReasonSyncedByIngressController = "SyncedByIngressController"
	// ReasonWaitingForIngressController is set on Pushed: the ingress controller has not made its ssl object yet (mode
	// adopt). If it lasts, look at the ingress controller and at the source object.
	ReasonWaitingForIngressController = "WaitingForIngressController"
	// ReasonPushReverted is set on Pushed: the certificate was put into the ingress controller's ssl object several times, and
	// each time somebody put another one back (mode adopt). See who else writes it; the controller tries again, but rarely.
	ReasonPushReverted = "PushReverted"
	// ReasonGatewayUnreachable is set on Pushed: the Admin API does not answer; the controller tries again.
	ReasonGatewayUnreachable = "GatewayUnreachable"
	// ReasonGatewayRefused is set on Pushed: the Admin API refuses the admin key, the client's address or the object, or is
	// older than that of APISIX 3.0. Mend what the message names.
	ReasonGatewayRefused = "GatewayRefused"
	// ReasonClassNotFound is set on Pushed: the Gateway names a GatewayClass that does not exist. The Secret is kept. Create the
	// class, or name another.
	ReasonClassNotFound = "ClassNotFound"
	// ReasonClassNotAccepted is an event on a Gateway: no controller has accepted its GatewayClass, so that nothing serves it. Its
	// Secrets are kept. Install the controller that the class names, or name another class.
	ReasonClassNotAccepted = "ClassNotAccepted"
	// ReasonNotReferenced is set on Pushed, which is Unknown: no object that the gateway's ingress controller serves refers to the
	// Secret, so that there is nothing to push. Nothing to do where Pods or other gateways use it (spec.gateways: None says
	// so); else refer to the Secret in an ApisixTls, Ingress or Gateway.
	ReasonNotReferenced = "NotReferenced"
	// ReasonModeRefused is set on Pushed: the push mode asked for cannot work at this gateway. Change --push-mode as the
	// message says.
	ReasonModeRefused = "ModeRefused"
	// ReasonSNIConflict is set on Pushed: an ssl object of somebody else has the same host; the message names it.
	ReasonSNIConflict = "SNIConflict"
	// ReasonInvalidClientCA is set on Pushed: what an ApisixTls asks of clients (spec.client) cannot be carried over. What is
	// served stays as it is; mend what the message names.
	ReasonInvalidClientCA = "InvalidClientCA"
	// ReasonKeyLost is set on Pushed: the private key was kept at the gateway alone (spec.keyStorage: Gateway) and is gone
	// from there. Nothing to do: a new certificate is issued.
	ReasonKeyLost = "KeyLost"
	// ReasonKeyStorageUnsupported is set on Issued: spec.keyStorage cannot be had with the gateways of this certificate, or what it
	// needs is missing. Mend what the message names.
	ReasonKeyStorageUnsupported = "KeyStorageUnsupported"

	// ReasonServed is set on Served: handshakes for all hosts showed the certificate. Nothing to do.
	ReasonServed = "Served"
	// ReasonNotServed is set on Served: a handshake showed another certificate or failed; the message says which.
	ReasonNotServed = "NotServed"
	// ReasonNotProven is set on Served: no TLS address of the gateway is known, set --apisix-tls-addr.
	ReasonNotProven = "NotProven"
	// ReasonHostNotCovered is set on Served: an ApisixTls serves a host with this Secret that the certificate does not
	// name. Add the host to spec.dnsNames.
	ReasonHostNotCovered = "HostNotCovered"

	// ReasonVaultReady is set on an issuer's Ready: nothing to do.
	ReasonVaultReady = "VaultReady"
	// ReasonRoleGeneratesLeases is set on an issuer's Ready, which is True, and is a warning: the role has generate_lease=true,
	// so Vault revokes all certificates of the issuer when the controller's token ends. Set it to false in Vault.
	ReasonRoleGeneratesLeases = "RoleGeneratesLeases"
	// ReasonInvalidCredentials is set on an issuer's Ready: a Secret or ServiceAccount with credentials is missing or
	// incomplete.
	ReasonInvalidCredentials = "InvalidCredentials"
	// ReasonVaultUnavailable is set on an issuer's Ready: Vault does not answer, is sealed or overloaded.
	ReasonVaultUnavailable = "VaultUnavailable"
	// ReasonVaultRefused is set on an issuer's Ready: the login or the role does not work. Mend what the message names.
	ReasonVaultRefused = "VaultRefused"

	// ReasonDenied is set on Issued: no CertificatePolicy allows the certificate, or there is none and flag --require-policy is
	// set, or it was denied by hand, or its CertificateRequest was. The message names what is not allowed and the fix; of a denied
	// CertificateRequest its deletion, or a renewal asked for, asks again.
	ReasonDenied = "Denied"
	// ReasonRevocationFailed is set on Ready of an object that is being deleted, and is an event: the issuer could not
	// revoke. The controller tries again; the annotation apisix-certs.io/skip-revocation: "true" gives it up.
	ReasonRevocationFailed = "RevocationFailed"
	// ReasonSecretReverted is set on Issued: somebody else changes the Secret each time a certificate is written to it; the
	// message names the field manager. Keep it from writing the Secret, or name another one.
	ReasonSecretReverted = "SecretReverted"
	// ReasonIssuanceLimited is set on Issued: too many certificates were issued in a row because spec or annotations kept
	// changing. Find out what changes them.
	ReasonIssuanceLimited = "IssuanceLimited"
	// ReasonCleanupAbandoned is an event: the ApisixCertificate was deleted, and after an hour of failures, or with annotation
	// apisix-certs.io/skip-cleanup, it goes though something is left; the message says what. Remove that by hand.
	ReasonCleanupAbandoned = "CleanupAbandoned"
	// ReasonSecretReleased is an event: the ApisixCertificate was deleted and its Secret stays, for another object needs it.
	// Nobody renews the certificate in it now.
	ReasonSecretReleased = "SecretReleased"
	// ReasonSecretRefused is set on Issued: the API server does not take the Secret, by quota, admission or an immutable
	// field; the message quotes it. Nothing is signed until it does.
	ReasonSecretRefused = "SecretRefused"
	// ReasonRevoked is an event: the issuer has revoked a certificate. Nothing to do.
	ReasonRevoked = "Revoked"
	// ReasonCAExpiringSoon is set on an issuer's CAExpiring, and is an event: renew the CA.
	ReasonCAExpiringSoon = "CAExpiringSoon"
	// ReasonCAValid is set on an issuer's CAExpiring, which is False: nothing to do.
	ReasonCAValid = "CAValid"
	// ReasonCARotated is an event on an issuer: it signs with another CA now, and leaves of others are issued again.
	ReasonCARotated = "CARotated"

	// ReasonCreated and ReasonUpdated are events on a source object: its ApisixCertificate was made or changed.
	ReasonCreated = "CertificateCreated"
	ReasonUpdated = "CertificateUpdated"
	// ReasonSourceOptedOut is an event on a source object: it is annotated no longer, or of an ingress class that the
	// controller does not serve. Its ApisixCertificate is kept, renewed and served as before. Opt in again, or delete it.
	ReasonSourceOptedOut = "SourceOptedOut"
	// ReasonSecretShared is an event on a source object: an older one names the same Secret and decides what its
	// certificate is, and their annotations differ. Set the same on both, or name another Secret.
	ReasonSecretShared = "SecretShared"
	// ReasonDeletionHeld is an event on an ApisixCertificate and its source: the source does not name its Secret any more,
	// but so many had to be deleted within a minute that this one waits. Put the entry back to keep it, else do nothing.
	ReasonDeletionHeld = "DeletionHeld"
	// ReasonClientCAUpdated is an event on an ApisixTls: the Secret of spec.client.caSecret was filled with the CAs of the issuer that
	// annotation client-ca names. Nothing to do.
	ReasonClientCAUpdated = "ClientCAUpdated"
	// ReasonCovered is an event on an ApisixRoute: another certificate of the namespace covers its hosts.
	ReasonCovered = "HostsCovered"
)
