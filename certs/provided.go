// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"slices"
	"time"
)

// HostsNotCovered is a reason of CheckProvided in addition to those of Decide: the certificate does not cover every
// host.
const HostsNotCovered Reason = "HostsNotCovered"

// Fault describes a problem with a provided certificate. The zero value is no problem.
type Fault struct {
	Reason  Reason
	Message string // one stable sentence
	// Unusable means that no client would accept the certificate for any host. Otherwise serving it is better than
	// serving none.
	Unusable bool
}

// providedRule is a rule for provided certificates.
type providedRule struct {
	rule
	unusable bool
}

// providedRules are the rules of Decide that do not depend on the issuer, and additional ones. Those that make the
// certificate unusable come first.
var providedRules = []providedRule{
	{ruleOf(SecretMissing), true},
	{ruleOf(CertificateMissing), true},
	{ruleOf(KeyMissing), true},
	{ruleOf(CertificateUnparsable), true},
	{ruleOf(KeyUnparsable), true},
	{ruleOf(KeyMismatch), true},
	{rule{NotYetValid, when(func(f facts) bool { return f.now.Before(f.bundle.Leaf.NotBefore) }, "the certificate is not valid yet")}, true},
	{rule{Expired, when(func(f facts) bool { return !f.now.Before(f.bundle.Leaf.NotAfter) }, "the certificate has expired")}, true},
	{rule{ChainBroken, brokenChain}, false},
	{rule{UsagesDiffer, when(func(f facts) bool { return !serves(f.bundle.Leaf) }, "the certificate lacks the usage server auth")}, false},
	{rule{HostsNotCovered, hostsNotCovered}, false},
}

// ProvidedReasons returns the reasons of CheckProvided in the order in which they are checked.
func ProvidedReasons() []Reason {
	var all []Reason
	for _, r := range providedRules {
		all = append(all, r.reason)
	}
	return all
}

// CheckProvided checks a certificate that was provided and not issued here. Its Decision never says to issue. The
// Fault is the first problem found. It reads the PEM data, SecretExists and Spec.DNSNames of o. Recheck is the next
// of NotBefore, the thresholds of ExpiryThreshold, NotAfter and ValidUntil.
func CheckProvided(o Observed, now time.Time) (Decision, Fault) {
	o.KeyExternal = false
	f := gather(o, now)
	d := Decision{Bundle: f.bundle}
	if leaf := f.bundle.Leaf; leaf != nil {
		_, threshold := ExpiryThreshold(leaf.NotBefore, leaf.NotAfter, now)
		d.NotBefore, d.NotAfter, d.ChainExpiry, d.ValidUntil = leaf.NotBefore, leaf.NotAfter, f.first, f.last
		d.Expired = f.expired()
		d.Recheck = nextAfter(now, leaf.NotBefore, threshold, leaf.NotAfter, f.last)
	}
	for _, r := range providedRules {
		if message := r.finds(f); message != "" {
			return d, Fault{Reason: r.reason, Message: message, Unusable: r.unusable || d.Expired != ""}
		}
	}
	return d, Fault{}
}

func ruleOf(reason Reason) rule {
	for _, r := range rules {
		if r.reason == reason {
			return r
		}
	}
	panic("no rule " + string(reason)) // a programming error, which every test reveals
}

func hostsNotCovered(f facts) string {
	names := newNameSet(f.bundle.Leaf.DNSNames)
	missing := slices.DeleteFunc(slices.Clone(f.Spec.DNSNames), names.matches)
	if len(missing) == 0 {
		return ""
	}
	return "the certificate does not cover " + joinFirst(missing)
}

// brokenChain describes a chain whose parts do not match or that no client can verify any more.
func brokenChain(f facts) string {
	if problem := f.bundle.chainProblem(f.chain); problem != "" {
		return problem
	}
	return f.expired()
}

// expiryThresholds are how long before its expiry a provided certificate causes a warning.
var expiryThresholds = []time.Duration{24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

// ExpiryThreshold returns the shortest threshold that has been reached: 30, 7 or 1 days before notAfter, or zero for
// none. next is when the next one will be reached, truncated to the second, or zero if there is none. Thresholds
// longer than half of the lifetime are ignored, so that a certificate valid for a week does not cause a warning from
// its first day on.
func ExpiryThreshold(notBefore, notAfter, now time.Time) (reached time.Duration, next time.Time) {
	for _, threshold := range expiryThresholds {
		at := notAfter.Add(-threshold).Truncate(time.Second)
		switch {
		case threshold > notAfter.Sub(notBefore)/2:
		case now.Before(at):
			next = at // longer thresholds are reached earlier
		case reached == 0:
			reached = threshold
		}
	}
	return reached, next
}
