// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"slices"
	"time"
)

// HostsNotCovered is a reason of CheckProvided beside those of Decide: the certificate does not name every host.
const HostsNotCovered Reason = "HostsNotCovered"

// Fault is what is wrong with a provided pair. The zero value is nothing.
type Fault struct {
	Reason  Reason
	Message string // one stable sentence
	// Unusable: no client would take it for any host. Otherwise it is better than nothing.
	Unusable bool
}

// providedRule is a rule about a provided pair.
type providedRule struct {
	rule
	unusable bool
}

// providedRules are those of Decide that do not depend on who issued, and two of their own: what makes the pair unusable
// first.
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
	{rule{UsagesDiffer, when(func(f facts) bool { return !serves(f.bundle.Leaf) }, "the certificate is not for TLS servers")}, false},
	{rule{HostsNotCovered, hostsNotCovered}, false},
}

// ProvidedReasons are all reasons of CheckProvided in the order in which it looks for them.
func ProvidedReasons() []Reason {
	var all []Reason
	for _, r := range providedRules {
		all = append(all, r.reason)
	}
	return all
}

// CheckProvided is Decide for a provided pair: it never says to issue, and names the first fault instead.
// Of o it reads the PEM data, SecretExists and Spec.DNSNames. Recheck is the next of NotBefore, the marks of ExpiryThreshold,
// NotAfter and ValidUntil.
func CheckProvided(o Observed, now time.Time) (Decision, Fault) {
	o.KeyExternal = false
	f := gather(o, now)
	d := Decision{Bundle: f.bundle}
	if leaf := f.bundle.Leaf; leaf != nil {
		_, mark := ExpiryThreshold(leaf.NotBefore, leaf.NotAfter, now)
		d.NotBefore, d.NotAfter, d.ChainExpiry, d.ValidUntil = leaf.NotBefore, leaf.NotAfter, f.first, f.last
		d.Expired = f.expired()
		d.Recheck = nextAfter(now, leaf.NotBefore, mark, leaf.NotAfter, f.last)
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
	panic("no rule " + string(reason)) // of a constant: every test would see it
}

func hostsNotCovered(f facts) string {
	names := newNameSet(f.bundle.Leaf.DNSNames)
	missing := slices.DeleteFunc(slices.Clone(f.Spec.DNSNames), names.matches)
	if len(missing) == 0 {
		return ""
	}
	return "the certificate does not name " + joinFirst(missing)
}

// brokenChain names a chain that does not fit together, or that no client verifies any more.
func brokenChain(f facts) string {
	if problem := f.bundle.chainProblem(f.chain); problem != "" {
		return problem
	}
	return f.expired()
}

// marks are how long before its end a certificate that nobody here renews is warned about.
var expiryThresholds = []time.Duration{24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}

// ExpiryThreshold is the tightest mark that is reached: 30, 7 or 1 days before notAfter, zero for none; and when the next one
// will be, cut to the second, zero where there is none. A mark of more than half of the life is none: a certificate of a
// week is not warned about from its first day on.
func ExpiryThreshold(notBefore, notAfter, now time.Time) (reached time.Duration, next time.Time) {
	for _, mark := range expiryThresholds {
		at := notAfter.Add(-mark).Truncate(time.Second)
		switch {
		case mark > notAfter.Sub(notBefore)/2:
		case now.Before(at):
			next = at // marks further away begin earlier
		case reached == 0:
			reached = mark
		}
	}
	return reached, next
}
