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

// Status is the result of a check of an issuer.
type Status struct {
	Version string // of Vault; empty if unknown
	// Role is the PKI role. It is nil if the token is not allowed to read it, or if the path has none.
	Role *Role
	// Notes are sentences about what could not be read. The issuer works without it.
	Notes []string
	// GeneratesLeases reports whether the role attaches certificates to the token that requested them
	// (generate_lease=true). Vault revokes them when the token expires. If the role cannot be read, it is known from
	// the last issuance.
	GeneratesLeases bool
	// CAs are the CA that the role signs with, first, the others of its key and those above, as certs.AssembleCA
	// returns them. It is nil if the CA is unknown: with a token that is not allowed to read the role it is known
	// only after the first response to Issue. It serves as certs.Observed.CurrentCA.
	CAs        []*x509.Certificate
	CANotAfter time.Time // when the first clients cannot verify CAs any more, see certs.CAExpiry; zero if unknown
	// MakesKey reports whether Vault generates the keys. Verbatim reports whether it signs any CSR (sign-verbatim).
	MakesKey, Verbatim bool
}

// Check reads sys/health, logs in, and reads the role and its CA, all within Config.Timeout. Errors are *Error: Vault
// is sealed or unreachable, the login fails, a role or mount does not exist, a policy denies the path, or the token
// was recently refused a signature. Missing permission for optional reads is not an error.
func (s *Session) Check(ctx context.Context) (Status, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	status := Status{MakesKey: s.path.makesKey(), Verbatim: s.path.verbatim()}
	for _, step := range []func(context.Context, *Status) error{s.checkHealth, s.checkToken, s.checkRole} {
		if err := step(ctx, &status); err != nil {
			return Status{}, err
		}
	}
	if refusal := s.history.recentRefusal(s.config.Now()); refusal != nil {
		return Status{}, refusal
	}
	status.GeneratesLeases = s.history.hasLeases(status.Role)
	status.CAs = s.authorities(ctx, status.Role)
	if len(status.CAs) > 0 {
		status.CANotAfter, _ = certs.CAExpiry(status.CAs)
	}
	return status, nil
}

func (s *Session) checkHealth(ctx context.Context, status *Status) (err error) {
	status.Version, err = s.health(ctx)
	var e *Error
	if errors.As(err, &e) && e.Kind == Setup && (e.Status >= 400 || e.page) {
		status.Notes = append(status.Notes, "sys/health is not accessible, so the state of Vault is unknown")
		return nil
	}
	return err
}

// health needs no token (GET sys/health, which is available only in the root namespace).
func (s *Session) health(ctx context.Context) (version string, err error) {
	client, err := s.wire.client("")
	if err != nil {
		return "", classify(opHealth, err)
	}
	client.ClearNamespace()
	var health *api.HealthResponse
	err = s.wire.do(ctx, opHealth, func(ctx context.Context) (err error) {
		health, err = client.Sys().HealthWithContext(ctx)
		return err
	})
	switch {
	case err != nil:
		return "", classify(opHealth, err)
	case !health.Initialized:
		return "", &Error{Op: opHealth, Status: http.StatusNotImplemented, Kind: Transient, Message: "Vault is not initialized: initialize it"}
	case health.Sealed:
		return "", &Error{Op: opHealth, Status: http.StatusServiceUnavailable, Kind: Transient, Message: "Vault is sealed: unseal it"}
	}
	return health.Version, nil
}

// checkToken reads the token's capabilities on the path. It does not fail if the token is not allowed to read them.
func (s *Session) checkToken(ctx context.Context, _ *Status) error {
	may := false
	err := s.call(ctx, access{op: opCapabilities, extra: true, deniedAll: func() bool { return !may }}, func(ctx context.Context, l *login) error {
		can, err := l.client.Sys().CapabilitiesSelfWithContext(ctx, s.path.call())
		may = slices.ContainsFunc([]string{"update", "create", "root"}, func(enough string) bool { return slices.Contains(can, enough) })
		return err
	})
	var e *Error
	switch {
	case errors.As(err, &e) && e.Op == opCapabilities && e.Kind == Setup && (e.Status >= 400 || e.page):
		return nil
	case err != nil:
		return err
	}
	s.history.noteCapability(may)
	if !may {
		return &Error{Op: opCapabilities, Kind: Setup, Message: "the policy of the issuer's token does not allow " + s.path.call() +
			": grant it the capability update on this path"}
	}
	return nil
}

func (s *Session) checkRole(ctx context.Context, status *Status) error {
	if s.path.role == "" {
		return nil
	}
	role, err := s.role(ctx)
	var e *Error
	if errors.As(err, &e) && e.notPermitted() {
		status.Notes = append(status.Notes, "the token is not allowed to read the role, so its settings are unknown: allow its policy to read "+s.rolePath())
		return nil
	}
	status.Role = role
	return err
}

// authorities reads the CA of the path or of the role (GET <mount>/issuer/<ref>/json, which needs no permissions),
// and falls back to that of the last response. It does not assume the mount's default issuer: if the role uses
// another one, every certificate would look as if the CA had been rotated.
func (s *Session) authorities(ctx context.Context, role *Role) []*x509.Certificate {
	ref := s.path.issuer
	if ref == "" && role != nil {
		ref = role.IssuerRef
	}
	var chain []*x509.Certificate
	if ref != "" {
		chain = s.issuer(ctx, ref)
	}
	s.history.noteRole(role, ref)
	if len(chain) > 0 {
		return chain
	}
	return s.history.authorities()
}

func (s *Session) issuer(ctx context.Context, ref string) []*x509.Certificate {
	var secret *api.Secret
	err := s.call(ctx, access{op: opCA, extra: true}, func(ctx context.Context, l *login) (err error) {
		secret, err = read(ctx, l.client, s.path.mount+"/issuer/"+ref+"/json")
		return err
	})
	if err != nil {
		return nil
	}
	first, err := certs.ParseCertificates([]byte(text(secret.Data["certificate"])))
	if err != nil || len(first) == 0 {
		return nil
	}
	// The CA itself is usable even if those above cannot be parsed.
	above, _ := parseAuthorities(secret.Data)
	return certs.AssembleCA(first[0], above, s.config.Now())
}
