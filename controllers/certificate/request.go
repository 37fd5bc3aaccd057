// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/note"
)

// requested is a certificate on its way through cert-manager. The private key is made first and lies in a Secret beside
// the request until its certificate is in spec.secretName: neither a restart nor a slow signer loses it, and the pair
// that is served is not touched before its successor is whole.
type requested struct {
	key     *corev1.Secret             // nil: nothing is on its way
	request *unstructured.Unstructured // nil: not made yet
	blocked *finding                   // a Secret of somebody else has the name of the key
}

// requestState is how far a CertificateRequest has come.
type requestState string

const (
	requestNone    requestState = "none"    // there is none for what is wanted
	requestWaiting requestState = "waiting" // for approval, or for the signer
	requestRefused requestState = "refused" // denied, or invalid: the same would be refused again
	requestFailed  requestState = "failed"
	requestReady   requestState = "ready" // it has its answer
)

// state says how far the request for what digest stands for has come, with a reason and a message. again: someone has
// asked for a new certificate since, so that what was refused is forgotten.
func (q *requested) state(digest string, again bool) (requestState, finding) {
	if q.key == nil || q.key.Annotations[v1alpha1.AnnotationSpecDigest] != digest || q.request == nil {
		return requestNone, finding{}
	}
	conditions := requestConditions(q.request)
	refused := func(reason, what string, c requestCondition) (requestState, finding) {
		if again {
			return requestNone, finding{}
		}
		return requestRefused, finding{reason, what + c.text()}
	}
	denied, invalid, ready := conditions["Denied"], conditions["InvalidRequest"], conditions["Ready"]
	switch {
	case denied.Status == "True", ready.Reason == "Denied":
		return refused(v1alpha1.ReasonDenied, "the CertificateRequest was denied", denied)
	case invalid.Status == "True":
		return refused(v1alpha1.ReasonRefused, "the CertificateRequest is invalid to its issuer", invalid)
	case ready.Status == "False" && ready.Reason == "Failed":
		return requestFailed, finding{v1alpha1.ReasonIssueFailed, "the CertificateRequest failed" + ready.text()}
	case conditions["Approved"].Status != "True":
		return requestWaiting, finding{v1alpha1.ReasonIssuing, "the CertificateRequest waits to be approved"}
	case ready.Status == "True":
		return requestReady, finding{}
	}
	return requestWaiting, finding{v1alpha1.ReasonIssuing, "the CertificateRequest is approved and waits for its issuer"}
}

// planRequest is the end of decide for a certificate that is due and only cert-manager can ask for.
func (o *observed) planRequest(p plan, now time.Time) plan {
	if o.requested.blocked != nil {
		p.held = o.requested.blocked
		return p
	}
	state, says := o.requested.state(o.requestDigest(), o.askedAgain(now))
	switch state {
	case requestWaiting:
		p.pending = &says
		return p
	case requestRefused:
		if at := o.renewAt(); at.After(now) {
			p.next = earliest(p.next, at)
		}
		p.held = &says
		return p
	case requestNone:
		if retry := o.retryAt(p.decision, now); now.Before(retry) {
			p.waiting, p.next = true, earliest(p.next, retry)
			return p
		}
	}
	p.issue, p.request, p.requestSays = true, state, says
	return p
}

// askedAgain tells whether a renewal was asked for since the request was made. Times are told in seconds, so it is the
// value that counts.
func (o *observed) askedAgain(now time.Time) bool {
	at := o.renewAt()
	return !at.IsZero() && !at.After(now) && o.requested.key != nil &&
		o.requested.key.Annotations[v1alpha1.AnnotationRenewAt] != o.cert.Annotations[v1alpha1.AnnotationRenewAt]
}

// renewAt is when a renewal was asked for, zero for never.
func (o *observed) renewAt() time.Time {
	at, _ := time.Parse(time.RFC3339, o.cert.Annotations[v1alpha1.AnnotationRenewAt])
	return at
}

// requestDigest identifies what is asked for: another one makes a request obsolete.
func (o *observed) requestDigest() string {
	spec := o.spec
	spec.RenewBefore, spec.RenewBeforePercentage, spec.Key.Encoding = nil, nil, ""
	text, _ := json.Marshal([]any{spec, o.cert.Spec.IssuerRef.String()}) // plain data always marshals
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// RequestError says why a CertificateRequest did not lead to a certificate.
type RequestError struct{ Problem string }

func (e *RequestError) Error() string { return e.Problem }

// requestCondition is a condition of a CertificateRequest.
type requestCondition struct{ Type, Status, Reason, Message string }

// text is what the issuer or approver says, cut: it is not ours.
func (c requestCondition) text() string {
	if c.Message == "" {
		return ""
	}
	return ": " + note.Cut(c.Message, 300)
}

func requestConditions(request *unstructured.Unstructured) map[string]requestCondition {
	found := map[string]requestCondition{}
	list, _, _ := unstructured.NestedSlice(request.Object, "status", "conditions")
	for _, item := range list {
		fields, _ := item.(map[string]any)
		text := func(field string) string { s, _ := fields[field].(string); return s }
		c := requestCondition{text("type"), text("status"), text("reason"), text("message")}
		found[c.Type] = c
	}
	return found
}
