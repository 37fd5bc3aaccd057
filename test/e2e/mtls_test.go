// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	vaultapi "github.com/hashicorp/vault/api"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// pickUp is how long after a new certificate a client uses it: a kubelet takes longer to bring it to a Pod.
const pickUp = 500 * time.Millisecond

// backend is a TLS server that asks clients for a certificate, and verifies it with what trusted gives for each handshake.
type backend struct {
	addr string
	end  func()
}

// backend starts a server with a certificate of its own.
func (s *scene) backend(trusted func() *x509.CertPool) *backend {
	s.Helper()
	bundle, problem := s.pair("server-tls")
	if problem != "" {
		s.Fatal(problem)
	}
	pair := tls.Certificate{Certificate: [][]byte{bundle.Leaf.Raw}, PrivateKey: bundle.Key.Signer()}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted()}, nil
	}})
	s.must(err)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func(conn net.Conn) {
				defer conn.Close()
				_, _ = conn.Write([]byte("x")) // which ends the handshake, or fails
			}(conn)
		}
	}()
	return &backend{listener.Addr().String(), func() { listener.Close() }}
}

// handshake makes one with a client certificate. Who it is that serves does not matter here.
func (b *backend) handshake(pair tls.Certificate) error {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", b.addr, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1)) // a server refuses a client after its side of the handshake
	return err
}

// clientPair is what a client shows: the leaf of a Secret with what is between it and the root.
func clientPair(b certs.Bundle) tls.Certificate {
	pair := tls.Certificate{Certificate: [][]byte{b.Leaf.Raw}, PrivateKey: b.Key.Signer(), Leaf: b.Leaf}
	for _, ca := range b.Intermediates {
		pair.Certificate = append(pair.Certificate, ca.Raw)
	}
	return pair
}

// clients make handshakes with every certificate that they have had and that is valid.
type clients struct {
	sync.Mutex
	pairs        []tls.Certificate
	done, failed int
	byCA         map[string]int
	first        error
}

func (c *clients) has(leaf *x509.Certificate) bool {
	return slices.ContainsFunc(c.pairs, func(p tls.Certificate) bool { return p.Leaf.Equal(leaf) })
}

// run shows certificates until ctx ends. It takes up new ones from the Secrets after pickUp, and drops those that end within a
// second.
func (c *clients) run(ctx context.Context, s *scene, b *backend, secrets ...string) {
	seen := map[string]time.Time{}
	for ctx.Err() == nil {
		for _, name := range secrets {
			secret := &corev1.Secret{}
			if s.Client.Get(ctx, client.ObjectKey{Namespace: s.ns, Name: name}, secret) != nil {
				continue
			}
			bundle, err := certs.ParseBundle(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey], nil)
			if err != nil {
				continue
			}
			c.Lock()
			at, known := seen[certs.Serial(bundle.Leaf)]
			if !known {
				seen[certs.Serial(bundle.Leaf)] = time.Now()
			} else if time.Since(at) > pickUp && !c.has(bundle.Leaf) {
				c.pairs = append(c.pairs, clientPair(bundle))
			}
			c.Unlock()
		}
		c.Lock()
		c.pairs = slices.DeleteFunc(c.pairs, func(p tls.Certificate) bool { return time.Until(p.Leaf.NotAfter) < time.Second })
		pairs := slices.Clone(c.pairs)
		c.Unlock()
		for _, pair := range pairs {
			err := b.handshake(pair)
			if ctx.Err() != nil {
				return
			}
			c.Lock()
			c.done++
			c.byCA[pair.Leaf.Issuer.CommonName]++
			if err != nil {
				if c.failed++; c.first == nil {
					c.first = fmt.Errorf("a certificate of %s, valid until %s: %w", pair.Leaf.Issuer.CommonName, pair.Leaf.NotAfter, err)
				}
			}
			c.Unlock()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// shown counts the handshakes with certificates of a CA.
func (c *clients) shown(ca string) int {
	c.Lock()
	defer c.Unlock()
	return c.byCA[ca]
}

// rootVault has issuer "direct" sign by a root of its own, so that a rotation leaves nothing in common.
func (s *scene) rootVault() *ownVault {
	s.Helper()
	v := s.ownVault()
	s.must(v.Client().Sys().MountWithContext(s.Context(), "direct", &vaultapi.MountInput{Type: "pki", Config: vaultapi.MountConfigInput{MaxLeaseTTL: "1000h"}}))
	s.must(v.Client().Sys().PutPolicyWithContext(s.Context(), "own", ownPolicy+`path "direct/*" { capabilities = ["create", "update", "read", "list"] }`))
	v.write("direct/root/generate/internal", map[string]any{"common_name": "first", "key_type": "ec", "ttl": "500h"})
	v.write("direct/roles/client", map[string]any{"allowed_domains": "moelove.info", "allow_subdomains": true, "key_type": "any", "max_ttl": "72h", "server_flag": false})
	own := &v1alpha1.VaultIssuer{}
	s.must(s.Client.Get(s.Context(), client.ObjectKey{Namespace: s.ns, Name: "own"}, own))
	s.issuer("direct", "direct/sign/client", func(spec *v1alpha1.VaultIssuerSpec) { spec.Server, spec.Auth = own.Spec.Server, own.Spec.Auth })
	s.issuerCondition("direct", "True", v1alpha1.ReasonVaultReady)
	return v
}

// rotateRoot has another root sign from now on.
func (v *ownVault) rotateRoot(name string) {
	v.s.Helper()
	rotated := v.write("direct/root/rotate/internal", map[string]any{"common_name": name, "key_type": "ec", "ttl": "500h"})
	v.write("direct/config/issuers", map[string]any{"default": rotated.Data["issuer_id"]})
}

const upstreamYAML = `
apiVersion: apisix.apache.org/v2
kind: ApisixUpstream
metadata:
  name: NAME
  namespace: $ns
  annotations: {apisix-certs.io/issuer: direct, apisix-certs.io/alt-names: NAME.$domain, apisix-certs.io/duration: DURATION}
spec: {scheme: https, tlsSecret: {name: NAME-tls, namespace: $ns}}
`

const clientCAYAML = `
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata: {name: web, namespace: $ns, annotations: {apisix-certs.io/client-ca: ISSUER}}
spec: {hosts: [web.$domain], secret: {name: web-tls, namespace: $ns}, client: {caSecret: {name: clients, namespace: $ns}, depth: 2}}
`

func upstreamNamed(name, duration string) string {
	return strings.NewReplacer("NAME", name, "DURATION", duration).Replace(upstreamYAML)
}

// trusted are the names of the CAs in Secret clients.
func (s *scene) trusted() []string {
	s.Helper()
	secret := s.keptSecret("clients")
	if secret == nil {
		return nil
	}
	cas, err := certs.ParseCertificates(secret.Data["ca.crt"])
	s.must(err)
	var names []string
	for _, ca := range cas {
		names = append(names, ca.Subject.CommonName)
	}
	slices.Sort(names)
	return names
}

func (s *scene) untilTrusted(names ...string) {
	s.Helper()
	s.within(4*patience, fmt.Sprintf("CAs %v of clients", names), func() string {
		if got := s.trusted(); !slices.Equal(got, names) {
			return fmt.Sprintf("have %v", got)
		}
		return ""
	})
}

// ofClients are the writes of Secret clients.
func (s *scene) ofClients(c cluster.Call) bool {
	return c.Writes() && c.Status < 300 && (strings.HasSuffix(c.Path, "/namespaces/"+s.ns+"/secrets/clients"))
}

// TestClientCARotation: the root of an issuer is replaced, while clients with certificates of both show them to a server that trusts what
// Secret clients holds. The controller is started again in between.
func TestClientCARotation(t *testing.T) {
	s := newScene(t)
	v := s.rootVault()
	s.certificate("server", []string{"server." + s.domain}, func(c *v1alpha1.ApisixCertificate) { c.Spec.Gateways = v1alpha1.GatewaysNone })
	s.condition("server", v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonIssued)
	s.apply(strings.ReplaceAll(clientCAYAML, "ISSUER", "direct"))
	s.untilTrusted("first")
	s.event("ApisixTls", "web", v1alpha1.ReasonClientCAUpdated, "VaultIssuer/direct", "first")
	for i := range 3 {
		s.apply(upstreamNamed(fmt.Sprintf("u%d", i), "1m"))
	}
	b := s.backend(func() *x509.CertPool {
		pool := x509.NewCertPool()
		secret := &corev1.Secret{}
		if s.Client.Get(context.Background(), client.ObjectKey{Namespace: s.ns, Name: "clients"}, secret) == nil {
			pool.AppendCertsFromPEM(secret.Data["ca.crt"])
		}
		return pool
	})
	defer b.end()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	c := &clients{byCA: map[string]int{}}
	go c.run(ctx, s, b, "u0-tls", "u1-tls", "u2-tls")
	s.until("certificates of the first CA", func() string { return unless(c.shown("first") > 20, "too few") })

	began := time.Now()
	v.rotateRoot("second")
	v.look()
	s.untilTrusted("first", "second")
	s.until("certificates of the second CA", func() string { return unless(c.shown("second") > 20, "too few") })
	s.must(s.stopController(t.Context()))
	s.resetTaps()
	s.must(s.startController(t.Context()))
	s.checkWorked()
	if n := s.kube.Count(s.ofClients); n > 0 {
		t.Errorf("a restart wrote the Secret %d times: %v", n, s.kube.Calls(s.ofClients))
	}
	s.untilTrusted("second")
	took := time.Since(began)
	if n := s.kube.Count(s.ofClients); n != 1 {
		t.Errorf("the first CA was dropped in %d writes", n)
	}
	before := c.shown("second")
	s.until("more handshakes", func() string { return unless(c.shown("second") > before+20, "too few") })
	stop()
	c.Lock()
	defer c.Unlock()
	t.Logf("measure: client_ca_rotation handshakes=%d failed=%d old=%d new=%d seconds=%.0f", c.done, c.failed, c.byCA["first"], c.byCA["second"], took.Seconds())
	if c.failed > 0 {
		t.Errorf("%d of %d handshakes failed, the first with %v", c.failed, c.done, c.first)
	}

	s.must(s.Client.Delete(t.Context(), tlsOf(s.ns, "web", s.ns, "web-tls")))
	s.until("the end of the Secret", func() string { return unless(s.keptSecret("clients") == nil, "it is there") })
}

// TestClientCASeenByALeaf: the first certificate of another CA has the issuer looked at, long before its time.
func TestClientCASeenByALeaf(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	v := s.rootVault()
	s.apply(strings.ReplaceAll(clientCAYAML, "ISSUER", "direct"))
	s.apply(upstreamNamed("api", "1h"))
	old := s.ready("api-tls")
	s.untilTrusted("first")
	v.rotateRoot("second")
	s.renew("api-tls")
	s.readyBut("api-tls", certs.Serial(old))
	began := time.Now()
	s.within(10*time.Second, "the new CA beside the old one", func() string {
		return unless(slices.Equal(s.trusted(), []string{"first", "second"}), fmt.Sprint(s.trusted()))
	})
	t.Logf("measure: client_ca_seen_by_a_leaf ms=%.0f", milliseconds(time.Since(began)))
}

// TestClientCAFaults: what cannot be had is told, and what is somebody else's stays.
func TestClientCAFaults(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.secret("clients", corev1.SecretTypeOpaque, map[string]string{"ca.crt": "theirs"})
	s.apply(strings.ReplaceAll(clientCAYAML, "ISSUER", "vault"))
	s.event("ApisixTls", "web", v1alpha1.ReasonSecretNotManaged, "spec.client.caSecret: Secret clients exists and is not managed as", "use another Secret")
	if got := string(s.keptSecret("clients").Data["ca.crt"]); got != "theirs" {
		t.Errorf("Secret of somebody else: %q", got)
	}
	s.apply(strings.NewReplacer("ISSUER", "missing", "name: web", "name: lost", "name: clients", "name: lost").Replace(clientCAYAML))
	s.event("ApisixTls", "lost", v1alpha1.ReasonIssuerNotFound, "annotation apisix-certs.io/client-ca: VaultIssuer/missing does not exist", "create it")
	s.apply(`
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata: {name: open, namespace: $ns, annotations: {apisix-certs.io/client-ca: vault}}
spec: {hosts: [open.$domain], secret: {name: open-tls, namespace: $ns}}
`)
	s.event("ApisixTls", "open", v1alpha1.ReasonInvalidSource, "annotation apisix-certs.io/client-ca: spec.client.caSecret does not name a Secret")
	s.apply(`
apiVersion: apisix.apache.org/v2
kind: ApisixUpstream
metadata: {name: plain, namespace: $ns, annotations: {apisix-certs.io/issuer: vault}}
spec: {scheme: https}
`)
	s.event("ApisixUpstream", "plain", v1alpha1.ReasonInvalidSource, "spec.tlsSecret does not name a Secret: set the name")
	for _, name := range []string{"lost", "open-tls", "plain-tls"} {
		if s.keptSecret(name) != nil {
			t.Errorf("Secret %s was made", name)
		}
	}
	s.must(s.Client.Delete(t.Context(), s.keptSecret("clients")))
	s.until("the CAs, once the Secret in the way has gone", func() string { return unless(len(s.trusted()) > 0, "none") })
}

// TestUpstreamClientCertificate: APISIX gets a client certificate, which no gateway serves, and which is renewed.
func TestUpstreamClientCertificate(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.rootVault()
	s.apply(upstreamNamed("api", "1h"))
	leaf := s.ready("api-tls")
	cert := s.cert("api-tls")
	if !slices.Equal(cert.Spec.Usages, []string{"client auth"}) || cert.Spec.Gateways != v1alpha1.GatewaysNone {
		t.Errorf("spec %+v", cert.Spec)
	}
	s.certificate("server", []string{"server." + s.domain}, func(c *v1alpha1.ApisixCertificate) { c.Spec.Gateways = v1alpha1.GatewaysNone })
	s.condition("server", v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonIssued)
	b := s.backend(func() *x509.CertPool {
		pool := x509.NewCertPool()
		if secret := s.keptSecret("api-tls"); secret != nil {
			pool.AppendCertsFromPEM(secret.Data["ca.crt"])
		}
		return pool
	})
	defer b.end()
	const renewals = 3
	for range renewals {
		old := leaf
		s.renew("api-tls")
		leaf = s.readyBut("api-tls", certs.Serial(old))
		if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) {
			t.Errorf("extended usages %v", leaf.ExtKeyUsage)
		}
		bundle, problem := s.pair("api-tls")
		if problem != "" {
			t.Fatal(problem)
		}
		s.must(b.handshake(clientPair(bundle)))
	}
	if ssls := s.ssls("api." + s.domain); len(ssls) > 0 {
		t.Errorf("ssl objects %v", ssls)
	}
	t.Logf("measure: upstream_client_certificate renewed=%d", renewals)

	// With the object goes its certificate, which no live object refers to.
	upstream := newUpstreamObject()
	upstream.SetNamespace(s.ns)
	upstream.SetName("api")
	s.must(s.Client.Delete(t.Context(), upstream))
	s.gone("api-tls", "api."+s.domain)
}

// upstreamGrantYAML lets ApisixUpstreams of namespace upstreams-from refer to one Secret of the scene.
const upstreamGrantYAML = `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: upstreams, namespace: $ns}
spec:
  from: [{group: apisix.apache.org, kind: ApisixUpstream, namespace: upstreams-from}]
  to: [{group: "", kind: Secret, name: api-tls}]
`

// TestUpstreamOfAnotherNamespace: a Secret of another namespace needs a ReferenceGrant, for ApisixUpstreams by their name.
func TestUpstreamOfAnotherNamespace(t *testing.T) {
	t.Parallel()
	from, to := newNamespace(t, "upstreams-from"), newNamespace(t, "upstreams-to")
	from.apply(strings.NewReplacer("direct", "vault", "name: NAME-tls, namespace: $ns", "name: api-tls, namespace: "+to.ns, "NAME", "api", "DURATION", "1h").Replace(upstreamYAML))
	name := to.ns + ".api-tls"
	from.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRefNotPermitted, "allows ApisixUpstreams in namespace upstreams-from to refer", "kind: ApisixUpstream")
	if to.keptSecret("api-tls") != nil {
		t.Fatal("a Secret was made without leave")
	}
	to.must(to.InstallReferenceGrants(t.Context()))
	to.until("the CRD", func() string {
		return errorText(to.Apply(t.Context(), "grant", []byte(to.text(strings.ReplaceAll(upstreamGrantYAML, "ApisixUpstream,", "ApisixTls,")))))
	})
	time.Sleep(2 * time.Second) // a grant for another kind must not count
	from.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRefNotPermitted)
	to.apply(upstreamGrantYAML)
	from.condition(name, v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonIssued)
	if _, problem := to.pair("api-tls"); problem != "" {
		t.Error(problem)
	}
}
