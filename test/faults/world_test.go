// SPDX-License-Identifier: Apache-2.0

// Package faults lets parts of the running whole fail - real API server, etcd and Vault, the stand-in gateway, controllers
// as processes - and shows that each time all is in order again by itself: every host served with the one valid certificate
// that its Secret holds, no handshake wrong meanwhile, nothing issued twice, nothing left behind, nothing of others touched.
//
// `make faults` runs all of it, `go test` a short selection. docs/faults.md has the matrix; -update writes it.
package faults

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"testing"

	"apisix-certs.io/apisix-certs/test/cluster"
)

// world is the whole. Between the controller and each server is first a wire and then a tap, so that taps count what has
// reached the servers.
type world struct {
	*cluster.Cluster
	kube, vault, admin             *cluster.Tap
	kubeWire, vaultWire, adminWire *cluster.Wire
	// adminWire2 leads to the same Admin API: the controller knows two endpoints. tlsWire is where it proves.
	adminWire2, tlsWire *cluster.Wire

	kubeDirect string // the API server past the wire, for a second replica

	token   string // of Vault, limited to reading and signing in pki
	roots   *x509.CertPool
	binary  string
	folder  string // of the API server
	log     *os.File
	witness *cluster.Witness
	prober  *prober

	controller *cluster.Controller
	injected   int // faults so far
}

var update = flag.Bool("update", false, "write docs/faults.md")

// long tells whether all is to be run, and not what CI has time for.
func long() bool { return os.Getenv("APISIX_CERTS_MEASURES") == "long" }

var shared = cluster.Shared[*world]{New: newWorld, End: (*world).end, Log: func(w *world) *os.File { return w.log }}

func TestMain(m *testing.M) {
	flag.Parse()
	_ = os.Setenv("GOTRACEBACK", "all") // of controllers that crash
	os.Exit(shared.Main(m))
}

func newWorld(ctx context.Context) (w *world, err error) {
	w = &world{}
	if w.binary, err = cluster.Binary(ctx); err != nil {
		return nil, err
	}
	if w.folder, err = os.MkdirTemp("", "apisix-certs-faults-"); err != nil {
		return nil, err
	}
	if w.log, err = os.CreateTemp("", "apisix-certs-faults-*.log"); err != nil {
		return nil, err
	}
	if w.Cluster, err = cluster.Start(ctx, cluster.Options{KubeDir: w.folder, GatewayLog: w.gatewayLog()}); err != nil {
		return nil, errors.Join(err, os.RemoveAll(w.folder))
	}
	w.witness, w.prober = cluster.NewWitness(), newProber(w.Gateway.TLSAddr)
	for _, step := range []func(context.Context) error{w.tap, w.setUpVault, w.listen, w.startController} {
		if err := step(ctx); err != nil {
			w.Stop()
			return nil, errors.Join(err, os.RemoveAll(w.folder))
		}
	}
	return w, nil
}

// gatewayLog is where the stand-in says what handshakes failed, and why.
func (w *world) gatewayLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})).With("from", "gateway")
}

// tap puts a wire and a tap before each server that the controller asks.
func (w *world) tap(context.Context) error {
	var err error
	if w.kube, w.vault, w.admin, err = w.NewTaps(); err != nil {
		return err
	}
	w.KubeTap, w.kubeDirect = w.kube, w.kube.URL
	w.vault.Finishes = true // a signature counts, whoever waits for it
	for wire, target := range map[**cluster.Wire]string{
		&w.kubeWire: host(w.kube.URL), &w.vaultWire: host(w.vault.URL), &w.adminWire: host(w.admin.URL),
		&w.adminWire2: host(w.admin.URL), &w.tlsWire: w.StandIn.TLSAddr(),
	} {
		if *wire, err = cluster.NewWire(target); err != nil {
			return err
		}
	}
	w.kube.URL = "https://" + w.kubeWire.Addr
	w.Gateway.AdminURL = "http://" + w.adminWire.Addr + ",http://" + w.adminWire2.Addr
	w.Gateway.TLSAddr = w.tlsWire.Addr
	return nil
}

// wires are those on which a controller's work depends.
func (w *world) wires() []*cluster.Wire {
	return []*cluster.Wire{w.kubeWire, w.vaultWire, w.adminWire, w.adminWire2, w.tlsWire}
}

func host(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return address
	}
	return parsed.Host
}

// setUpVault makes the token of the issuer, and reads the CA under which all that is served must verify.
func (w *world) setUpVault(ctx context.Context) (err error) {
	if w.token, err = w.SigningToken(ctx); err != nil {
		return err
	}
	ca, err := w.Vault.Client().Logical().ReadWithContext(ctx, "pki/cert/ca")
	if err != nil {
		return err
	}
	w.roots = x509.NewCertPool()
	if !w.roots.AppendCertsFromPEM([]byte(ca.Data["certificate"].(string))) {
		return errors.New("Vault's CA cannot be parsed")
	}
	w.prober.roots = w.roots
	return nil
}

func (w *world) listen(ctx context.Context) error { return w.witness.Listen(ctx, w.Kube.Config) }

func (w *world) startController(ctx context.Context) (err error) {
	w.controller, err = w.StartController(ctx, w.binary, w.said(), "--log-level", "debug")
	return err
}

// said takes what a controller says.
func (w *world) said() io.Writer { return io.MultiWriter(w.log, w.witness) }

// end stops everything and says what was given away.
func (w *world) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer os.RemoveAll(w.folder)
	defer w.Stop()
	w.prober.stop()
	metricsErr := w.witness.ReadMetrics(ctx, w.controller.MetricsURL)
	err := errors.Join(metricsErr, w.controller.Stop())
	for _, secret := range []string{w.Vault.Token, w.Vault.UnsealKey, w.token, w.Gateway.AdminKey, w.Kube.Config.BearerToken} {
		w.witness.Guard(secret)
	}
	checked, leaks, verdict := w.witness.Verdict("Event", "VaultIssuer", "ApisixCertificate")
	fmt.Printf("measure: secrets_leaked checked=%d leaked=%d\n", checked, leaks)
	return errors.Join(err, verdict)
}
