// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// outage is a fault of Vault that the test can bring about and end.
type outage struct {
	issuer     string
	begin, end func()
	mend       []string
}

// vaultFails brings an outage over a certificate that works and one that is new, and ends it.
func (s *scene) vaultFails(o outage) {
	s.Helper()
	by := func(c *v1alpha1.ApisixCertificate) { c.Spec.IssuerRef.Name = o.issuer }
	host := "works." + s.domain
	s.certificate("works", []string{host}, by)
	old := s.ready("works", host)
	o.begin()
	s.renew("works")
	s.condition("works", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonRenewalFailing, o.mend...)
	s.event("ApisixCertificate", "works", v1alpha1.ReasonRenewalFailing, o.mend...)
	s.certificate("new", []string{"new." + s.domain}, by)
	s.refused("new", v1alpha1.ReasonIssueFailed, o.mend...)
	s.stillServed(host, old)
	o.end()
	s.ready("new", "new."+s.domain)
	s.readyBut("works", certs.Serial(old), host)
	s.condition("works", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

func (s *scene) stillServed(host string, leaf *x509.Certificate) {
	s.Helper()
	if served, err := s.served(host); err != nil || !served.Equal(leaf) {
		s.Errorf("the working certificate is not served any more: %v", err)
	}
}

func TestVaultUnreachable(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	tap, err := cluster.NewTap(s.Vault.Address, nil)
	s.must(err)
	t.Cleanup(tap.Close)
	s.issuer("frail", "pki/sign/moelove-dot-info", func(spec *v1alpha1.VaultIssuerSpec) { spec.Server = tap.URL })
	s.vaultFails(outage{
		issuer: "frail", begin: tap.Stop, end: func() { s.must(tap.Restart()) },
		mend: []string{"the connection to Vault was refused", "check server, and that Vault is running"},
	})
}

func TestVaultSealed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	vault, err := servers.StartVault(t.Context(), servers.VaultOptions{Dev: true})
	s.must(err)
	t.Cleanup(vault.Stop)
	_, err = vault.SetUpPKI(t.Context(), servers.PKIOptions{CommonName: "moelove.info", Role: "any"})
	s.must(err)
	s.witness.Guard(vault.Token)
	s.secret("own-token", "Opaque", map[string]string{"token": vault.Token})
	s.issuer("own", "pki/sign/any", func(spec *v1alpha1.VaultIssuerSpec) {
		spec.Server, spec.Auth.TokenSecretRef.Name = vault.Address, "own-token"
	})
	s.vaultFails(outage{
		issuer: "own", begin: func() { s.must(vault.Seal(t.Context())) }, end: func() { s.must(vault.Unseal(t.Context())) },
		mend: []string{"Vault is sealed", "unseal it"},
	})
}

// TestGatewayDown stops the Admin API for everyone. The TLS port goes on: APISIX serves what it has.
func TestGatewayDown(t *testing.T) {
	s := newScene(t)
	host := "works." + s.domain
	s.certificate("works", []string{host})
	old := s.ready("works", host)
	s.admin.Stop()
	s.renew("works")
	mend := []string{"gateway default", "check that the gateway is running"}
	s.condition("works", v1alpha1.ConditionPushed, metav1.ConditionFalse, v1alpha1.ReasonGatewayUnreachable, mend...)
	s.condition("works", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonGatewayUnreachable, mend...)
	s.event("ApisixCertificate", "works", v1alpha1.ReasonGatewayUnreachable, mend...)
	s.stillServed(host, old)
	s.must(s.admin.Restart())
	began := time.Now()
	s.readyBut("works", certs.Serial(old), host)
	t.Logf("served %s after the gateway was back", time.Since(began).Round(time.Millisecond))
	if signs := s.cert("works").Status.FailedAttempts; signs != 0 {
		t.Errorf("failedAttempts %d, but nothing failed at the issuer", signs)
	}
}

// TestGatewayRefuses lets the Admin API answer with errors to the writes of one certificate.
func TestGatewayRefuses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for status, want := range map[int]struct {
		reason string
		texts  []string
	}{
		http.StatusUnauthorized:       {v1alpha1.ReasonGatewayRefused, []string{"gateway default", "correct the admin key"}},
		http.StatusForbidden:          {v1alpha1.ReasonGatewayRefused, []string{"gateway default", "allow_admin"}},
		http.StatusServiceUnavailable: {v1alpha1.ReasonGatewayUnreachable, []string{"gateway default", "503"}},
	} {
		name := fmt.Sprintf("refused-%d", status)
		host := name + "." + s.domain
		s.certificate(name, []string{host})
		old := s.ready(name, host)
		s.failSSL(s.cert(name).Status.Gateways[0].SSLID, status)
		s.renew(name)
		s.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, want.reason, want.texts...)
		s.event("ApisixCertificate", name, want.reason, want.texts...)
		s.stillServed(host, old)
		s.admin.Before(nil)
		// What a wrong key or address needs is mended outside of the cluster: any change of the object tries at once,
		// and without one the minute's recheck does.
		s.annotate(&v1alpha1.ApisixCertificate{}, name, "example.com/nudge", "1")
		s.readyBut(name, certs.Serial(old), host)
	}
}

// failSSL lets requests for one ssl object be answered with status.
func (s *scene) failSSL(id string, status int) {
	s.admin.Before(func(r *http.Request) http.Handler {
		if !strings.HasSuffix(r.URL.Path, "/"+id) {
			return nil
		}
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error_msg":"status %d of the test"}`, status)
		})
	})
}
