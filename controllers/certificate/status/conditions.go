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

// carryGrace is how long an ingress controller is given to carry a Secret to a gateway that it alone can write.
const carryGrace = 30 * time.Second

// Condition is a condition without times.
func Condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

func issuedIs(status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return Condition(v1alpha1.ConditionIssued, status, reason, message)
}

// issuedCondition says whether the Secret holds a valid certificate as specified.
func issuedCondition(s *plan.Snapshot, p *plan.Plan, done *plan.Results) metav1.Condition {
	if s.Cert.Spec.Provided {
		return providedCondition(p)
	}
	d, why := p.Decision, p.Held
	if done.Err != nil {
		why = failure.Of(done.Err)
	}
	if why == nil && (!d.Issue || done.Unmissed()) {
		return goodCondition(s, d)
	}
	if why == nil && p.Backoff {
		why = lastFailure(s)
	}
	pending := done.PendingOr(p.Pending)
	if why == nil && pending != nil {
		if d.Bundle.Leaf != nil && d.Expired == "" && issuance.StillGood(d.Reason) {
			return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonIssued, "the Secret holds a valid certificate; for its successor "+pending.Message)
		}
		why = pending
	}
	if why == nil { // issued, and due again at once
		why = &finding.Finding{Reason: v1alpha1.ReasonIssuing, Message: d.Message}
	}
	switch {
	case d.Expired != "":
		message := d.Expired
		if why.Message != message {
			message += ": " + why.Message
		}
		return issuedIs(metav1.ConditionFalse, v1alpha1.ReasonExpired, message)
	case d.Bundle.Leaf != nil && (!d.Issue || issuance.StillGood(d.Reason)) && (p.Held == nil || issuerFaults[p.Held.Reason]):
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonRenewalFailing, why.Message)
	}
	return issuedIs(metav1.ConditionFalse, why.Reason, why.Message)
}

// goodCondition is that of a certificate that is as it should be.
func goodCondition(s *plan.Snapshot, d certs.Decision) metav1.Condition {
	objection, known := issuance.Objection(s.Issuer.Order)
	problem, optedOut := s.Cert.Annotations[v1alpha1.AnnotationSourceProblem], s.Cert.Annotations[v1alpha1.AnnotationSourceOptedOut]
	switch {
	case d.Skipped != "":
		return skippedCondition(s.Cert.Name, d)
	case problem != "":
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonInvalidSource, problem+"; until that is mended, what was asked for before stays")
	case optedOut != "":
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonSourceOptedOut, optedOut+": the certificate is kept and renewed; opt in again, or delete the ApisixCertificate")
	case s.Facts.Revoked:
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonIssued, "the certificate was revoked together with many others, as by the end of a token of the issuer, and is replaced in its turn")
	case objection != nil:
		return issuedIs(metav1.ConditionTrue, objection.Reason, objection.Message)
	case !known: // as after a restart: what was said before stays
		for _, before := range s.Cert.Status.Conditions {
			if before.Type == v1alpha1.ConditionIssued && before.Reason == v1alpha1.ReasonRoleWouldReject && before.ObservedGeneration == s.Cert.Generation {
				return issuedIs(before.Status, before.Reason, before.Message)
			}
		}
	}
	return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonIssued, "the Secret holds a valid certificate")
}

// skippedCondition is that of a certificate that should be replaced and that spec.renewalPolicy leaves as it is.
func skippedCondition(name string, d certs.Decision) metav1.Condition {
	why := "spec.renewalPolicy is Disabled: renew it by hand (apisix-certs renew " + name + "), or set Automatic"
	message := d.SkippedMessage + ", and " + why
	switch {
	case d.Skipped == certs.Expired:
		return issuedIs(metav1.ConditionFalse, v1alpha1.ReasonExpired, d.Expired+": "+why)
	case issuance.StillGood(d.Skipped):
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonRenewalDisabled, message)
	}
	return issuedIs(metav1.ConditionFalse, v1alpha1.ReasonRenewalDisabled, message)
}

// providedCondition is issuedCondition for a Secret that somebody else keeps.
func providedCondition(p *plan.Plan) metav1.Condition {
	why := p.Held
	if why == nil {
		why = p.Provided.Fault
	}
	switch {
	case why == nil:
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonProvided, "the Secret, which somebody else keeps, holds a valid certificate for the hosts")
	case p.Provided.Kept:
		return issuedIs(metav1.ConditionTrue, v1alpha1.ReasonUpdateRefused, why.Message+"; what was pushed before stays")
	}
	return issuedIs(metav1.ConditionFalse, why.Reason, why.Message)
}

// issuerFaults are reasons that forbid nothing: what is wrong is with the issuer, or with asking it. The certificate may be one
// that the spec allows.
var issuerFaults = map[string]bool{
	v1alpha1.ReasonIssuerNotFound: true, v1alpha1.ReasonIssuerNotReady: true, v1alpha1.ReasonDenied: true, v1alpha1.ReasonRefused: true,
	v1alpha1.ReasonWaitingForApproval: true, v1alpha1.ReasonRefNotPermitted: true,
}

// lastFailure is why the last attempt failed; nil where that is not known.
func lastFailure(s *plan.Snapshot) *finding.Finding {
	status := s.Cert.Status
	if status.LastFailureReason == "" {
		return nil
	}
	return &finding.Finding{Reason: status.LastFailureReason, Message: status.LastFailureMessage}
}

// pushedCondition says whether every gateway holds the certificate.
func pushedCondition(s *plan.Snapshot, p *plan.Plan, done *plan.Results) metav1.Condition {
	result := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return Condition(v1alpha1.ConditionPushed, status, reason, message)
	}
	switch {
	case s.Cert.Spec.Gateways == v1alpha1.GatewaysNone:
		return result(metav1.ConditionTrue, v1alpha1.ReasonNoGateway, "spec.gateways is None: the Secret is all there is to do")
	case len(s.Gateways.At) == 0 && class.Of(s.Cert) != "":
		return result(metav1.ConditionTrue, v1alpha1.ReasonNoGateway, "no gateway is configured for its class, or the class is of another controller than APISIX's: the Secret is all there is to do")
	case len(s.Gateways.At) == 0:
		return result(metav1.ConditionTrue, v1alpha1.ReasonNoGateway, "no gateway is configured: the Secret is all there is to do")
	case len(s.Facts.Spec.DNSNames) == 0:
		return result(metav1.ConditionTrue, v1alpha1.ReasonNotApplicable, "none of the certificate's names is a DNS name")
	case p.Provided.Kept:
		return result(metav1.ConditionTrue, v1alpha1.ReasonPushed, "what was pushed before stays at the gateways")
	case s.Keys.Impossible != nil:
		return result(metav1.ConditionFalse, s.Keys.Impossible.Reason, s.Keys.Impossible.Message)
	case len(done.Gateways) == 0 && (p.Decision.Bundle.Leaf == nil || p.Delivery != plan.Push && len(p.Target.Hosts) > 0):
		return result(metav1.ConditionFalse, v1alpha1.ReasonNotApplicable, "there is no valid certificate to push")
	case len(done.Gateways) == 0:
		return result(metav1.ConditionFalse, v1alpha1.ReasonNotApplicable, "the hosts belong to other ApisixCertificates, or the certificate does not name them")
	}
	carried := false
	for _, g := range done.Gateways {
		if status, reason, message := missing(g, s.Cert.Spec.SecretName); reason != "" {
			return result(status, reason, "gateway "+g.Name+": "+message)
		}
		carried = carried || g.State.Mode == gateway.ModeSecret
	}
	if carried {
		return result(metav1.ConditionTrue, v1alpha1.ReasonSyncedByIngressController, "the ingress controller carries the Secret")
	}
	return result(metav1.ConditionTrue, v1alpha1.ReasonPushed, "every gateway holds the certificate")
}

// missing says why a gateway does not hold the certificate; an empty reason: it does.
func missing(g gateway.Result, secretName string) (status metav1.ConditionStatus, reason, message string) {
	switch {
	case g.Err != nil:
		f := failure.Of(g.Err)
		return metav1.ConditionFalse, f.Reason, f.Message
	case g.State.Conflict != nil:
		return metav1.ConditionFalse, v1alpha1.ReasonSNIConflict, fmt.Sprintf(
			"host %s is served by ssl object %s, which is not ours: delete that object, or remove the host here", g.State.Conflict.Host, g.State.Conflict.ID)
	case g.Verb == gateway.ActionRenew:
		return metav1.ConditionFalse, v1alpha1.ReasonKeyLost, "the gateway, which alone had the private key, does not hold the certificate: a new one is issued"
	case g.Verb == gateway.ActionIdle:
		return metav1.ConditionUnknown, v1alpha1.ReasonNotReferenced, notReferenced(g.State, secretName)
	case g.Verb == gateway.ActionWait:
		return metav1.ConditionFalse, v1alpha1.ReasonWaitingForIngressController, waitingFor(g.State)
	case g.Verb == gateway.ActionBackOff && g.State.Adoption.Reverted():
		return metav1.ConditionFalse, v1alpha1.ReasonPushReverted,
			"each time this certificate was put into the ingress controller's ssl object, another one was put back: look for a second ingress controller, or for one that cannot read Secrets"
	case g.Verb == gateway.ActionBackOff:
		return metav1.ConditionFalse, v1alpha1.ReasonWaitingForIngressController, "the ingress controller has put another certificate into its ssl object: it is written again in a moment"
	}
	return "", "", ""
}

// notReferenced says that there is nothing to push, and why that may be as it should be.
func notReferenced(s gateway.State, secretName string) string {
	const fine = ", so that nothing is pushed: that is right where Pods or other gateways use it (spec.gateways: None says so)"
	if len(s.Adoption.Missing) > 0 {
		use := s.Adoption.Missing[0].Reference
		return use.Kind + " " + use.Namespace + "/" + use.Name + " with Secret " + secretName + " is of a class of another controller (" + use.Controller + ")" + fine
	}
	return "no object that an ingress controller of APISIX serves (ApisixTls, Ingress, Gateway) refers to Secret " + secretName + fine
}

// waitingFor says what an ingress controller is waited for.
func waitingFor(s gateway.State) string {
	missing := slices.DeleteFunc(slices.Clone(s.Adoption.Missing), func(m gateway.Missing) bool { return m.OtherController })
	if len(missing) == 0 {
		return "the ingress controller has not made its ssl object yet: look at it"
	}
	m := missing[0]
	object := m.Reference.Kind + " " + m.Reference.Namespace + "/" + m.Reference.Name
	switch {
	case m.Unserved && m.Reference.Kind == "Gateway":
		return object + " names GatewayClass " + m.Reference.Class + ", which does not exist, so that no ingress controller serves it: correct its spec.gatewayClassName"
	case m.Unserved && m.Reference.Class == "":
		return object + " names no class, and no IngressClass of APISIX is the default, so that no ingress controller serves it: set its spec.ingressClassName"
	case m.Unserved:
		return object + " names class " + m.Reference.Class + ", which is no IngressClass of APISIX, so that no ingress controller serves it: correct its spec.ingressClassName"
	case m.IDTaken:
		return "ssl object " + m.ID + ", which should be that of " + object + ", belongs to something else: look at that object and at the ingress controller"
	case m.Version != "" && m.Reference.RequiresClientCert && !m.Exists:
		return "the ingress controller has not made its ssl object of " + object + " yet, and only it can, as clients must show a certificate there: look at it"
	}
	return "the ingress controller has not made its ssl object of " + object + " yet: look at it, and at the object's status"
}

// servedCondition says whether handshakes showed the certificate.
func servedCondition(s *plan.Snapshot, p *plan.Plan, done *plan.Results) metav1.Condition {
	result := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return Condition(v1alpha1.ConditionServed, status, reason, message)
	}
	if message := uncovered(s, p.Decision.Bundle); message != "" && !p.Provided.Kept {
		return result(metav1.ConditionFalse, v1alpha1.ReasonHostNotCovered, message)
	}
	asked := false
	for _, g := range done.Gateways {
		switch {
		case g.Unserved() && g.State.Mode == gateway.ModeSecret && g.State.Age < carryGrace:
			return result(metav1.ConditionFalse, v1alpha1.ReasonWaitingForIngressController, "gateway "+g.Name+": the ingress controller has not carried the Secret to the gateway yet")
		case g.Unserved() && g.State.Mode == gateway.ModeSecret:
			return result(metav1.ConditionFalse, v1alpha1.ReasonNotServed, "gateway "+g.Name+": "+g.Proof.Problem+
				": the ingress controller has had "+carryGrace.String()+" to carry the Secret to this gateway: look at its log and at the status of the ApisixTls or Ingress")
		case g.Unserved():
			return result(metav1.ConditionFalse, v1alpha1.ReasonNotServed, "gateway "+g.Name+": "+g.Proof.Problem)
		}
		asked = asked || g.Proof.Attempted
	}
	if asked {
		return result(metav1.ConditionTrue, v1alpha1.ReasonServed, "handshakes for all hosts showed the certificate")
	}
	return result(metav1.ConditionUnknown, v1alpha1.ReasonNotProven, "no handshake was made: there is nothing pushed, or no TLS address of a gateway is known (--apisix-tls-addr)")
}

// uncovered names a host that an ApisixTls or Ingress serves with this Secret and that the certificate does not name. Hosts that
// are on their way are none, and what an owner wants is asked for by itself.
func uncovered(s *plan.Snapshot, b certs.Bundle) string {
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
				return fmt.Sprintf("%s %s/%s serves host %s with Secret %s, whose certificate does not name it: add %s to spec.dnsNames of this ApisixCertificate",
					use.Kind, use.Namespace, use.Name, host, s.Cert.Spec.SecretName, host)
			}
		}
	}
	return ""
}

// readyCondition sums up the others: the first that is False decides.
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
	return Condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "the certificate is valid, pushed and not known to be served otherwise")
}
