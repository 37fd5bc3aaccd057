// SPDX-License-Identifier: Apache-2.0

package issuance

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/finding"
	"apisix-certs.io/apisix-certs/internal/note"
)

// underway is a pending request at cert-manager. The private key is created first and stays in a Secret next to the request
// until the certificate is in spec.secretName: it survives restarts and slow signers, and the served pair is not changed
// before the new one is complete.
type underway struct {
	key     *requestKey                // nil: there is none
	request *unstructured.Unstructured // nil: not created yet
	blocked *finding.Finding           // an unmanaged Secret has the name of the key's
}

// requestKey is the Secret with the key of a request.
type requestKey struct {
	name    string
	uid     types.UID
	created time.Time
	digest  string // of the request
	renewAt string // the certificate's annotation at that time
	key     certs.Key
}

// stage is the progress of a CertificateRequest.
type stage string

const (
	stageNone    stage = "none"    // there is none for this request
	stageWaiting stage = "waiting" // for approval, or for the signer
	stageRefused stage = "refused" // denied or invalid: it would be rejected again
	stageFailed  stage = "failed"
	stageReady   stage = "ready" // it has its certificate
)

// stage returns the progress of a request, with a reason and a message. A rejection is ignored once a user has requested a
// renewal since.
func (u underway) stage(o Request, now time.Time) (stage, *finding.Finding) {
	if u.key == nil || u.key.digest != o.digest() || u.key.key.IsZero() || u.request == nil {
		return stageNone, nil
	}
	conditions := conditionsOf(u.request)
	refused := func(reason, what string, c requestCondition) (stage, *finding.Finding) {
		if u.renewalRequestedSince(o, now) {
			return stageNone, nil
		}
		return stageRefused, finding.New(reason, "%s%s", what, c.text())
	}
	denied, invalid, ready := conditions["Denied"], conditions["InvalidRequest"], conditions["Ready"]
	switch {
	case denied.status == "True", ready.reason == "Denied":
		return refused(v1alpha1.ReasonDenied, "the CertificateRequest was denied", denied)
	case invalid.status == "True":
		return refused(v1alpha1.ReasonRefused, "the CertificateRequest was rejected as invalid by its issuer", invalid)
	case ready.status == "False" && ready.reason == "Failed":
		return stageFailed, finding.New(v1alpha1.ReasonIssueFailed, "the CertificateRequest failed%s", ready.text())
	case conditions["Approved"].status != "True":
		return stageWaiting, finding.New(v1alpha1.ReasonIssuing, "waiting for the CertificateRequest to be approved")
	case ready.status == "True":
		return stageReady, nil
	}
	return stageWaiting, finding.New(v1alpha1.ReasonIssuing, "the CertificateRequest is approved; waiting for its issuer")
}

// renewalRequestedSince reports whether a renewal was requested since the key was created. It compares the annotation's
// value, because times are only precise to the second.
func (u underway) renewalRequestedSince(o Request, now time.Time) bool {
	at := o.renewAt()
	return !at.IsZero() && !at.After(now) && u.key.renewAt != o.Certificate.Annotations[v1alpha1.AnnotationRenewAt]
}

// requestCondition is a condition of a CertificateRequest.
type requestCondition struct{ status, reason, message string }

// text is the message of the issuer or approver, cut because its length is not under our control.
func (c requestCondition) text() string {
	if c.message == "" {
		return ""
	}
	return ": " + note.Cut(c.message, 300)
}

func conditionsOf(request *unstructured.Unstructured) map[string]requestCondition {
	found := map[string]requestCondition{}
	list, _, _ := unstructured.NestedSlice(request.Object, "status", "conditions")
	for _, item := range list {
		fields, _ := item.(map[string]any)
		text := func(field string) string { s, _ := fields[field].(string); return s }
		found[text("type")] = requestCondition{text("status"), text("reason"), text("message")}
	}
	return found
}
