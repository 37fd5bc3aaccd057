// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
)

// ownScene is a gateway in own mode: the stand-in, or a real one where the environment names it.
type ownScene struct {
	*Gateway
	standIn *apisixtest.Server // nil beside a real gateway
	ca      *certstest.CA
	t       testing.TB
	// adminURL and adminKey are those of the Admin API.
	adminURL, adminKey string
}

func newOwnScene(t testing.TB) *ownScene {
	s := &ownScene{t: t, ca: certstest.NewCA(t, "test", time.Now().Add(24*time.Hour))}
	url, key, addr := os.Getenv("APISIX_CERTS_TEST_ADMIN_URL"), os.Getenv("APISIX_CERTS_TEST_ADMIN_KEY"), os.Getenv("APISIX_CERTS_TEST_TLS_ADDR")
	if url == "" {
		standIn, err := apisixtest.NewServer(apisixtest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(standIn.Close)
		s.standIn, url, key, addr = standIn, standIn.AdminURL(), standIn.AdminKey(), standIn.TLSAddr()
	}
	s.adminURL, s.adminKey = url, key
	s.Gateway = ownGateway(t, url, key, addr, "blue")
	return s
}

func ownGateway(t testing.TB, url, key, addr, cluster string) *Gateway {
	admin, err := apisix.New(apisix.Options{Endpoints: []string{url}, AdminKey: apisix.StaticKey(key), Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return &Gateway{Name: "default", Admin: admin, TLSAddrs: []string{addr}, Mode: ModeOwn, Cluster: cluster, MaxConcurrent: 1000, Clock: clock.RealClock{}}
}

// target is a new certificate for the hosts, of the ApisixCertificate with this UID.
func (s *ownScene) target(uid string, hosts ...string) Target {
	s.t.Helper()
	key, err := certs.GenerateKey(certs.KeySpec{})
	if err != nil {
		s.t.Fatal(err)
	}
	leaf := s.ca.Sign(s.t, &x509.Certificate{DNSNames: hosts, NotAfter: time.Now().Add(time.Hour), NotBefore: time.Now().Add(-time.Minute)}, key.Public())
	return Target{
		Namespace: "shop", Name: "web-" + uid, UID: uid, SecretNamespace: "shop", SecretName: "web-tls", Hosts: hosts,
		Pair: Pair{Cert: certstest.PEM(leaf), Key: key.PEM(certs.PKCS8), Fingerprint: certs.Fingerprint(leaf), Serial: certs.Serial(leaf)},
	}
}

// push brings the target to the gateway and gives what was done and seen.
func (s *ownScene) push(t Target) (State, Verb, Proof) {
	s.t.Helper()
	state, verb, err := s.tryPush(t)
	if err != nil {
		s.t.Fatal(err)
	}
	return state, verb, s.Prove(context.Background(), state.Hosts(t), t.Fingerprint)
}

func (s *ownScene) tryPush(t Target) (State, Verb, error) {
	state, err := s.Observe(context.Background(), t)
	if err != nil {
		return state, "", err
	}
	state, action, err := s.Push(context.Background(), state, t)
	return state, action.Verb, err
}

func (s *ownScene) mustPush(t Target) State {
	s.t.Helper()
	state, _, proof := s.push(t)
	if !proof.Served {
		s.t.Fatalf("not served: %+v", proof)
	}
	return state
}

// foreign puts an object that is not ours, past the gateway's inventory.
func (s *ownScene) foreign(id string, hosts ...string) apisix.SSL {
	s.t.Helper()
	t := s.target(id, hosts...)
	return s.putRaw(apisix.SSL{ID: id, SNIs: hosts, Cert: string(t.Cert), Key: string(t.Key)})
}

func (s *ownScene) putRaw(ssl apisix.SSL) apisix.SSL {
	s.t.Helper()
	if _, err := s.Admin.PutSSL(context.Background(), ssl); err != nil {
		s.t.Fatal(err)
	}
	return ssl
}

func (s *ownScene) refresh() {
	s.t.Helper()
	if err := s.Refresh(context.Background()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *ownScene) object(id string) *apisix.SSL {
	s.t.Helper()
	ssl, err := s.Admin.GetSSL(context.Background(), id)
	if apisix.IsNotFound(err) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return ssl
}

func skipReal(t testing.TB) {
	if os.Getenv("APISIX_CERTS_TEST_ADMIN_URL") != "" {
		t.Skip("of the stand-in alone")
	}
}
