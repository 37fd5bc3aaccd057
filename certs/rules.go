// SPDX-License-Identifier: Apache-2.0

package certs

import "time"

// Reason identifies a rule that requires a new certificate.
type Reason string

// The reasons, in the order in which Decide checks them.
const (
	SecretMissing         Reason = "SecretMissing"         // the Secret does not exist
	CertificateMissing    Reason = "CertificateMissing"    // tls.crt is empty
	KeyMissing            Reason = "KeyMissing"            // tls.key is empty
	CertificateUnparsable Reason = "CertificateUnparsable" // tls.crt or ca.crt cannot be parsed
	KeyUnparsable         Reason = "KeyUnparsable"         // tls.key cannot be parsed, is encrypted or of an unsupported type
	KeyMismatch           Reason = "KeyMismatch"           // tls.key is not the key of tls.crt
	WrongIssuer           Reason = "WrongIssuer"           // issued by another issuer than that of the spec
	WrongCertificate      Reason = "WrongCertificate"      // issued for another object
	KeySpecDiffers        Reason = "KeySpecDiffers"        // key algorithm or size differs from the spec
	NamesDiffer           Reason = "NamesDiffer"           // SANs, common name or subject differ from the spec
	UsagesDiffer          Reason = "UsagesDiffer"          // a usage of the spec is missing
	ChainBroken           Reason = "ChainBroken"           // the leaf does not chain up to the certificates stored with it
	IssuerRotated         Reason = "IssuerRotated"         // the issuer now signs with another CA
	IssuerEnding          Reason = "IssuerEnding"          // a CA of the chain expires before the leaf, and the issuer has a longer chain now
	Revoked               Reason = "Revoked"               // the serial number is on the CRL
	NotYetValid           Reason = "NotYetValid"           // NotBefore is in the future by more than ClockSkew
	Expired               Reason = "Expired"               // the certificate has expired, or a CA that every path needs
	RenewalDue            Reason = "RenewalDue"            // the certificate is due for renewal
	RenewalRequested      Reason = "RenewalRequested"      // a user requested it
)

// Reasons returns all reasons in the order in which Decide checks them.
func Reasons() []Reason {
	var all []Reason
	for _, r := range rules {
		all = append(all, r.reason)
	}
	return all
}

// rule checks one reason to issue. finds returns its message, or nothing if the reason does not apply. A rule may
// assume that no rule before it applied.
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
		"the private key does not match the certificate")},
	{WrongIssuer, when(func(f facts) bool { return f.IssuedBy != "" && f.IssuedBy != f.WantedIssuer },
		"the certificate was issued by another issuer")},
	{WrongCertificate, when(func(f facts) bool { return f.IssuedFor != "" && f.IssuedFor != f.WantedFor },
		"the certificate was issued for another object")},
	{KeySpecDiffers, func(f facts) string { return keyDifference(f.bundle.Leaf, f.Spec.Key) }},
	{NamesDiffer, namesDiffer},
	{UsagesDiffer, usagesDiffer},
	{ChainBroken, func(f facts) string { return f.bundle.chainProblem(f.chain) }},
	{IssuerRotated, when(func(f facts) bool { return f.signedByFormerCA() && f.rotationDue() }, "the issuer now signs with another CA")},
	{IssuerEnding, when(func(f facts) bool { return f.chainExpiresEarly() && f.rotationDue() }, "a CA in the chain expires before the certificate, and the issuer now has a chain that is valid longer")},
	{Revoked, when(func(f facts) bool { return f.Revoked && !f.now.Before(f.revokedAt) }, "the certificate is revoked")},
	{NotYetValid, when(func(f facts) bool { return f.bundle.Leaf.NotBefore.After(f.now.Add(ClockSkew)) }, "the certificate is not valid yet; check the clocks of the controller and the issuer")},
	{Expired, facts.expired},
	{RenewalDue, when(func(f facts) bool { return !f.now.Before(f.renewAt) }, "the certificate is due for renewal")},
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

// requestedBefore reports whether the same subject and usages were requested before, so that another request would not
// change the result.
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
		return "the certificate lacks the usage server auth"
	}
	if missing := missingUsages(f.bundle.Leaf, f.Spec); len(missing) > 0 && !f.requestedBefore() {
		return "the certificate lacks usages: " + joinFirst(missing)
	}
	return ""
}

func renewalRequested(f facts) bool {
	issuedAt := f.IssuedAt
	if issuedAt.IsZero() {
		issuedAt = f.bundle.Leaf.NotBefore
	}
	// IssuedAt is truncated to the second. A request with a fraction must not repeat until that second is over.
	return f.RenewRequestedAt.Truncate(time.Second).After(issuedAt) && !f.RenewRequestedAt.After(f.now)
}
