// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"time"
)

// CheckResponse reports whether an issuer's response may replace the current certificate. public is the key that
// signed the CSR. It is nil if the issuer generated the key, which the response must then contain. The error is a
// *ResponseError. Warnings are stable sentences, for status, about what was requested and not granted. A response
// with warnings may be used.
func CheckResponse(response Bundle, spec Spec, public crypto.PublicKey, now time.Time) (warnings []string, err error) {
	if response.Leaf == nil {
		return nil, &ResponseError{"it contains no certificate", "check the issuer's address"}
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
		return &ResponseError{"the certificate is for a different key", "check the issuer's address"}
	}
	if difference := keyDifference(response.Leaf, spec.Key); difference != "" {
		return &ResponseError{difference, "set spec.privateKey to the key type that the issuer generates, or let the issuer sign the controller's key"}
	}
	return nil
}

func checkContent(leaf *x509.Certificate, spec Spec) error {
	if difference := nameDifference(leaf, spec); difference != "" {
		return &ResponseError{difference, "check whether the issuer changes the requested names"}
	}
	if spec.forServers() && !serves(leaf) {
		return &ResponseError{"the certificate lacks the usage server auth", "let the issuer grant the usage server auth"}
	}
	return nil
}

// checkChain requires one path that verifies now. The trust anchors are the roots, or the topmost CAs if no root is
// known.
func checkChain(response Bundle, now time.Time) error {
	c := response.chain()
	if problem := response.chainProblem(c); problem != "" {
		return &ResponseError{problem, "check the issuer's CA chain"}
	}
	if len(c.signers[0]) == 0 {
		return &ResponseError{"the CA that signed the certificate is missing", "check the issuer's CA chain"}
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
	if err == nil || !now.Before(response.Leaf.NotAfter) { // checkTimes reports an expired leaf
		return nil
	}
	if e := c.expired(now); e != nil {
		return &ResponseError{"the certificate does not verify: " + e.problem(), renewCA}
	}
	return &ResponseError{"the certificate does not verify against its CA", "check that the CA is valid and may sign these names"}
}

func checkTimes(response Bundle, spec Spec, now time.Time) error {
	leaf := response.Leaf
	first, _ := response.Expiry()
	earliest, earlier, _ := renewal(LifetimeStart(leaf.NotBefore, now, now), first, spec)
	switch {
	case !now.Before(leaf.NotAfter):
		return &ResponseError{"the certificate has expired", "check the clocks of the controller and the issuer"}
	case leaf.NotBefore.After(now.Add(ClockSkew)):
		return &ResponseError{"the certificate is not valid yet", "check the clocks of the controller and the issuer"}
	case !earliest.Add(-earlier).Truncate(time.Second).After(now):
		return &ResponseError{"the certificate would be due for renewal immediately", "let the issuer grant a longer duration, or shorten renewBefore"}
	}
	return nil
}

// Ungranted names the part of the subject, or the usages, that spec requests and leaf lacks. It is empty if leaf
// lacks nothing. An issuer may set both itself, as a Vault role does. CheckResponse reports them as warnings, so
// callers that must not lose anything reject the response themselves.
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
		warnings = append(warnings, "a CA in the chain expires before the certificate")
	}
	return warnings
}
