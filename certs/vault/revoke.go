// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs"
)

// Revoke revokes cert (POST <mount>/revoke). It sends the whole certificate, so that it also works for roles with
// no_store=true. Repeating it is no error. Errors are *BusyError and *Error. An *Error of Kind User means that there
// is nothing to revoke: the mount did not issue cert, or no longer has its CA.
func (s *Session) Revoke(ctx context.Context, cert *x509.Certificate) error {
	return s.callInSlot(ctx, opRevoke, func(ctx context.Context, client *api.Client) error {
		_, err := client.Logical().WriteWithContext(ctx, s.path.mount+"/revoke", map[string]any{
			"certificate": string(certs.EncodeCertificates(cert)),
		})
		return err
	})
}

// RevokeSerial is Revoke for a certificate of which only the serial number is known, in the format of certs.Serial.
func (s *Session) RevokeSerial(ctx context.Context, serial string) error {
	number, err := hex.DecodeString(serial)
	if err != nil || len(number) == 0 {
		return &Error{Op: opRevoke, Kind: User, Message: "the serial number is not hexadecimal, so there is nothing to revoke"}
	}
	return s.callInSlot(ctx, opRevoke, func(ctx context.Context, client *api.Client) error {
		_, err := client.Logical().WriteWithContext(ctx, s.path.mount+"/revoke", map[string]any{
			"serial_number": strings.ReplaceAll(fmt.Sprintf("% x", number), " ", ":"),
		})
		return err
	})
}

// CRL reads the revocation list of the path's issuer (GET <mount>/issuer/<ref>/crl/der), of the role's issuer if
// Check has read the role, or else of the mount's default issuer (GET <mount>/crl, DER). It checks the signature if
// the issuer's CA is known from a response to Issue. Errors are *Error. See certs.RevokedBy.
func (s *Session) CRL(ctx context.Context) (*x509.RevocationList, error) {
	path := s.path.mount + "/crl"
	if ref := s.issuerRef(); ref != "" {
		path = s.path.mount + "/issuer/" + ref + "/crl/der"
	}
	var list *x509.RevocationList
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	err := s.call(ctx, access{op: opCRL, extra: true}, func(ctx context.Context, l *login) error {
		der, err := readRaw(ctx, l.client, path)
		if err != nil {
			return err
		}
		if list, err = x509.ParseRevocationList(der); err != nil {
			return &fault{problem: "the CRL cannot be parsed", fix: "check the mount in the issuer's path"}
		}
		return s.checkCRL(list)
	})
	return list, err
}

func (s *Session) issuerRef() string {
	if s.path.issuer != "" {
		return s.path.issuer
	}
	return s.history.issuerRef()
}

// checkCRL accepts a list of an unknown issuer, as after a CA rotation.
func (s *Session) checkCRL(list *x509.RevocationList) error {
	for _, ca := range s.history.authorities() {
		if string(ca.RawSubject) == string(list.RawIssuer) && list.CheckSignatureFrom(ca) != nil {
			return &fault{problem: "the CRL is not signed by the CA that it names as issuer", fix: "check the issuer's address"}
		}
	}
	return nil
}
