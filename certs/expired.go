// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"time"
)

// CAExpiredError says that nothing verifies that a CA signs, because it has expired itself, or one above it has.
type CAExpiredError struct {
	CA       string    // the distinguished name of the one that has expired (RFC 4514), cut to 80 characters
	NotAfter time.Time // its own
}

// Error is stable: it holds nothing but the fields.
func (e *CAExpiredError) Error() string { return e.problem() + ": " + renewCA }

func (e *CAExpiredError) problem() string {
	return fmt.Sprintf("CA %q expired at %s", e.CA, e.NotAfter.UTC().Format(time.RFC3339))
}

const renewCA = "renew it, and give the renewed one to the issuer (for Vault: import it into the mount)"

// CheckCA reports, as a *CAExpiredError, that a CA has expired at now, or so much above it that no path is left: what it
// would sign would be of no use, so there is no point in a request. ca is a list as AssembleCA gives it; an empty one, a
// CA that is not known, is no error. Its error is stable while ca is the same.
func CheckCA(ca []*x509.Certificate, now time.Time) error {
	if len(ca) == 0 {
		return nil
	}
	c := buildCAChain(ca[0], ca[1:])
	if _, last := c.expiry(); now.Before(last) {
		return nil
	}
	if e := c.expired(now); e != nil {
		return e
	}
	return nil
}

// expired is Decision.Expired.
func (f facts) expired() string {
	switch {
	case !f.now.Before(f.bundle.Leaf.NotAfter):
		return "the certificate has expired"
	case f.now.Before(f.last):
		return ""
	}
	if e := f.chain.expired(f.now); e != nil {
		return e.problem()
	}
	return ""
}

// expired is about the first CA that has expired at now, nil where none has.
func (c chain) expired(now time.Time) *CAExpiredError {
	for i, cert := range c.certs {
		isCA := i >= c.starts || cert.IsCA || c.selfSigned(i)
		if isCA && !now.Before(cert.NotAfter) {
			return &CAExpiredError{CA: truncate(cert.Subject.String()), NotAfter: cert.NotAfter}
		}
	}
	return nil
}
