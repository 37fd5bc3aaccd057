// SPDX-License-Identifier: Apache-2.0

package vault

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hashicorp/vault/api"

	"apisix-certs.io/apisix-certs/certs"
)

// Status is how an issuer stands.
type Status struct {
	Version string // of Vault
	// Role is what the role allows, nil where the token may not read it; Note says so in a sentence, else it is empty.
	Role *Role
	Note string
	// CAs are the CA that the role signs with now, first, the others of its key and those above, as certs.AssembleCA gives
	// them; nil where that is not known: a token that may not read the role learns it from the first answer to Issue. Made
	// for certs.Observed.CurrentCA.
	CAs        []*x509.Certificate
	CANotAfter time.Time // when the first clients of CAs are lost, see certs.CAEnds; zero where that is not known
	// MakesKey tells whether Vault makes the keys.
	MakesKey bool
}

// Check reads health, logs in, and reads the role and its CA. Errors are *Error: Vault sealed or out of reach, a login
// that fails, a role or mount that does not exist, a policy that forbids the path. A token that may not read the role is
// no error.
func (s *Session) Check(ctx context.Context) (Status, error) {
	status := Status{MakesKey: s.path.makesKey()}
	var err error
	if status.Version, err = s.health(ctx); err != nil {
		return Status{}, err
	}
	if err := s.allowed(ctx); err != nil {
		return Status{}, err
	}
	if status.Role, err = s.role(ctx); err != nil {
		return Status{}, err
	}
	if status.Role == nil {
		status.Note = "the token may not read the role, so what it allows is not known: let its policy read " + s.rolePath()
	}
	status.CAs = s.authorities(ctx, status.Role)
	if len(status.CAs) > 0 {
		status.CANotAfter, _ = certs.CAEnds(status.CAs)
	}
	return status, nil
}

// health needs no token (GET sys/health, which answers only outside of namespaces).
func (s *Session) health(ctx context.Context) (version string, err error) {
	client, err := newAPIClient(s.config, s.pool, "")
	if err != nil {
		return "", classify(opHealth, err)
	}
	client.ClearNamespace()
	var health *api.HealthResponse
	err = s.observed(ctx, opHealth, func(ctx context.Context) (err error) {
		health, err = client.Sys().HealthWithContext(ctx)
		return err
	})
	switch {
	case err != nil:
		return "", classify(opHealth, err)
	case !health.Initialized:
		return "", &Error{Op: opHealth, Status: http.StatusNotImplemented, Kind: Transient, Message: "Vault is not initialised: initialise it"}
	case health.Sealed:
		return "", &Error{Op: opHealth, Status: http.StatusServiceUnavailable, Kind: Transient, Message: "Vault is sealed: unseal it"}
	}
	return health.Version, nil
}

// allowed asks what the token may do at the path. A token that may not ask is not held up.
func (s *Session) allowed(ctx context.Context) error {
	var can []string
	err := s.call(ctx, opCapabilities, func(ctx context.Context, client *api.Client) (err error) {
		can, err = client.Sys().CapabilitiesSelfWithContext(ctx, s.path.call())
		return err
	})
	if unknown(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, enough := range []string{"update", "create", "root"} {
		if slices.Contains(can, enough) {
			return nil
		}
	}
	return &Error{Op: opCapabilities, Kind: Setup, Message: "the policy of the issuer's token does not allow " + s.path.call() +
		": give it the capability update there"}
}

// unknown tells whether Vault refused to say, which is no fault of the issuer.
func unknown(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == Setup && e.Status == http.StatusForbidden && e.Op != opLogin
}

// authorities reads the CA of the path or of the role (GET <mount>/issuer/<ref>/json, which needs no rights), and falls
// back to that of the last answer: a guess at the mount's default could name another CA than the role's, and then every
// certificate would seem to be of a rotated one.
func (s *Session) authorities(ctx context.Context, role *Role) []*x509.Certificate {
	ref := s.path.issuer
	if ref == "" && role != nil {
		ref = role.IssuerRef
	}
	var chain []*x509.Certificate
	if ref != "" {
		chain = s.issuer(ctx, ref)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ref = ref
	if len(chain) > 0 {
		return chain
	}
	return s.lastCA
}

func (s *Session) issuer(ctx context.Context, ref string) []*x509.Certificate {
	var secret *api.Secret
	err := s.call(ctx, opCA, func(ctx context.Context, client *api.Client) (err error) {
		secret, err = read(ctx, client, s.path.mount+"/issuer/"+ref+"/json")
		return err
	})
	if err != nil {
		return nil
	}
	first, err := certs.ParseCertificates([]byte(text(secret.Data["certificate"])))
	if err != nil || len(first) == 0 {
		return nil
	}
	// Without what is above, the CA itself is still known.
	above, _ := parseAuthorities(secret.Data)
	return certs.AssembleCA(first[0], above, s.config.Now())
}
