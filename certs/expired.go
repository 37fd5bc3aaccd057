// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"crypto/x509"
	"fmt"
	"time"
)

// CAExpiredError reports that certificates of a CA do not verify because the CA, or one above it, has expired.
type CAExpiredError struct {
	CA       string    // distinguished name of the expired CA (RFC 4514), truncated to 80 bytes
	NotAfter time.Time // NotAfter of the expired CA
}

// Error returns a stable message that depends only on the fields.
func (e *CAExpiredError) Error() string { return e.problem() + ": " + renewCA }

func (e *CAExpiredError) problem() string {
	return fmt.Sprintf("CA %q expired at %s", e.CA, e.NotAfter.UTC().Format(time.RFC3339))
}

const renewCA = "renew the CA and configure the renewed CA in the issuer (for Vault: import it into the mount)"

// CheckCA returns a *CAExpiredError if certificates of a CA cannot verify at now, because the CA has expired or none
// of the paths above it is valid. ca is a list as AssembleCA returns it. An empty list means that the CA is unknown,
// which is not an error. The error is the same while ca is the same.
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

// expired implements Decision.Expired.
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

// expired returns an error for the first CA that has expired at now, or nil.
func (c chain) expired(now time.Time) *CAExpiredError {
	for i, cert := range c.certs {
		isCA := i >= c.starts || cert.IsCA || c.selfSigned(i)
		if isCA && !now.Before(cert.NotAfter) {
			return &CAExpiredError{CA: truncate(cert.Subject.String()), NotAfter: cert.NotAfter}
		}
	}
	return nil
}
