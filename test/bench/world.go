// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// world is the servers of one n, and what is known of them.
type world struct {
	*cluster.Cluster
	options options
	n       int

	// config is the administrator's, without a limit on requests, and client uses it.
	config *rest.Config
	client client.Client

	binary     string
	log        io.Writer
	controller *cluster.Controller
	adminTap   *cluster.Tap // before a real gateway; nil: the stand-in counts
	clusterID  string       // that ssl objects are labelled with
	certs      *certificates
	floors     floors

	telling sync.Mutex // held while progress is told
}

// scenario is a name and what makes its rows.
type scenario struct {
	name string
	run  func(*world, context.Context) ([]row, error)
}

var scenarios = []scenario{
	{"create", (*world).create}, {"renew", (*world).renew}, {"restart", (*world).restart}, {"wipe", (*world).wipe}, {"single", (*world).single},
}

func scenarioNames() []string {
	var names []string
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}

// runOne runs the scenarios for one n. The rows so far are returned with an error.
func runOne(ctx context.Context, o options, n int) (rows []row, err error) {
	w := &world{options: o, n: n, log: io.Discard}
	defer func() { err = errors.Join(err, w.stop()) }()
	if err := w.start(ctx); err != nil {
		return nil, err
	}
	for _, s := range scenarios {
		if !slices.Contains(o.only, s.name) {
			continue
		}
		w.say("%s ...", s.name)
		more, err := w.profiled(ctx, s)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", s.name, err)
		}
		rows = append(rows, more...)
		for _, r := range more {
			w.say("%s: %.3f s, %.1f certificates/s, %.2f of the floor", r.Scenario, r.Seconds, r.CertsPerS, r.RatioToFloor)
		}
	}
	return rows, nil
}

func (w *world) start(ctx context.Context) (err error) {
	ctrl.SetLogger(logr.Discard()) // of client-go in this program
	klog.SetLogger(logr.Discard())
	w.say("starting the servers and building the controller ...")
	if w.binary, err = cluster.Binary(ctx); err != nil {
		return err
	}
	if w.options.log != "" {
		file, err := os.OpenFile(w.options.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			return err
		}
		w.log = file // an *os.File: the controller writes to it itself
	}
	gateway, err := w.gateway()
	if err != nil {
		return err
	}
	if w.Cluster, err = cluster.Start(ctx, cluster.Options{Gateway: gateway}); err != nil {
		return err
	}
	w.config = rest.CopyConfig(w.Kube.Config)
	w.config.QPS = -1
	if w.client, err = client.New(w.config, client.Options{Scheme: controllers.Scheme()}); err != nil {
		return err
	}
	w.clusterID = fmt.Sprintf("bench-%d", os.Getpid())
	for _, step := range []func(context.Context) error{
		w.makeSchemas, w.makeSecrets, w.measureFloor, w.makeIssuer, w.followCertificates, w.startController,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// gateway is a real gateway behind a proxy that counts, nil for the stand-in.
func (w *world) gateway() (*cluster.Gateway, error) {
	given := w.options.gateway
	if given == (cluster.Gateway{}) {
		return nil, nil
	}
	if given.AdminURL == "" || given.AdminKey == "" || given.TLSAddr == "" {
		return nil, errors.New("a real gateway needs all of -apisix-admin-url, -apisix-admin-key and -apisix-tls-addr")
	}
	var err error
	w.adminTap, err = cluster.NewTap(given.AdminURL, nil)
	if err != nil {
		return nil, err
	}
	given.AdminURL = w.adminTap.URL
	return &given, nil
}

func (w *world) adminRequests() int {
	if w.adminTap != nil {
		return w.adminTap.Count(nil)
	}
	return len(w.StandIn.Calls())
}

func (w *world) startController(ctx context.Context) (err error) {
	args := append([]string{"--workers", fmt.Sprint(w.options.workers), "--cluster-name", w.clusterID}, w.options.args...)
	if w.options.profile != "" {
		_ = os.Setenv("GODEBUG", "memprofilerate=16384") // the controller's: its heap is small
		args = append(args, "--pprof-bind-address", pprofAddr)
	}
	w.controller, err = w.StartController(ctx, w.binary, w.log, args...)
	return err
}

// alive returns an error where the controller has ended: nothing is worth waiting for then.
func (w *world) alive() error {
	select {
	case <-w.controller.Ended():
		return errors.New("the controller has ended: see its log (-log FILE)")
	default:
		return nil
	}
}

func (w *world) stop() error {
	var err error
	if w.certs != nil {
		w.certs.stop()
	}
	if w.controller != nil {
		w.controller.Kill()
	}
	if w.Cluster != nil && w.StandIn == nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = w.emptyGateway(ctx)
	}
	if w.Cluster != nil {
		w.Stop()
	}
	if w.adminTap != nil {
		w.adminTap.Close()
	}
	return err
}
