// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
)

// lives sets the life that is asked for.
func lives(d time.Duration) func(*v1alpha1.ApisixCertificate) {
	return func(c *v1alpha1.ApisixCertificate) { c.Spec.Duration = &metav1.Duration{Duration: d} }
}

// hosts makes n certificates c00, c01, ... of issuer own, waits for them, and returns their leaves by host.
func (s *scene) hosts(n int, change ...func(*v1alpha1.ApisixCertificate)) map[string]*x509.Certificate {
	s.Helper()
	leaves := map[string]*x509.Certificate{}
	for i := range n {
		s.certificate(fmt.Sprintf("c%02d", i), []string{fmt.Sprintf("c%02d.%s", i, s.domain)}, own(change...))
	}
	for i := range n {
		host := fmt.Sprintf("c%02d.%s", i, s.domain)
		leaves[host] = s.ready(fmt.Sprintf("c%02d", i), host)
	}
	return leaves
}

// verifier makes handshakes with all hosts again and again, verifying what is served as a client does.
type verifier struct {
	sync.Mutex
	done, failed int
	first        error
	issuers      map[string]string // of each host, the CA that signed what was served last
}

func (s *scene) verify(ctx context.Context, hosts map[string]*x509.Certificate, root *x509.Certificate) *verifier {
	p := &verifier{issuers: map[string]string{}}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	go func() {
		for ctx.Err() == nil {
			for host := range hosts {
				dialer := tls.Dialer{Config: &tls.Config{ServerName: host, RootCAs: roots}}
				conn, err := dialer.DialContext(ctx, "tcp", s.Gateway.TLSAddr)
				if ctx.Err() != nil {
					return
				}
				p.Lock()
				if p.done++; err != nil {
					if p.failed++; p.first == nil {
						p.first = err
					}
				} else {
					p.issuers[host] = conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Issuer.CommonName
					conn.Close()
				}
				p.Unlock()
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	return p
}

// served counts the hosts that are served with a leaf of that CA.
func (p *verifier) served(ca string) (n int) {
	p.Lock()
	defer p.Unlock()
	for _, issuer := range p.issuers {
		if issuer == ca {
			n++
		}
	}
	return n
}

// TestVaultCARotation: a new intermediate, and all leaves follow it, spread over a tenth of their life, without a
// handshake that fails.
func TestVaultCARotation(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	const n = 8
	leaves := s.hosts(n, lives(2*time.Minute))
	bundle, problem := s.pair("c00-tls")
	if problem != "" || len(bundle.Intermediates) != 1 {
		t.Fatal(problem, len(bundle.Intermediates))
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	p := s.verify(ctx, leaves, bundle.CA[0])
	s.until("first probes", func() string { return lacksHosts(p.served("first"), n) })
	v.rotate("second")
	before := v.count("/sign/")
	v.look()
	began := time.Now()
	s.until("all leaves of the new CA", func() string { return lacksHosts(p.served("second"), n) })
	took := time.Since(began)
	issuer := &v1alpha1.VaultIssuer{}
	s.must(s.Client.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "own"}, issuer))
	if ca := issuer.Status.CA; ca == nil || ca.CommonName != "second" {
		t.Errorf("status.ca %+v", ca)
	}
	s.event("VaultIssuer", "own", v1alpha1.ReasonCARotated)
	v.look()
	time.Sleep(time.Second) // another round would show by now
	signs := v.count("/sign/") - before
	t.Logf("measure: vault_ca_rotation certificates=%d seconds=%.1f signs=%d handshakes=%d failed=%d", n, took.Seconds(), signs, p.done, p.failed)
	if p.failed > 0 || signs != n {
		t.Errorf("%d of %d handshakes failed, the first: %v; %d signatures for %d certificates", p.failed, p.done, p.first, signs, n)
	}
}

func lacksHosts(have, want int) string {
	if have == want {
		return ""
	}
	return fmt.Sprintf("%d of %d", have, want)
}

// TestVaultRevokedSerial: what is on the CRL is issued again at once.
func TestVaultRevokedSerial(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	s.hosts(2)
	bundle, _ := s.pair("c00-tls")
	other, _ := s.pair("c01-tls")
	v.write("int/revoke", map[string]any{"certificate": string(certs.EncodeCertificates(bundle.Leaf))})
	v.look()
	s.readyBut("c00", certs.Serial(bundle.Leaf), "c00."+s.domain)
	s.event("ApisixCertificate", "c00", v1alpha1.ReasonRenewed, "the certificate is revoked")
	if now, _ := s.pair("c01-tls"); !now.Leaf.Equal(other.Leaf) {
		t.Error("a certificate that is not revoked was issued again")
	}
}

// revoked tells whether Vault has revoked a certificate.
func (v *ownVault) revoked(leaf *x509.Certificate) bool {
	v.s.Helper()
	answer, err := v.Client().Logical().ReadWithContext(v.s.Context(), "int/cert/"+certs.Serial(leaf))
	if err != nil || answer == nil { // Vault writes serials with colons
		answer, err = v.Client().Logical().ReadWithContext(v.s.Context(), "int/cert/"+colons(certs.Serial(leaf)))
	}
	v.s.must(err)
	at, _ := answer.Data["revocation_time"].(interface{ Int64() (int64, error) })
	seconds, err := at.Int64()
	v.s.must(err)
	return seconds > 0
}

func colons(serial string) string {
	text := serial[:2]
	for i := 2; i+1 < len(serial); i += 2 {
		text += ":" + serial[i:i+2]
	}
	return text
}

// TestRevocationPolicy revokes what was replaced and what is deleted, and stays until that works.
func TestRevocationPolicy(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	policy := func(p v1alpha1.RevocationPolicy) func(*v1alpha1.ApisixCertificate) {
		return func(c *v1alpha1.ApisixCertificate) { c.Spec.RevocationPolicy = p }
	}
	s.certificate("replaced", []string{"replaced." + s.domain}, own(policy(v1alpha1.RevokeOnReplace)))
	s.certificate("never", []string{"never." + s.domain}, own())
	first := s.ready("replaced", "replaced."+s.domain)
	never := s.ready("never", "never."+s.domain)
	s.renew("replaced")
	s.renew("never")
	second := s.readyBut("replaced", certs.Serial(first), "replaced."+s.domain)
	s.until("revocation of what was replaced", func() string { return unless(v.revoked(first), "not revoked") })
	s.until("the list is empty", func() string {
		return unless(len(s.cert("replaced").Status.ToRevoke) == 0, "there is something on it")
	})
	never2 := s.readyBut("never", certs.Serial(never), "never."+s.domain)
	if v.revoked(second) || v.revoked(never) || v.revoked(never2) {
		t.Error("a certificate was revoked that nobody wanted revoked")
	}

	s.must(v.Seal(t.Context()))
	s.must(s.Client.Delete(t.Context(), s.cert("replaced")))
	s.condition("replaced", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRevocationFailed, "Vault is sealed", v1alpha1.AnnotationSkipRevocation)
	s.must(v.Unseal(t.Context()))
	s.gone("replaced-tls", "replaced."+s.domain)
	s.until("revocation at deletion", func() string { return unless(v.revoked(second), "not revoked") })

	s.certificate("stuck", []string{"stuck." + s.domain}, own(policy(v1alpha1.RevokeOnDelete)))
	s.ready("stuck", "stuck."+s.domain)
	s.must(s.Client.Delete(t.Context(), &v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: "own"}}))
	s.must(s.Client.Delete(t.Context(), s.cert("stuck")))
	s.condition("stuck", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRevocationFailed, "VaultIssuer/own does not exist")
	s.annotate(&v1alpha1.ApisixCertificate{}, "stuck", v1alpha1.AnnotationSkipRevocation, "true")
	s.gone("stuck-tls", "stuck."+s.domain)
}

func unless(ok bool, obstacle string) string {
	if ok {
		return ""
	}
	return obstacle
}

// TestVaultRoleNarrowed: a host that the role refuses by now is that certificate's fault alone, and is issued again once
// the role allows it, without anyone touching Kubernetes.
func TestVaultRoleNarrowed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	s.certificate("other", []string{"other." + s.domain}, own())
	s.certificate("web", []string{"web." + s.domain}, own())
	other, web := s.ready("other", "other."+s.domain), s.ready("web", "web."+s.domain)
	v.write("int/roles/web", map[string]any{"allowed_domains": "other." + s.domain, "allow_bare_domains": true, "key_type": "any", "max_ttl": "72h"})
	s.renew("other")
	s.renew("web")
	s.readyBut("other", certs.Serial(other), "other."+s.domain)
	s.condition("web", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRenewalFailing, "not allowed by this role", "allowed_domains")
	s.stillServed("web."+s.domain, web)
	v.role("moelove.info")
	began := time.Now()
	s.within(time.Minute, "issuing once the role allows it", func() string {
		return unless(s.cert("web").Status.Issued.SerialNumber != certs.Serial(web), "the old certificate")
	})
	took := time.Since(began)
	s.readyBut("web", certs.Serial(web), "web."+s.domain)
	t.Logf("measure: vault_role_narrowed refused=1 others_failed=0 seconds_to_recover=%.1f", took.Seconds())
}

// TestVaultTokenRevoked: the token is revoked in Vault, and the next issuance logs in once more.
func TestVaultTokenRevoked(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	leaves := s.hosts(4)
	logins := v.count("auth/approle/login")
	v.write("sys/leases/revoke-prefix/auth/approle/login", nil)
	for i := range len(leaves) {
		s.renew(fmt.Sprintf("c%02d", i))
	}
	for host, leaf := range leaves {
		s.readyBut(host[:3], certs.Serial(leaf), host)
		if failed := s.cert(host[:3]).Status.FailedAttempts; failed != 0 {
			t.Errorf("%s failed %d times", host, failed)
		}
	}
	more := v.count("auth/approle/login") - logins
	t.Logf("measure: vault_token_revoked certificates=%d new_logins=%d failed=0", len(leaves), more)
	if more != 1 {
		t.Errorf("%d new logins", more)
	}
}

// TestVaultSealedWave seals Vault during a wave of renewals.
func TestVaultSealedWave(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	n, sealed := 40, 5*time.Second
	if os.Getenv("APISIX_CERTS_MEASURES") == "long" {
		n, sealed = 200, time.Minute
	}
	leaves := s.hosts(n, lives(time.Hour))
	s.must(v.Seal(t.Context()))
	before, first := v.count("/sign/"), time.Now()
	for i := range n {
		s.renew(fmt.Sprintf("c%02d", i))
	}
	time.Sleep(sealed)
	asked, elapsed := v.count("/sign/")-before, time.Since(first)
	s.must(v.Unseal(t.Context()))
	began := time.Now()
	for host, leaf := range leaves {
		s.readyBut(host[:len(host)-len(s.domain)-1], certs.Serial(leaf), host)
	}
	took := time.Since(began)
	// The steps are 0, 5, 15, 35 and 75 s after the first attempt.
	steps := 0
	for _, at := range []time.Duration{0, 5 * time.Second, 15 * time.Second, 35 * time.Second, 75 * time.Second} {
		if at <= elapsed {
			steps++
		}
	}
	expired := 0
	for _, leaf := range leaves {
		if time.Now().After(leaf.NotAfter) {
			expired++
		}
	}
	t.Logf("measure: vault_sealed_wave certificates=%d sealed=%s asked_while_sealed=%d retry_steps=%d renewed_within=%.1fs expired=%d", n, elapsed.Round(time.Second), asked, steps, took.Seconds(), expired)
	if took > 30*time.Second || expired > 0 || asked > n*steps {
		t.Errorf("renewed within %s, %d expired, asked %d times in %d steps", took, expired, asked, steps)
	}
}

// TestVaultCannot: what the role does not grant is refused and not dropped, and granted once the role does.
func TestVaultCannot(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	s.certificate("org", []string{"org." + s.domain}, own(func(c *v1alpha1.ApisixCertificate) {
		c.Spec.Subject = &v1alpha1.X509Subject{Organizations: []string{"ACME"}}
	}))
	s.certificate("code", []string{"code." + s.domain}, own(func(c *v1alpha1.ApisixCertificate) {
		c.Spec.Usages = []string{"server auth", "code signing"}
	}))
	s.refused("org", v1alpha1.ReasonInvalidResponse, "different subject: organizations", "remove it from the spec")
	s.refused("code", v1alpha1.ReasonInvalidResponse, "lacks usages: code signing", "ext_key_usage")
	v.write("int/roles/web", map[string]any{"allowed_domains": "moelove.info", "allow_subdomains": true, "key_type": "any", "max_ttl": "72h", "organization": "ACME", "code_signing_flag": true})
	if leaf := s.ready("org", "org."+s.domain); len(leaf.Subject.Organization) != 1 || leaf.Subject.Organization[0] != "ACME" {
		t.Errorf("organizations %q", leaf.Subject.Organization)
	}
	s.ready("code", "code."+s.domain)
}

// TestVaultPolicyAdded: a policy is put on the role of the auth method after a login without it. The issuer is Ready and the
// certificate issued within two minutes, without a touch.
func TestVaultPolicyAdded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.ownVault()
	v.write("auth/approle/role/own", map[string]any{"token_policies": "default", "token_ttl": "24h"})
	v.write("sys/leases/revoke-prefix/auth/approle/login", nil)
	s.certificate("web", []string{"web." + s.domain}, own())
	s.condition("web", v1alpha1.ConditionIssued, metav1.ConditionFalse, v1alpha1.ReasonIssuerNotReady, "permission denied")
	before := v.count("auth/approle/login")
	v.write("auth/approle/role/own", map[string]any{"token_policies": "own", "token_ttl": "24h"})
	began := time.Now()
	s.within(2*time.Minute, "issuing by the policy that was added", func() string {
		return unless(s.cert("web").Status.Issued.SerialNumber != "", "no certificate")
	})
	took := time.Since(began)
	s.within(2*time.Minute, "a Ready issuer", func() string {
		var issuer v1alpha1.VaultIssuer
		s.must(s.Client.Get(t.Context(), client.ObjectKey{Namespace: s.ns, Name: "own"}, &issuer))
		return unless(meta.IsStatusConditionTrue(issuer.Status.Conditions, v1alpha1.ConditionReady), "not Ready")
	})
	logins := v.count("auth/approle/login") - before
	t.Logf("measure: vault_policy_added seconds=%.0f extra_logins=%d", took.Seconds(), logins)
	if logins > 3 {
		t.Errorf("%d logins", logins)
	}
}
