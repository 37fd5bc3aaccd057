// SPDX-License-Identifier: Apache-2.0

// Command bench measures what certificates cost: the real API server, Vault and controller on this machine, and the
// stand-in of a gateway or a real one.
//
//	go run ./test/bench -n 100,1000,10000 -out bench.json -svg bench.svg
//
// Every n gets servers of its own. On them n ApisixTlses are created (create), all their certificates renewed at once
// (renew), the controller restarted (restart), the gateway emptied (wipe), and single certificates renewed one after the
// other (single). A certificate counts once it is Ready and Served, which the controller says after a handshake; when the
// time is taken, this program makes a handshake for every host of its own and fails where one shows another certificate.
//
// What is counted, and where:
//
//   - Requests and writes of the controller at the API server: the API server's own metrics, by flow schemas that match
//     the controller's ServiceAccount alone. Renewals of its lease are not among them. A dry run, as before the first
//     signature, is a request and no write: nothing is stored.
//   - Signatures and logins: the certificates and tokens that Vault has afterwards and had not before.
//   - Requests to the Admin API: the call log of the stand-in, or a proxy before a real gateway.
//   - CPU and memory of the controller: the kernel's, of its process. The peak is that of the scenario.
//
// Before the controller starts, a bare loop with as many workers does on the same servers only what cannot be left out of a
// certificate, see floor. The rates of create and renew are printed as ratios to it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"apisix-certs.io/apisix-certs/test/cluster"
)

func main() {
	options, err := parse(os.Args[1:])
	if err != nil {
		os.Exit(2) // the flags have told
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, options)
	stop()
	cluster.RemoveBinary()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options of a run.
type options struct {
	ns      []int
	secrets int // unrelated Secrets a certificate
	rounds  int // of scenario single
	workers int
	out     string // file for JSON; empty: none
	svg     string // file for the plot; empty: none
	log     string // file for the controller's log; empty: dropped
	profile string // folder for profiles of the controller; empty: none
	only    []string
	args    []string // of the controller

	gateway cluster.Gateway // zero: the stand-in
}

func parse(args []string) (options, error) {
	var o options
	var ns, only, more string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&ns, "n", "1000", "certificates; several, with commas, are run one after the other")
	flags.IntVar(&o.secrets, "secrets", 2, "unrelated Secrets in the cluster for each certificate")
	flags.IntVar(&o.rounds, "rounds", 50, "renewals of scenario single")
	flags.IntVar(&o.workers, "workers", 16, "workers of the controller, and of the floor")
	flags.StringVar(&o.out, "out", "", "file for the results as JSON")
	flags.StringVar(&o.svg, "svg", "", "file for a plot of the cost against n")
	flags.StringVar(&o.log, "log", "", "file for the controller's log")
	flags.StringVar(&o.profile, "profile", "", "folder for CPU and heap profiles of the controller, one a scenario")
	flags.StringVar(&only, "scenarios", strings.Join(scenarioNames(), ","), "which to run, in this order; all but create need create")
	flags.StringVar(&more, "controller-args", "", "further flags of the controller, with spaces")
	flags.StringVar(&o.gateway.AdminURL, "apisix-admin-url", "", "Admin API of a real gateway instead of the stand-in")
	flags.StringVar(&o.gateway.AdminKey, "apisix-admin-key", "", "its admin key")
	flags.StringVar(&o.gateway.TLSAddr, "apisix-tls-addr", "", "its TLS port, HOST:PORT")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.only, o.args = strings.Split(only, ","), strings.Fields(more)
	for _, text := range strings.Split(ns, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "bench: -n %q is no list of numbers above 0\n", ns)
			return o, errors.New("bad flags")
		}
		o.ns = append(o.ns, n)
	}
	return o, nil
}

// run runs all n and writes the files after each, so that a later failure loses nothing.
func run(ctx context.Context, o options) error {
	var rows []row
	for _, n := range o.ns {
		more, err := runOne(ctx, o, n)
		rows = append(rows, more...)
		if err != nil {
			return fmt.Errorf("n=%d: %w", n, err)
		}
		if err := o.write(rows); err != nil {
			return err
		}
	}
	printTable(os.Stdout, rows)
	return nil
}

func (o options) write(rows []row) error {
	if o.out != "" {
		if err := os.WriteFile(o.out, asJSON(rows), 0o644); err != nil {
			return err
		}
	}
	if o.svg != "" {
		return os.WriteFile(o.svg, plot(rows), 0o644)
	}
	return nil
}
