// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

// Reason names a rule that asks for a new certificate.
type Reason string

// The reasons, in the order in which Decide looks for them.
const (
	SecretMissing         Reason = "SecretMissing"         // there is no Secret
	CertificateMissing    Reason = "CertificateMissing"    // tls.crt is empty
	KeyMissing            Reason = "KeyMissing"            // tls.key is empty
	CertificateUnparsable Reason = "CertificateUnparsable" // tls.crt or ca.crt is damaged
	KeyUnparsable         Reason = "KeyUnparsable"         // tls.key is damaged, encrypted or of no known kind
	KeyMismatch           Reason = "KeyMismatch"           // tls.key is not the key of tls.crt
	WrongIssuer           Reason = "WrongIssuer"           // issued by another issuer than the spec names
	WrongCertificate      Reason = "WrongCertificate"      // issued for another object
	KeySpecDiffers        Reason = "KeySpecDiffers"        // key type or size is not what the spec asks for
	NamesDiffer           Reason = "NamesDiffer"           // SANs, common name or subject are not what the spec asks for
	UsagesDiffer          Reason = "UsagesDiffer"          // a usage that the spec asks for is not there
	ChainBroken           Reason = "ChainBroken"           // the chain beside the leaf did not sign it
	IssuerRotated         Reason = "IssuerRotated"         // the issuer signs with another CA now
	IssuerEnding          Reason = "IssuerEnding"          // a CA of the chain expires before the leaf, and the issuer has a longer chain now
	Revoked               Reason = "Revoked"               // the serial is on the CRL
	NotYetValid           Reason = "NotYetValid"           // NotBefore lies ahead, by more than clocks differ
	Expired               Reason = "Expired"               // NotAfter has passed, that of the certificate or of a CA that no path goes without
	RenewalDue            Reason = "RenewalDue"            // the renewal time has come
	RenewalRequested      Reason = "RenewalRequested"      // someone asked for it
)

// Reasons are all reasons in the order in which Decide looks for them.
func Reasons() []Reason {
	var all []Reason
	for _, r := range rules {
		all = append(all, r.reason)
	}
	return all
}

// rule finds a reason to issue: its message, or nothing. A rule may count on all rules before it having found nothing.
type rule struct {
	reason Reason
	finds  func(facts) string
}

var rules = []rule{
	{SecretMissing, when(func(f facts) bool { return !f.SecretExists }, "the Secret does not exist")},
	{CertificateMissing, when(func(f facts) bool { return empty(f.CertPEM) }, "the Secret has no certificate")},
	{KeyMissing, when(func(f facts) bool { return !f.KeyExternal && empty(f.KeyPEM) }, "the Secret has no private key")},
	{CertificateUnparsable, func(f facts) string { return message(f.certErr) }},
	{KeyUnparsable, func(f facts) string { return message(f.keyErr) }},
	{KeyMismatch, when(func(f facts) bool { return !f.KeyExternal && !f.bundle.KeyMatches() },
		"the private key does not belong to the certificate")},
	{WrongIssuer, when(func(f facts) bool { return f.IssuedBy != "" && f.IssuedBy != f.WantedIssuer },
		"the certificate was issued by another issuer")},
	{WrongCertificate, when(func(f facts) bool { return f.IssuedFor != "" && f.IssuedFor != f.WantedFor },
		"the certificate was issued for another object")},
	{KeySpecDiffers, func(f facts) string { return keyDifference(f.bundle.Leaf, f.Spec.Key) }},
	{NamesDiffer, namesDiffer},
	{UsagesDiffer, usagesDiffer},
	{ChainBroken, func(f facts) string { return f.bundle.chainProblem(f.chain) }},
	{IssuerRotated, when(func(f facts) bool { return f.signedByFormerCA() && f.rotationDue() }, "the issuer signs with another CA now")},
	{IssuerEnding, when(func(f facts) bool { return f.chainExpiresEarly() && f.rotationDue() }, "a CA of the chain expires before the certificate, and the issuer has a longer chain now")},
	{Revoked, when(func(f facts) bool { return f.Revoked && !f.now.Before(f.revokedAt) }, "the certificate is revoked")},
	{NotYetValid, when(func(f facts) bool { return f.bundle.Leaf.NotBefore.After(f.now.Add(ClockSkew)) }, "the certificate is not valid yet: a clock was, or is, wrong")},
	{Expired, facts.expired},
	{RenewalDue, when(func(f facts) bool { return !f.now.Before(f.renewAt) }, "the renewal time has come")},
	{RenewalRequested, when(renewalRequested, "a renewal was requested")},
}

func when(found func(facts) bool, message string) func(facts) string {
	return func(f facts) string {
		if found(f) {
			return message
		}
		return ""
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// granted reports whether what the spec asks was asked before, so that what the issuer left out it will leave out again.
func (f facts) requestedBefore() bool {
	return f.IssuedDigest != "" && f.IssuedDigest == f.Spec.Digest()
}

func namesDiffer(f facts) string {
	if difference := nameDifference(f.bundle.Leaf, f.Spec); difference != "" || f.requestedBefore() {
		return difference
	}
	return subjectDifference(f.bundle.Leaf, f.Spec)
}

func usagesDiffer(f facts) string {
	if f.Spec.forServers() && !serves(f.bundle.Leaf) {
		return "the certificate is not for TLS servers"
	}
	if missing := missingUsages(f.bundle.Leaf, f.Spec); len(missing) > 0 && !f.requestedBefore() {
		return "the certificate lacks usages: " + joinFirst(missing)
	}
	return ""
}

func renewalRequested(f facts) bool {
	answered := f.IssuedAt
	if answered.IsZero() {
		answered = f.bundle.Leaf.NotBefore
	}
	// What was issued is known to the second: a request with a fraction must not ask until that second is over.
	return f.RenewRequestedAt.Truncate(time.Second).After(answered) && !f.RenewRequestedAt.After(f.now)
}
