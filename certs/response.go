// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"time"
)

// CheckResponse reports whether an issuer's answer may replace the old certificate. public is the key that the request was
// signed with, nil where the issuer made the key, which must then be in answer. Errors are *ResponseError. Warnings are
// stable sentences about what was asked and not granted, for status; an answer with warnings may be written.
func CheckResponse(response Bundle, spec Spec, public crypto.PublicKey, now time.Time) (warnings []string, err error) {
	if response.Leaf == nil {
		return nil, &ResponseError{"it holds no certificate", "check what answers at the issuer's address"}
	}
	for _, check := range []func() error{
		func() error { return checkKey(response, spec, public) },
		func() error { return checkContent(response.Leaf, spec) },
		func() error { return checkChain(response, now) },
		func() error { return checkTimes(response, spec, now) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return shortfalls(response, spec, now), nil
}

func checkKey(response Bundle, spec Spec, public crypto.PublicKey) error {
	if public == nil {
		public = response.Key.Public()
	}
	if !samePublic(public, response.Leaf.PublicKey) {
		return &ResponseError{"its certificate is for another key", "check what answers at the issuer's address"}
	}
	if difference := keyDifference(response.Leaf, spec.Key); difference != "" {
		return &ResponseError{difference, "ask for the kind of key that the issuer makes, or have it sign ours"}
	}
	return nil
}

func checkContent(leaf *x509.Certificate, spec Spec) error {
	if difference := nameDifference(leaf, spec); difference != "" {
		return &ResponseError{difference, "check what the issuer does with the names of a request"}
	}
	if spec.forServers() && !serves(leaf) {
		return &ResponseError{"the certificate is not for TLS servers", "let the issuer grant the usage server auth"}
	}
	return nil
}

// checkChain takes a chain of which one path verifies now. The anchors are what a client may trust: the roots, or the topmost
// CAs where no root is known.
func checkChain(response Bundle, now time.Time) error {
	c := response.chain()
	if problem := response.chainProblem(c); problem != "" {
		return &ResponseError{problem, "check the chain of the issuer"}
	}
	if len(c.signers[0]) == 0 {
		return &ResponseError{"the CA that signed the certificate is not in it", "check the chain of the issuer"}
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, ca := range c.anchors() {
		roots.AddCert(ca)
	}
	for _, cert := range response.Intermediates {
		between.AddCert(cert)
	}
	if now.Before(response.Leaf.NotBefore) {
		now = response.Leaf.NotBefore
	}
	_, err := response.Leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err == nil || !now.Before(response.Leaf.NotAfter) { // that is for checkTimes
		return nil
	}
	if e := c.expired(now); e != nil {
		return &ResponseError{"its certificate does not verify: " + e.problem(), renewCA}
	}
	return &ResponseError{"its certificate does not verify with the CA in it", "check that the CA is valid and may sign these names"}
}

func checkTimes(response Bundle, spec Spec, now time.Time) error {
	leaf := response.Leaf
	first, _ := response.Expiry()
	earliest, earlier, _ := renewal(LifetimeStart(leaf.NotBefore, now, now), first, spec)
	switch {
	case !now.Before(leaf.NotAfter):
		return &ResponseError{"its certificate has expired", "check the clocks here and at the issuer"}
	case leaf.NotBefore.After(now.Add(ClockSkew)):
		return &ResponseError{"its certificate is not valid yet", "check the clocks here and at the issuer"}
	case !earliest.Add(-earlier).Truncate(time.Second).After(now):
		return &ResponseError{"its certificate would have to be renewed at once", "let the issuer grant a longer life, or shorten renewBefore"}
	}
	return nil
}

// Ungranted says which part of the subject, or which usage, was asked for and is not in leaf; empty: none. An issuer may set
// them by itself, as a role of Vault does. CheckResponse gives it as a warning; a caller that does not want to drop anything
// refuses the answer.
func Ungranted(leaf *x509.Certificate, spec Spec) string {
	if difference := subjectDifference(leaf, spec); difference != "" {
		return difference
	}
	if missing := missingUsages(leaf, spec); len(missing) > 0 {
		return "the certificate lacks usages: " + joinFirst(missing)
	}
	return ""
}

func shortfalls(response Bundle, spec Spec, now time.Time) []string {
	var warnings []string
	if granted, short := shortLifetime(response, spec, now); short {
		warnings = append(warnings, fmt.Sprintf("the issuer granted %s of the %s requested", granted, spec.Duration))
	}
	if cramped := renewBeforeProblem(response, spec, now); cramped != "" {
		warnings = append(warnings, cramped)
	}
	if difference := subjectDifference(response.Leaf, spec); difference != "" {
		warnings = append(warnings, difference)
	}
	if missing := missingUsages(response.Leaf, spec); len(missing) > 0 {
		warnings = append(warnings, "the certificate lacks usages: "+joinFirst(missing))
	}
	if first, _ := response.Expiry(); first.Before(response.Leaf.NotAfter) {
		warnings = append(warnings, "a CA of the chain expires before the certificate")
	}
	return warnings
}
