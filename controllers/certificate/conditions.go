// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// stillGood are the reasons to issue that leave the certificate valid and as specified meanwhile.
var stillGood = map[certs.Reason]bool{
	certs.RenewalDue: true, certs.RenewalRequested: true, certs.IssuerRotated: true, certs.IssuerEnding: true,
	keyLost: true, keyMoved: true,
}

// issuedCondition says whether the Secret holds a valid certificate as specified.
func issuedCondition(o observed, p plan, done outcome) metav1.Condition {
	if o.cert.Spec.Push {
		return providedCondition(p)
	}
	d := done.decision
	failure := p.held
	if done.err != nil {
		failure = findingOf(done.err)
	}
	switch {
	case failure == nil && !d.Issue && d.Skipped != "":
		return o.skippedCondition(d)
	case failure == nil && !d.Issue && o.cert.Annotations[v1alpha1.AnnotationSourceProblem] != "":
		return condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonInvalidSource,
			o.cert.Annotations[v1alpha1.AnnotationSourceProblem]+"; until that is mended, what was asked for before stays")
	case failure == nil && !d.Issue && o.cert.Annotations[v1alpha1.AnnotationSourceOptedOut] != "":
		return condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonSourceOptedOut,
			o.cert.Annotations[v1alpha1.AnnotationSourceOptedOut]+": the certificate is kept and renewed; opt in again, or delete the ApisixCertificate")
	case failure == nil && !d.Issue && o.objection() != nil:
		return condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonRoleObjects, o.objection().message)
	case failure == nil && !d.Issue:
		return condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonIssued, "the Secret holds a valid certificate")
	case failure == nil && p.waiting:
		failure = o.lastFailure()
	}
	if failure == nil && done.pending != nil {
		if d.Bundle.Leaf != nil && stillGood[d.Reason] {
			return condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonIssued, "the Secret holds a valid certificate; for its successor "+done.pending.message)
		}
		failure = done.pending
	}
	if failure == nil { // issued, and due again at once
		failure = &finding{v1alpha1.ReasonIssuing, d.Message}
	}
	switch {
	case d.Reason == certs.Expired, d.Skipped == certs.Expired:
		return condition(v1alpha1.ConditionIssued, metav1.ConditionFalse, v1alpha1.ReasonExpired, failure.message)
	case d.Bundle.Leaf != nil && (!d.Issue || stillGood[d.Reason]) && p.follows():
		return condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonRenewalFailing, failure.message)
	}
	return condition(v1alpha1.ConditionIssued, metav1.ConditionFalse, failure.reason, failure.message)
}

// skippedCondition is that of a certificate that should be replaced and that spec.renewalPolicy leaves as it is.
func (o *observed) skippedCondition(d certs.Decision) metav1.Condition {
	why := "spec.renewalPolicy is Disabled: renew it by hand (apisix-certs renew " + o.cert.Name + "), or set Automatic"
	message := d.SkippedMessage + ", and " + why
	switch {
	case d.Skipped == certs.Expired:
		return condition(v1alpha1.ConditionIssued, metav1.ConditionFalse, v1alpha1.ReasonExpired, why) // Ready says the rest
	case stillGood[d.Skipped]:
		return condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonRenewalDisabled, message)
	}
	return condition(v1alpha1.ConditionIssued, metav1.ConditionFalse, v1alpha1.ReasonRenewalDisabled, message)
}

// follows tells whether the certificate may be one that the spec allows: what is wrong with the issuer alone, or with
// asking it, forbids nothing.
func (p *plan) follows() bool { return p.held == nil || issuerFaults[p.held.reason] }

var issuerFaults = map[string]bool{
	v1alpha1.ReasonIssuerNotFound: true, v1alpha1.ReasonIssuerNotReady: true, v1alpha1.ReasonDenied: true, v1alpha1.ReasonRefused: true,
	v1alpha1.ReasonWaitingForApproval: true, v1alpha1.ReasonNotGranted: true,
}

// lastFailure is why the last attempt failed, as the condition has kept it; nil where it has not.
func (o *observed) lastFailure() *finding {
	before := meta.FindStatusCondition(o.cert.Status.Conditions, v1alpha1.ConditionIssued)
	switch {
	case before == nil:
		return nil
	case before.Reason == v1alpha1.ReasonExpired, before.Reason == v1alpha1.ReasonRenewalFailing:
		// These said how the certificate stood then, which is looked at anew.
		return &finding{v1alpha1.ReasonIssueFailed, before.Message}
	}
	return &finding{before.Reason, before.Message}
}

// pushedCondition says whether every gateway holds the certificate.
func pushedCondition(o observed, done outcome) metav1.Condition {
	result := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return condition(v1alpha1.ConditionPushed, status, reason, message)
	}
	switch {
	case len(o.gateways) == 0:
		return result(metav1.ConditionTrue, v1alpha1.ReasonNoGateway, "no gateway is configured: the Secret is all there is to do")
	case len(o.spec.DNSNames) == 0:
		return result(metav1.ConditionTrue, v1alpha1.ReasonNothingToPush, "none of the certificate's names is a DNS name")
	case done.kept:
		return result(metav1.ConditionTrue, v1alpha1.ReasonPushed, "what was pushed before stays at the gateways")
	case o.noKeyPlace != nil:
		return result(metav1.ConditionFalse, v1alpha1.ReasonKeyStorage, o.noKeyPlace.Error())
	case len(done.gateways) == 0 && !done.usable:
		return result(metav1.ConditionFalse, v1alpha1.ReasonNothingToPush, "there is no valid certificate to push")
	case len(done.gateways) == 0:
		return result(metav1.ConditionFalse, v1alpha1.ReasonNothingToPush, "the hosts belong to other ApisixCertificates, or the certificate does not name them")
	}
	carried := false
	last := o.lastWhileCarrying(done, v1alpha1.ConditionPushed)
	for _, g := range done.gateways {
		switch {
		case g.err != nil:
			f := findingOf(g.err)
			return result(metav1.ConditionFalse, f.reason, "gateway "+g.name+": "+f.message)
		case g.state.Conflict != nil:
			return result(metav1.ConditionFalse, v1alpha1.ReasonSNIConflict, fmt.Sprintf(
				"gateway %s: host %s is served by ssl object %s, which is not ours: delete that object, or remove the host here", g.name, g.state.Conflict.Host, g.state.Conflict.ID))
		case g.verb == gateway.Renew:
			return result(metav1.ConditionFalse, v1alpha1.ReasonKeyLost, "gateway "+g.name+": the gateway, which alone had the private key, does not hold the certificate: a new one is issued")
		case g.verb == gateway.Wait && g.state.Carrying() && last != nil:
			return *last
		case g.verb == gateway.Wait:
			return result(metav1.ConditionFalse, v1alpha1.ReasonWaitingForController,
				"gateway "+g.name+": "+waitingFor(g.state, o.cert.Spec.SecretName))
		case g.verb == gateway.Yield && g.state.Adoption.Undone():
			return result(metav1.ConditionFalse, v1alpha1.ReasonUndone, "gateway "+g.name+
				": each time this certificate was put into the ingress controller's ssl object, another one was put back: look for a second ingress controller, or for one that cannot read Secrets")
		case g.verb == gateway.Yield:
			return result(metav1.ConditionFalse, v1alpha1.ReasonWaitingForController,
				"gateway "+g.name+": the ingress controller has put another certificate into its ssl object: it is written again in a moment")
		}
		carried = carried || g.state.Mode == gateway.Secret
	}
	if carried {
		return result(metav1.ConditionTrue, v1alpha1.ReasonCarriedByController, "the ingress controller carries the Secret")
	}
	return result(metav1.ConditionTrue, v1alpha1.ReasonPushed, "every gateway holds the certificate")
}

// lastWhileCarrying is the last condition of a kind while an ingress controller has its head start to carry the
// certificate, as what was served before is served until then. Nil: there is none, or it has not.
func (o observed) lastWhileCarrying(done outcome, kind string) *metav1.Condition {
	carrying := func(g pushed) bool { return g.err == nil && g.verb == gateway.Wait && g.state.Carrying() }
	last := meta.FindStatusCondition(o.cert.Status.Conditions, kind)
	if last == nil || !slices.ContainsFunc(done.gateways, carrying) {
		return nil
	}
	c := condition(kind, last.Status, last.Reason, last.Message)
	return &c
}

// servedCondition says whether handshakes showed the certificate.
func servedCondition(o observed, done outcome) metav1.Condition {
	result := func(status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return condition(v1alpha1.ConditionServed, status, reason, message)
	}
	if message := uncovered(o, done.decision); message != "" && !done.kept {
		return result(metav1.ConditionFalse, v1alpha1.ReasonHostNotCovered, message)
	}
	if last := o.lastWhileCarrying(done, v1alpha1.ConditionServed); last != nil {
		return *last
	}
	asked := false
	for _, g := range done.gateways {
		if g.proof.Asked && !g.proof.Served && g.state.Mode == gateway.Secret {
			return notCarried(g)
		}
		if g.proof.Asked && !g.proof.Served {
			return result(metav1.ConditionFalse, v1alpha1.ReasonNotServed, "gateway "+g.name+": "+g.proof.Problem)
		}
		asked = asked || g.proof.Asked
	}
	if asked {
		return result(metav1.ConditionTrue, v1alpha1.ReasonServed, "handshakes for all hosts showed the certificate")
	}
	return result(metav1.ConditionUnknown, v1alpha1.ReasonNotProven, "no handshake was made: there is nothing pushed, or no TLS address of a gateway is known (--apisix-tls-addr)")
}

// notCarried says that a gateway without an API of ssl objects does not serve the Secret's certificate: only the ingress
// controller can mend that, and at first it is given its time.
func notCarried(g pushed) metav1.Condition {
	if g.state.Age < carryGrace {
		return condition(v1alpha1.ConditionServed, metav1.ConditionFalse, v1alpha1.ReasonWaitingForController,
			"gateway "+g.name+": the ingress controller has not carried the Secret to the gateway yet")
	}
	return condition(v1alpha1.ConditionServed, metav1.ConditionFalse, v1alpha1.ReasonNotServed, "gateway "+g.name+": "+g.proof.Problem+
		": the ingress controller has had "+carryGrace.String()+" to carry the Secret to this gateway: look at its log and at the status of the ApisixTls or Ingress")
}

// waitingFor says what an ingress controller is waited for.
func waitingFor(s gateway.State, secretName string) string {
	if len(s.Adoption.Missing) > 0 {
		m := s.Adoption.Missing[0]
		object := m.Use.Kind + " " + m.Use.Namespace + "/" + m.Use.Name
		switch {
		case m.Unserved && m.Use.Class == "":
			return object + " names no class, and no IngressClass of APISIX is the default, so that no ingress controller serves it: set its spec.ingressClassName"
		case m.Unserved:
			return object + " names class " + m.Use.Class + ", which is no IngressClass of APISIX, so that no ingress controller serves it: correct its spec.ingressClassName"
		case m.Taken:
			return "ssl object " + m.ID + ", which should be that of " + object + ", belongs to something else: look at that object and at the ingress controller"
		case m.Version != "" && m.Use.Mutual && !m.There:
			return "the ingress controller has not made its ssl object of " + object + " yet, and only it can, as clients must show a certificate there: look at it"
		}
		return "the ingress controller has not made its ssl object of " + object + " yet: look at it, and at the object's status"
	}
	return "no ApisixTls or Ingress uses Secret " + secretName + " yet, of which the ingress controller would make an ssl object"
}

// uncovered names a host that an ApisixTls or Ingress serves with this Secret and that the certificate does not name.
func uncovered(o observed, d certs.Decision) string {
	if d.Bundle.Leaf == nil {
		return ""
	}
	for _, use := range o.uses {
		for _, host := range use.Hosts {
			if !names(d.Bundle, host) {
				return fmt.Sprintf("%s %s/%s serves host %s with Secret %s, whose certificate does not name it: add %s to spec.dnsNames of this ApisixCertificate",
					use.Kind, use.Namespace, use.Name, host, o.cert.Spec.SecretName, host)
			}
		}
	}
	return ""
}

// readyCondition sums up the others: the first that is False decides.
func readyCondition(conditions []metav1.Condition) metav1.Condition {
	for _, c := range conditions {
		switch {
		case c.Status != metav1.ConditionFalse:
			continue
		case c.Reason == v1alpha1.ReasonExpired:
			c.Message = "the certificate has expired: " + c.Message
		}
		return condition(v1alpha1.ConditionReady, metav1.ConditionFalse, c.Reason, c.Message)
	}
	for _, c := range conditions {
		switch c.Reason {
		case v1alpha1.ReasonRenewalFailing, v1alpha1.ReasonInvalidSource, v1alpha1.ReasonUpdateRefused, v1alpha1.ReasonRoleObjects, v1alpha1.ReasonRenewalDisabled, v1alpha1.ReasonSourceOptedOut:
			return condition(v1alpha1.ConditionReady, metav1.ConditionTrue, c.Reason, c.Message)
		}
	}
	return condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "the certificate is valid, pushed and not known to be served otherwise")
}

// provenFalse tells whether the last run saw the target's certificate not served, so that it was written again already.
func (o *observed) provenFalse(t gateway.Target) bool {
	served := meta.FindStatusCondition(o.cert.Status.Conditions, v1alpha1.ConditionServed)
	return served != nil && served.Reason == v1alpha1.ReasonNotServed && o.cert.Status.Issued.Fingerprint == t.Fingerprint
}

// proven are the gateways that the last run saw serve the target, by name; nil where there is a reason to look anew.
func (o *observed) proven(t gateway.Target) map[string]bool {
	served := meta.FindStatusCondition(o.cert.Status.Conditions, v1alpha1.ConditionServed)
	if o.suspect || served == nil || served.Status != metav1.ConditionTrue || served.ObservedGeneration != o.cert.Generation ||
		o.cert.Status.Issued.Fingerprint != t.Fingerprint {
		return nil
	}
	proven := map[string]bool{}
	for _, g := range o.cert.Status.Gateways {
		proven[g.Name] = g.ServedSerial == t.Serial
	}
	return proven
}

func condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

// statusTime is a time as status holds it; nil for zero.
func statusTime(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	at := metav1.NewTime(t.Truncate(time.Second))
	return &at
}
