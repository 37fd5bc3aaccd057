// SPDX-License-Identifier: Apache-2.0

// Package demo runs the quick start on one machine: its manifests, a real API server, a real Vault, and the controller with its
// own permissions. It prints each step with the time.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// Options of Run. Out is required.
type Options struct {
	Out io.Writer
	// AdminURL, AdminKey and TLSAddr are those of a real gateway. If all are empty, the stand-in is used.
	AdminURL, AdminKey, TLSAddr string
	// Keep keeps everything running until ctx is done.
	Keep bool
}

// Run runs the demo. Its error names the step that failed.
func Run(ctx context.Context, options Options) error {
	gateway, err := options.gateway()
	if err != nil {
		return err
	}
	s := &show{out: options.Out, began: time.Now()}
	if err := s.run(ctx, gateway, options.Keep); err != nil {
		if s.log != "" {
			fmt.Fprintln(s.out, "The controller's log is in", s.log)
		}
		return fmt.Errorf("demo failed at step %q: %w", s.step, err)
	}
	return nil
}

// gateway returns the real gateway of the options, or nil for the stand-in.
func (o Options) gateway() (*cluster.Gateway, error) {
	given := cluster.Gateway{AdminURL: o.AdminURL, AdminKey: o.AdminKey, TLSAddr: o.TLSAddr}
	if given == (cluster.Gateway{}) {
		return nil, nil
	}
	if given.AdminURL == "" || given.AdminKey == "" || given.TLSAddr == "" {
		return nil, errors.New("a real gateway requires --apisix-admin-url, --apisix-admin-key and --apisix-tls-addr")
	}
	return &given, nil
}

// show is one run of the demo.
type show struct {
	out   io.Writer
	began time.Time
	step  string
	log   string // file of the controller's log
	page  string // address of the status page

	cluster    *cluster.Cluster
	controller *cluster.Controller
	first      seen // moelove.info
	short      seen // short.moelove.info, as issued
	renewed    seen // and as renewed
	lag        time.Duration
}

func (s *show) run(ctx context.Context, gateway *cluster.Gateway, keep bool) error {
	defer s.stop()
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"servers", func(ctx context.Context) error { return s.startServers(ctx, gateway) }},
		{"controller", s.startController},
		{"issuer", s.issuer},
		{"first certificate", s.firstCertificate},
		{"short-lived certificate", s.shortLived},
		{"renewal", s.renewal},
		{"repair", s.repair},
	}
	for _, step := range steps {
		s.step = step.name
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "demo: OK issued=%s renewed=%s served=%s renewal_to_served_ms=%d\n",
		s.short.serial, s.renewed.serial, s.renewed.served, s.lag.Milliseconds())
	if keep {
		s.step = "keep"
		return s.keep(ctx)
	}
	return nil
}

func (s *show) stop() {
	if s.controller != nil {
		s.controller.Kill()
	}
	if s.cluster != nil {
		s.cluster.Stop()
	}
}

// say prints one line with the time since the start.
func (s *show) say(format string, args ...any) {
	fmt.Fprintf(s.out, "%7.3fs  %s\n", time.Since(s.began).Seconds(), fmt.Sprintf(format, args...))
}

func (s *show) startServers(ctx context.Context, gateway *cluster.Gateway) (err error) {
	s.say("starting kube-apiserver, etcd, kube-controller-manager and Vault ...")
	if s.cluster, err = cluster.Start(ctx, cluster.Options{Gateway: gateway}); err != nil {
		var missing *servers.MissingError
		if errors.As(err, &missing) {
			return fmt.Errorf("%w: run make demo, which builds them", err)
		}
		return err
	}
	s.say("Kubernetes API at %s, Vault at %s with pki, role moelove-dot-info and auth/kubernetes", s.cluster.Kube.Config.Host, s.cluster.Vault.Address)
	if s.cluster.StandIn != nil {
		s.say("gateway: a STAND-IN for APISIX, not a real one: Admin API %s, TLS port %s", s.cluster.Gateway.AdminURL, s.cluster.Gateway.TLSAddr)
	} else {
		s.say("gateway: Admin API %s, TLS port %s", s.cluster.Gateway.AdminURL, s.cluster.Gateway.TLSAddr)
	}
	return nil
}

func (s *show) startController(ctx context.Context) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	log, err := os.CreateTemp("", "apisix-certs-demo-*.log")
	if err != nil {
		return err
	}
	s.log = log.Name()
	if s.page, err = freeAddr(); err != nil {
		return err
	}
	if s.controller, err = s.cluster.StartController(ctx, binary, log, "--page-bind-address", s.page); err != nil {
		return err
	}
	s.say("controller runs as ServiceAccount apisix-certs/apisix-certs, with the RBAC of manifests/rbac")
	return nil
}

// freeAddr returns an unused address of this machine.
func freeAddr() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
