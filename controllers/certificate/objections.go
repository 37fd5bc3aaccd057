// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/vault"
)

// Objections are what the role of an issuer that stands so would refuse of the certificate, or grant in part, nil where
// there is nothing or the role is not known. Fields are relative to the spec.
func Objections(cert *v1alpha1.ApisixCertificate, issuer vault.Status) []certs.FieldError {
	return issuer.Objections(specOf(cert))
}

// objection says that the role would refuse the certificate when it is renewed, though it is good now; nil: nothing is
// known to. Nothing is held back for it: it is the issuer who decides.
func (o *observed) objection() *finding {
	status := o.standing.Status
	if status.Role == nil && len(o.standing.CAs) == 0 {
		return o.objectedBefore()
	}
	// A life that is too long is cut and not refused: see foreseen.
	refused := slices.DeleteFunc(status.Objections(o.spec), func(e certs.FieldError) bool { return e.Field == "duration" })
	if len(refused) == 0 {
		return nil
	}
	return &finding{v1alpha1.ReasonRoleObjects, "the certificate is good, but the issuer's role would refuse its renewal: " + fieldText(refused)}
}

// objectedBefore is what the condition says while the issuer was not looked at yet, as after a restart, which is no news.
func (o *observed) objectedBefore() *finding {
	before := meta.FindStatusCondition(o.cert.Status.Conditions, v1alpha1.ConditionIssued)
	if before == nil || before.Reason != v1alpha1.ReasonRoleObjects || before.ObservedGeneration != o.cert.Generation {
		return nil
	}
	return &finding{before.Reason, before.Message}
}

// objectionChanged tells whether the condition says something else of the role than it should.
func (o *observed) objectionChanged() bool {
	was, is := o.objectedBefore(), o.objection()
	return (was == nil) != (is == nil) || was != nil && *was != *is
}

// asSpecified are the reasons to issue that leave a certificate which is as the spec wants it: what replaces it must not
// end before it, where that is less than was asked for.
var asSpecified = map[certs.Reason]bool{
	certs.RenewalDue: true, certs.RenewalRequested: true, certs.IssuerRotated: true, certs.IssuerEnding: true, keyMoved: true,
}

// foreseen says that the role, as it is known, grants less than was asked for and what it would grant now ends before the
// certificate that is there: it would not be taken, so it is not asked for until at. Nil: ask.
func (o *observed) foreseen(d certs.Decision, now time.Time) (why *finding, at time.Time) {
	role, leaf := o.standing.Status.Role, d.Bundle.Leaf
	if role == nil || role.MaxTTL <= 0 || o.spec.Duration <= role.MaxTTL || leaf == nil || !asSpecified[d.Reason] {
		return nil, time.Time{}
	}
	if at = leaf.NotAfter.Add(-role.MaxTTL); !at.After(now) {
		return nil, time.Time{}
	}
	return &finding{v1alpha1.ReasonRefused, "the issuer was not asked, for its answer would not be taken: " +
		certs.ShortLife(role.MaxTTL, o.spec.Duration, leaf.NotAfter) + ": " + certs.ShortLifeMend(role.MaxTTL)}, at
}
