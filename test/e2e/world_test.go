// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// world is what all tests share.
type world struct {
	*cluster.Cluster
	// kube, vault and admin see what the controller asks of the API server, Vault and the gateway's Admin API.
	kube, vault, admin *cluster.Tap
	// gateway is the tests' own client of the Admin API, past the tap.
	gateway *apisix.Client
	// token is a Vault token for issuers, limited to reading and signing in pki.
	token   string
	binary  string
	log     *os.File
	witness *cluster.Witness
	args    []string // of the controller, beside those of every test

	controller *cluster.Controller
}

var shared = cluster.Shared[*world]{New: newWorld, End: (*world).end, Log: func(w *world) *os.File { return w.log }}

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

func newWorld(ctx context.Context) (*world, error) { return startWorld(ctx) }

// startWorld starts a world whose controller has these arguments.
func startWorld(ctx context.Context, args ...string) (*world, error) {
	w := &world{args: args}
	var err error
	if w.binary, err = cluster.Binary(ctx); err != nil {
		return nil, err
	}
	if w.Cluster, err = cluster.Start(ctx, cluster.Options{Gateway: realGateway()}); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{w.openLog, w.tap, w.setUpRoles, w.watch, w.startController} {
		if err := step(ctx); err != nil {
			w.Stop()
			return nil, err
		}
	}
	return w, nil
}

func (w *world) openLog(context.Context) (err error) {
	w.log, err = os.CreateTemp("", "apisix-certs-e2e-*.log")
	return err
}

// realGateway is the gateway that the environment names, nil for none.
func realGateway() *cluster.Gateway {
	const prefix = "APISIX_CERTS_TEST_"
	g := cluster.Gateway{AdminURL: os.Getenv(prefix + "ADMIN_URL"), AdminKey: os.Getenv(prefix + "ADMIN_KEY"), TLSAddr: os.Getenv(prefix + "TLS_ADDR")}
	if g.AdminURL == "" {
		return nil
	}
	return &g
}

// tap puts a tap before each server that the controller asks.
func (w *world) tap(context.Context) (err error) {
	w.gateway, err = apisix.New(apisix.Options{Endpoints: []string{w.Gateway.AdminURL}, AdminKey: apisix.StaticKey(w.Gateway.AdminKey)})
	if err != nil {
		return err
	}
	if w.kube, w.vault, w.admin, err = w.NewTaps(); err != nil {
		return err
	}
	w.KubeTap, w.Gateway.AdminURL = w.kube, w.admin.URL
	return nil
}

// setUpRoles makes Vault roles beside the walkthrough's, and the token of the tests' issuers.
func (w *world) setUpRoles(ctx context.Context) error {
	vault := w.Vault.Client()
	for role, data := range map[string]map[string]any{
		"rsa-keys": {"allowed_domains": "moelove.info", "allow_subdomains": true, "allow_bare_domains": true, "max_ttl": "72h"},
		"no-bare":  {"allowed_domains": "moelove.info", "allow_subdomains": true, "key_type": "any", "max_ttl": "72h"},
	} {
		if _, err := vault.Logical().WriteWithContext(ctx, "pki/roles/"+role, data); err != nil {
			return err
		}
	}
	var err error
	w.token, err = w.SigningToken(ctx)
	return err
}

func (w *world) watch(ctx context.Context) error {
	w.witness = cluster.NewWitness()
	return w.witness.Listen(ctx, w.Kube.Config)
}

func (w *world) startController(ctx context.Context) (err error) {
	w.controller, err = w.StartController(ctx, w.binary, io.MultiWriter(w.log, w.witness), append([]string{"--log-level", "debug", "--name-reservation", "1s"}, w.args...)...)
	return err
}

// stopController ends the controller as a Pod is ended.
func (w *world) stopController(ctx context.Context) error {
	if err := w.witness.ReadMetrics(ctx, w.controller.MetricsURL); err != nil {
		return err
	}
	return w.controller.Stop()
}

// end stops everything, and returns what was found wrong of the run as a whole: what the tests left behind at the
// gateway, and what the controller gave away.
func (w *world) end() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	defer w.Stop()
	err := w.stopController(ctx)
	ssls, listErr := w.gateway.ListSSLs(ctx)
	for _, ssl := range ssls {
		if ssl.Labels["managed-by"] == "apisix-certs" {
			err = errors.Join(err, fmt.Errorf("orphan: ssl object %s for %v is left of all tests", ssl.ID, ssl.SNIs))
		}
	}
	for _, secret := range []string{w.Vault.Token, w.Vault.UnsealKey, w.token, w.Gateway.AdminKey} {
		w.witness.Guard(secret)
	}
	_, _, leaks := w.witness.Verdict("Event", "VaultIssuer") // every scene has them
	return errors.Join(err, listErr, leaks)
}
