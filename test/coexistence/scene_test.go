// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"testing"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/controllers/source"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

const (
	namespace  = "default"
	sourceName = "shop"
	secretName = "shop-tls"
	host       = "shop.example.com"
	otherHost  = "store.example.com"
)

// scene is one ApisixTls of ours with its Secret in an in-memory Kubernetes, the stand-in gateway, the double of the 2.x
// controller, and our adopt mode, each moved by hand.
type scene struct {
	t     *testing.T
	ca    *certstest.CA
	clock *clocktesting.FakeClock
	kube  client.Client
	apisx *apisixtest.Server
	admin *apisix.Client
	ours  *gateway.Gateway
	uses  *source.Uses

	theirs    *Controller2x
	up        bool
	flight    *Plan // a sync that has read and not yet written
	disturbed bool  // somebody has a Secret without a pair

	hosts  []string            // of the ApisixTls; nil: there is none
	former []gateway.Reference // of the one that was deleted
	pair   pair                // the newest certificate
	last   string              // fingerprint of the certificate whose end is done
	uid    int                 // of our ApisixCertificate
	ending time.Time
	again  time.Duration
	action gateway.Action
	state  gateway.State
}

type pair struct {
	cert, key   []byte
	fingerprint string
	hosts       []string
}

func newScene(t *testing.T, ca *certstest.CA, apisx *apisixtest.Server) *scene {
	t.Helper()
	apisx.Wipe()
	admin, err := apisix.New(apisix.Options{Endpoints: []string{apisx.AdminURL()}, AdminKey: apisix.StaticKey(apisx.AdminKey())})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, ca: ca, apisx: apisx, admin: admin, clock: clocktesting.NewFakeClock(time.Now()), up: true}
	s.kube = fake.NewClientBuilder().WithScheme(controllers.Scheme()).WithStatusSubresource(&configv2.ApisixTls{}).
		WithIndex(&configv2.ApisixTls{}, "namedSecret", func(object client.Object) []string {
			ref := object.(*configv2.ApisixTls).Spec.Secret
			return []string{ref.Namespace + "/" + ref.Name}
		}).
		WithIndex(&networkingv1.Ingress{}, "namedSecret", func(client.Object) []string { return nil }).
		WithObjects(ingressClass(class, ControllerName)).Build()
	s.uses = &source.Uses{Client: s.kube}
	s.uses.TLS.Store(true)
	s.ours = s.newOurs()
	s.theirs = &Controller2x{Kube: s.kube, Admin: admin}
	return s
}

// newOurs is our side of the gateway as after a start.
func (s *scene) newOurs() *gateway.Gateway {
	return &gateway.Gateway{
		Name: "default", Admin: s.admin, TLSAddrs: []string{s.apisx.TLSAddr()}, Mode: gateway.ModeAdopt, Clock: s.clock,
	}
}

func ingressClass(name, controller string) *networkingv1.IngressClass {
	c := &networkingv1.IngressClass{Spec: networkingv1.IngressClassSpec{Controller: controller}}
	c.Name = name
	return c
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// makeSource makes the ApisixTls.
func (s *scene) makeSource(hosts ...string) {
	s.t.Helper()
	s.hosts = hosts
	s.must(s.kube.Create(s.t.Context(), apisixTLS(sourceName, secretName, hosts...)))
}

func apisixTLS(name, secret string, hosts ...string) *configv2.ApisixTls {
	object := &configv2.ApisixTls{Spec: &configv2.ApisixTlsSpec{
		IngressClassName: class, Secret: configv2.ApisixSecret{Name: secret, Namespace: namespace},
	}}
	object.Name, object.Namespace = name, namespace
	for _, host := range hosts {
		object.Spec.Hosts = append(object.Spec.Hosts, configv2.HostType(host))
	}
	return object
}

// changeHosts changes those of the ApisixTls.
func (s *scene) changeHosts(hosts ...string) {
	s.t.Helper()
	object := &configv2.ApisixTls{}
	s.must(s.kube.Get(s.t.Context(), client.ObjectKey{Namespace: namespace, Name: sourceName}, object))
	object.Spec.Hosts = apisixTLS(sourceName, secretName, hosts...).Spec.Hosts
	s.must(s.kube.Update(s.t.Context(), object))
	s.hosts = hosts
}

// deleteSource deletes the ApisixTls, and with it goes our ApisixCertificate, whose end begins.
func (s *scene) deleteSource() {
	s.t.Helper()
	uses, err := s.uses.Of(s.t.Context(), namespace, secretName)
	s.must(err)
	s.must(s.kube.Delete(s.t.Context(), apisixTLS(sourceName, secretName)))
	s.former, s.hosts = uses, nil
	s.ending = s.clock.Now()
}

// issue makes a newer certificate for the ApisixTls, not yet written anywhere.
func (s *scene) issue() pair {
	s.t.Helper()
	return newPair(s.t, s.ca, s.hosts...)
}

func newPair(t *testing.T, ca *certstest.CA, hosts ...string) pair {
	t.Helper()
	leaf, key := ca.Pair(t, &x509.Certificate{DNSNames: hosts, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)})
	return pair{cert: certstest.PEM(leaf), key: key, fingerprint: certs.Fingerprint(leaf), hosts: hosts}
}

// writeSecret writes the pair into our Secret, which then is the newest.
func (s *scene) writeSecret(p pair) {
	s.t.Helper()
	s.pair = p
	putSecret(s.t, s.kube, secretName, p.cert, p.key)
}

func putSecret(t *testing.T, kube client.Client, name string, cert, key []byte) {
	t.Helper()
	secret := &corev1.Secret{}
	secret.Name, secret.Namespace = name, namespace
	err := kube.Get(t.Context(), client.ObjectKeyFromObject(secret), secret)
	secret.Type = corev1.SecretTypeTLS
	secret.Data = map[string][]byte{corev1.TLSCertKey: cert, corev1.TLSPrivateKeyKey: key}
	if err == nil {
		err = kube.Update(t.Context(), secret)
	} else if client.IgnoreNotFound(err) == nil {
		err = kube.Create(t.Context(), secret)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// push is our push of a pair.
func (s *scene) push(p pair) {
	s.t.Helper()
	target := s.target(p)
	state, err := s.ours.Observe(s.t.Context(), target)
	s.must(err)
	s.state, s.action, err = s.ours.Push(s.t.Context(), state, target)
	s.must(err)
	s.again = s.action.RequeueAfter
}

func (s *scene) target(p pair) gateway.Target {
	s.t.Helper()
	uses, err := s.uses.Of(context.Background(), namespace, secretName)
	s.must(err)
	return gateway.Target{
		Namespace: namespace, Name: secretName, UID: fmt.Sprint(s.uid), SecretNamespace: namespace, SecretName: secretName, Hosts: p.hosts, References: uses, FormerReferences: s.former,
		Pair: gateway.Pair{Cert: p.cert, Key: p.key, Fingerprint: p.fingerprint},
	}
}

// run is one run of our controller: what the Secret holds is pushed, or the end goes on.
func (s *scene) run() {
	s.t.Helper()
	if !s.ending.IsZero() {
		s.end()
		return
	}
	if s.hosts == nil {
		return
	}
	if !slices.Equal(s.pair.hosts, s.hosts) {
		s.writeSecret(s.issue())
	}
	s.push(s.pair)
}

// runLate is runs until the ingress controller has had its head start.
func (s *scene) runLate() {
	s.t.Helper()
	for s.run(); s.action.Verb == gateway.ActionWait && s.state.Syncing(); s.run() {
		s.clock.Step(s.again)
	}
}

func (s *scene) end() {
	s.t.Helper()
	done, err := s.ours.Remove(s.t.Context(), s.target(s.pair), s.clock.Since(s.ending) > 10*time.Second)
	s.must(err)
	if s.again = 2 * time.Second; !done {
		return
	}
	secret := &corev1.Secret{}
	secret.Name, secret.Namespace = secretName, namespace
	s.must(client.IgnoreNotFound(s.kube.Delete(s.t.Context(), secret)))
	s.last = s.pair.fingerprint
	s.ending, s.pair, s.former = time.Time{}, pair{}, nil
	s.uid++
}

// sync is one sync of the double, if it runs. It may be blocked.
func (s *scene) sync() error {
	if !s.up {
		return nil
	}
	return s.theirs.Sync(s.t.Context())
}

// restart lets the double start anew: it has nothing in flight and syncs at once.
func (s *scene) restart() {
	s.up, s.flight = true, nil
	_ = s.sync() // blocked: as before
}

// wait lets time pass and our controller run when it wants to, until it wants nothing any more.
func (s *scene) wait(rounds int) {
	s.t.Helper()
	for range rounds {
		s.run()
		if s.again == 0 {
			return
		}
		s.clock.Step(s.again)
	}
	s.t.Errorf("our controller is not settled after %d runs: %+v", rounds, s.action)
}

// served is the fingerprint of what the gateway has for a host; empty: nothing.
func (s *scene) served(host string) string {
	s.t.Helper()
	found := ""
	for _, ssl := range s.apisx.SSLs() {
		if !slices.Contains(ssl.Hosts(), host) {
			continue
		}
		if found != "" {
			s.t.Errorf("two ssl objects have host %s", host)
		}
		chain, err := certs.ParseCertificates([]byte(ssl.Cert))
		s.must(err)
		found = certs.Fingerprint(chain[0])
	}
	return found
}

// wantServed checks that the gateway has the newest certificate and shows it in handshakes.
func (s *scene) wantServed(hosts ...string) {
	s.t.Helper()
	for _, host := range hosts {
		if s.served(host) != s.pair.fingerprint {
			s.t.Errorf("the gateway does not have the newest certificate for %s", host)
		}
	}
	if proof := s.ours.Prove(s.t.Context(), hosts, s.pair.fingerprint); !proof.Served {
		s.t.Errorf("not served: %s", proof.Problem)
	}
}

func testCA(t *testing.T) *certstest.CA {
	return certstest.NewCA(t, "coexistence", time.Now().Add(10*365*24*time.Hour))
}

// standIn starts one for tests that move it, and the double of 2.x, by hand.
func standIn(t *testing.T, options apisixtest.Options) *apisixtest.Server {
	t.Helper()
	if given.adminURL != "" {
		t.Skip("it moves the stand-in and the double of 2.x by hand: run it without -admin-url")
	}
	server, err := apisixtest.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}
