// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers/certificate/plan"
	"apisix-certs.io/apisix-certs/internal/certspec"
	"apisix-certs.io/apisix-certs/internal/class"
	"apisix-certs.io/apisix-certs/internal/failure"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/issuance"
)

// syncGracePeriod is how long an ingress controller may take to sync a Secret to a gateway that only it can write.
const syncGracePeriod = 30 * time.Second

// Condition returns a condition without times.
func Condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

func issuedIs(status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return Condition(v1alpha1.ConditionIssued, status, reason, message)
}

// issuedCondition reports whether the Secret contains a valid certificate that matches the spec.
func issuedCondition(s *plan.Snapshot, p *plan.Plan, done *plan.Results) metav1.Condition {
	if s.Cert.Spec.Provided {
		return providedCondition(p)
	}
	d, why := p.Decision, p.Blocked
	if done.Err != nil {
		why = failure.Of(done.Err)
	}
	if why == nil && (!d.Issue || done.WaitsUnreported()) {
		return validCondition(s, d)
	}
	if why == nil && p.Backoff {
		why = lastFailure(s)
	}
	pending := done.PendingOr(p.Pending)
	if why == nil && pending != nil {
		if d.Bundle.Leaf != nil && d.Expired == "" && issuance.StillValid(d.Reason) {
			return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonIssued, "the Secret contains a valid certificate; renewal in progress: "+pending.Message)
		}
		why = pending
	}
	if why == nil { // issued, and already due again
		why = &finding.Finding{Reason: v1alpha1.ReasonIssuing, Message: d.Message}
	}
	switch {
	case d.Expired != "":
		message := d.Expired
		if why.Message != message {
			message += ": " + why.Message
		}
		return issuedIs(metav1.ConditionFalse, v1alpha1.ReasonExpired, message)
	case d.Bundle.Leaf != nil && (!d.Issue || issuance.StillValid(d.Reason)) && (p.Blocked == nil || issuerFaults[p.Blocked.Reason]):
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonRenewalFailing, why.Message)
	}
	return issuedIs(metav1.ConditionFalse, why.Reason, why.Message)
}

// validCondition is the Issued condition of a certificate that needs no change.
func validCondition(s *plan.Snapshot, d certs.Decision) metav1.Condition {
	objection, known := issuance.Objection(s.Issuer.Request)
	problem, optedOut := s.Cert.Annotations[v1alpha1.AnnotationSourceProblem], s.Cert.Annotations[v1alpha1.AnnotationSourceOptedOut]
	switch {
	case d.Skipped != "":
		return skippedCondition(s.Cert.Name, d)
	case problem != "":
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonInvalidSource, problem+". Until that is fixed, the previous spec remains in effect")
	case optedOut != "":
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonSourceOptedOut, optedOut+", but the certificate is still renewed; opt in again, or delete the ApisixCertificate")
	case s.Facts.Revoked:
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonIssued, "certificate was revoked together with many others, for example because a token of the issuer expired, and is queued for replacement")
	case objection != nil:
		return issuedIs(metav1.ConditionTrue, objection.Reason, objection.Message)
	case !known: // not known after a restart: keep the previous condition
		for _, before := range s.Cert.Status.Conditions {
			if before.Type == v1alpha1.ConditionIssued && before.Reason == v1alpha1.ReasonRoleWouldReject && before.ObservedGeneration == s.Cert.Generation {
				return issuedIs(before.Status, before.Reason, before.Message)
			}
		}
	}
	return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonIssued, "the Secret contains a valid certificate")
}

// skippedCondition is the Issued condition of a certificate that is due but not renewed because of spec.renewalPolicy.
func skippedCondition(name string, d certs.Decision) metav1.Condition {
	why := "spec.renewalPolicy is Disabled; renew it manually (apisix-certs renew " + name + "), or set Automatic"
	message := d.SkippedMessage + ", and " + why
	switch {
	case d.Skipped == certs.Expired:
		return issuedIs(metav1.ConditionFalse, v1alpha1.ReasonExpired, d.Expired+": "+why)
	case issuance.StillValid(d.Skipped):
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonRenewalDisabled, message)
	}
	return issuedIs(metav1.ConditionFalse, v1alpha1.ReasonRenewalDisabled, message)
}

// providedCondition is issuedCondition for a provided Secret.
func providedCondition(p *plan.Plan) metav1.Condition {
	why := p.Blocked
	if why == nil {
		why = p.Provided.Fault
	}
	switch {
	case why == nil:
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonProvided, "the provided Secret contains a valid certificate for the hosts")
	case p.Provided.Retained:
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonUpdateRefused, why.Message+". The previously pushed certificate stays in place")
	}
	return issuedIs(metav1.ConditionFalse, why.Reason, why.Message)
}

// issuerFaults are reasons that concern the issuer or access to it, not the certificate: the existing one may still match
// the spec.
var issuerFaults = map[string]bool{
	v1alpha1.ReasonIssuerNotFound: true, v1alpha1.ReasonIssuerNotReady: true, v1alpha1.ReasonDenied: true, v1alpha1.ReasonRefused: true,
	v1alpha1.ReasonWaitingForApproval: true, v1alpha1.ReasonRefNotPermitted: true,
}

// lastFailure returns why the last attempt failed, or nil if that is not known.
func lastFailure(s *plan.Snapshot) *finding.Finding {
	status := s.Cert.Status
	if status.LastFailureReason == "" {
		return nil
	}
	return &finding.Finding{Reason: status.LastFailureReason, Message: status.LastFailureMessage}
}

// pushedCondition reports whether every gateway has the certificate.
func pushedCondition(s *plan.Snapshot, p *plan.Plan, done *plan.Results) metav1.Condition {
	result := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return Condition(v1alpha1.ConditionPushed, status, reason, message)
	}
	switch {
	case s.Cert.Spec.Gateways == v1alpha1.GatewaysNone:
		return result(metav1.ConditionTrue, v1alpha1.ReasonNoGateway, "spec.gateways is None; only the Secret is managed")
	case len(s.Gateways.At) == 0 && class.Of(s.Cert) != "":
		return result(metav1.ConditionTrue, v1alpha1.ReasonNoGateway, "no gateway is configured for its class, or the class belongs to another controller; only the Secret is managed")
	case len(s.Gateways.At) == 0:
		return result(metav1.ConditionTrue, v1alpha1.ReasonNoGateway, "no gateway configured; only the Secret is managed")
	case len(s.Facts.Spec.DNSNames) == 0:
		return result(metav1.ConditionTrue, v1alpha1.ReasonNotApplicable, "certificate has no DNS names, so it is not pushed")
	case p.Provided.Retained:
		return result(metav1.ConditionTrue, v1alpha1.ReasonPushed, "the previously pushed certificate stays at the gateways")
	case s.Keys.Unsupported != nil:
		return result(metav1.ConditionFalse, s.Keys.Unsupported.Reason, s.Keys.Unsupported.Message)
	case len(done.Gateways) == 0 && (p.Decision.Bundle.Leaf == nil || p.Delivery != plan.Push && len(p.Target.Hosts) > 0):
		return result(metav1.ConditionFalse, v1alpha1.ReasonNotApplicable, "no valid certificate to push")
	case len(done.Gateways) == 0:
		return result(metav1.ConditionFalse, v1alpha1.ReasonNotApplicable, "the hosts belong to other ApisixCertificates, or the certificate does not cover them")
	}
	carried := false
	for _, g := range done.Gateways {
		if status, reason, message := pushProblem(g, s.Cert.Spec.SecretName); reason != "" {
			return result(status, reason, "gateway "+g.Name+": "+message)
		}
		carried = carried || g.State.Mode == gateway.ModeSecret
	}
	if carried {
		return result(metav1.ConditionTrue, v1alpha1.ReasonSyncedByIngressController, "the ingress controller syncs the Secret to the gateway")
	}
	return result(metav1.ConditionTrue, v1alpha1.ReasonPushed, "certificate is pushed to all gateways")
}

// pushProblem returns why a gateway does not have the certificate. The reason is empty if it does.
func pushProblem(g gateway.Result, secretName string) (status metav1.ConditionStatus, reason, message string) {
	switch {
	case g.Err != nil:
		f := failure.Of(g.Err)
		return metav1.ConditionFalse, f.Reason, f.Message
	case g.State.Conflict != nil:
		return metav1.ConditionFalse, v1alpha1.ReasonSNIConflict, fmt.Sprintf(
			"host %s is served by ssl object %s, which this controller does not manage; delete that object, or remove the host from this certificate", g.State.Conflict.Host, g.State.Conflict.ID)
	case g.Verb == gateway.ActionRenew:
		return metav1.ConditionFalse, v1alpha1.ReasonKeyLost, "the gateway had the only copy of the private key and has lost it; a new certificate is being issued"
	case g.Verb == gateway.ActionIdle:
		return metav1.ConditionUnknown, v1alpha1.ReasonNotReferenced, notReferenced(g.State, secretName)
	case g.Verb == gateway.ActionWait:
		return metav1.ConditionFalse, v1alpha1.ReasonWaitingForIngressController, waitingFor(g.State)
	case g.Verb == gateway.ActionBackOff && g.State.Adoption.Reverted():
		return metav1.ConditionFalse, v1alpha1.ReasonPushReverted,
			"each time this certificate was written to the ingress controller's ssl object, it was reverted; check for a second ingress controller, or for one that cannot read Secrets"
	case g.Verb == gateway.ActionBackOff:
		return metav1.ConditionFalse, v1alpha1.ReasonWaitingForIngressController, "the ingress controller wrote another certificate to its ssl object; it will be replaced shortly"
	}
	return "", "", ""
}

// notReferenced explains why nothing is pushed, and when that is expected.
func notReferenced(s gateway.State, secretName string) string {
	const fine = ", so it is not pushed; this is expected if Pods or other gateways use the Secret (set spec.gateways: None)"
	if len(s.Adoption.Missing) > 0 {
		use := s.Adoption.Missing[0].Reference
		return use.Kind + " " + use.Namespace + "/" + use.Name + ", which refers to Secret " + secretName + ", belongs to a class of another controller (" + use.Controller + ")" + fine
	}
	return "no ApisixTls, Ingress or Gateway of an APISIX ingress controller refers to Secret " + secretName + fine
}

// waitingFor explains what the ingress controller still has to do.
func waitingFor(s gateway.State) string {
	missing := slices.DeleteFunc(slices.Clone(s.Adoption.Missing), func(m gateway.Missing) bool { return m.OtherController })
	if len(missing) == 0 {
		return "waiting for the ingress controller to create its ssl object; check the ingress controller"
	}
	m := missing[0]
	object := m.Reference.Kind + " " + m.Reference.Namespace + "/" + m.Reference.Name
	switch {
	case m.Unserved && m.Reference.Kind == "Gateway":
		return object + " has GatewayClass " + m.Reference.Class + ", which does not exist, so no ingress controller serves it; correct its spec.gatewayClassName"
	case m.Unserved && m.Reference.Class == "":
		return object + " has no class, and no APISIX IngressClass is the default, so no ingress controller serves it; set its spec.ingressClassName"
	case m.Unserved:
		return object + " has class " + m.Reference.Class + ", which is not an IngressClass of APISIX, so no ingress controller serves it; correct its spec.ingressClassName"
	case m.IDTaken:
		return "ssl object " + m.ID + ", expected for " + object + ", belongs to another object; check that object and the ingress controller"
	case m.Version != "" && m.Reference.RequiresClientCert && !m.Exists:
		return "waiting for the ingress controller to create its ssl object for " + object + ", which no other can create because client certificates are required; check the ingress controller"
	}
	return "waiting for the ingress controller to create its ssl object for " + object + "; check the ingress controller and the object's status"
}

// servedCondition reports whether TLS handshakes returned the certificate.
func servedCondition(s *plan.Snapshot, p *plan.Plan, done *plan.Results) metav1.Condition {
	result := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return Condition(v1alpha1.ConditionServed, status, reason, message)
	}
	if message := uncoveredHost(s, p.Decision.Bundle); message != "" && !p.Provided.Retained {
		return result(metav1.ConditionFalse, v1alpha1.ReasonHostNotCovered, message)
	}
	asked := false
	for _, g := range done.Gateways {
		switch {
		case g.Unserved() && g.State.Mode == gateway.ModeSecret && g.State.Age < syncGracePeriod:
			return result(metav1.ConditionFalse, v1alpha1.ReasonWaitingForIngressController, "gateway "+g.Name+": waiting for the ingress controller to sync the Secret to the gateway")
		case g.Unserved() && g.State.Mode == gateway.ModeSecret:
			return result(metav1.ConditionFalse, v1alpha1.ReasonNotServed, "gateway "+g.Name+": "+g.Proof.Problem+
				"; the ingress controller did not sync the Secret to this gateway within "+syncGracePeriod.String()+"; check its log and the status of the ApisixTls or Ingress")
		case g.Unserved():
			return result(metav1.ConditionFalse, v1alpha1.ReasonNotServed, "gateway "+g.Name+": "+g.Proof.Problem)
		}
		asked = asked || g.Proof.Attempted
	}
	if asked {
		return result(metav1.ConditionTrue, v1alpha1.ReasonServed, "TLS handshakes for all hosts returned the certificate")
	}
	return result(metav1.ConditionUnknown, v1alpha1.ReasonNotProven, "not verified: nothing is pushed, or no TLS address of a gateway is known (--apisix-tls-addr)")
}

// uncoveredHost returns a message about a host that an ApisixTls or Ingress serves with this Secret and that the certificate
// does not cover, or an empty string. Hosts that are already in the spec do not count, nor does the certificate's owner,
// whose hosts are requested separately.
func uncoveredHost(s *plan.Snapshot, b certs.Bundle) string {
	if b.Leaf == nil {
		return ""
	}
	names := certspec.Names(b)
	for _, use := range s.References.Uses {
		if slices.ContainsFunc(s.Cert.OwnerReferences, func(o metav1.OwnerReference) bool {
			return o.Kind == use.Kind && o.Name == use.Name && use.Namespace == s.Cert.Namespace
		}) {
			continue
		}
		for _, host := range use.Hosts {
			if !names(host) && !slices.Contains(s.Facts.Spec.DNSNames, host) {
				return fmt.Sprintf("%s %s/%s serves host %s with Secret %s, whose certificate does not cover it; add %s to spec.dnsNames of this ApisixCertificate",
					use.Kind, use.Namespace, use.Name, host, s.Cert.Spec.SecretName, host)
			}
		}
	}
	return ""
}

// readyCondition summarizes the other conditions: the first that is False decides.
func readyCondition(conditions []metav1.Condition) metav1.Condition {
	for _, c := range conditions {
		if c.Status != metav1.ConditionFalse {
			continue
		}
		return Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, c.Reason, c.Message)
	}
	for _, c := range conditions {
		switch c.Reason {
		case v1alpha1.ReasonRenewalFailing, v1alpha1.ReasonInvalidSource, v1alpha1.ReasonUpdateRefused, v1alpha1.ReasonRoleWouldReject, v1alpha1.ReasonRenewalDisabled, v1alpha1.ReasonSourceOptedOut:
			return Condition(v1alpha1.ConditionReady, metav1.ConditionTrue, c.Reason, c.Message)
		}
	}
	return Condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "certificate is valid and pushed to all gateways")
}
