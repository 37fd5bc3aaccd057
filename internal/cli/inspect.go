// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/controllers"
)

// inspector is one run of inspect.
type inspector struct {
	kube    kubeFlags
	options controllers.Options
	connect string
	in      io.Reader
	access  *access // set by connectOnce
}

func newInspect() *cobra.Command {
	n := &inspector{}
	c := &cobra.Command{
		Use:   "inspect secret/NAME | file PATH | host HOST[:PORT] | ssl/ID  [ANOTHER]",
		Short: "Show a certificate of a Secret, file, ssl object or host, or compare two",
		Long: "Show the chain, names, validity, issuer and key type of a certificate, and its problems. With two certificates, show\n" +
			"how they differ. The command checks that a private key matches its certificate, and never shows it. PATH can be - for\n" +
			"standard input. The exit code is 2 if there is a problem, or if the two certificates are not the same.",
		Example: "  apisix-certs inspect secret/shop-tls\n  apisix-certs inspect secret/shop-tls host shop.example.com --connect 127.0.0.1:9443\n" +
			"  apisix-certs inspect file old.pem ssl/5f1d7a84 --apisix-admin-url http://127.0.0.1:9180 --apisix-admin-key-file key",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: n.kube.completeLocation,
	}
	n.kube.add(c)
	c.Flags().StringVar(&n.connect, "connect", "", "HOST:PORT to connect to instead of the host")
	addGatewayFlags(c.Flags(), &n.options)
	format := addOutput(c, "table", "json", "yaml")
	c.RunE = func(c *cobra.Command, args []string) error {
		n.in = c.InOrStdin()
		waiting := startProgress(c.ErrOrStderr(), "reading certificates")
		defer waiting.stop()
		locations, err := parseLocations(args)
		if err != nil {
			return err
		}
		if err := fromEnvironment(c.Flags()); err != nil {
			return err
		}
		n.options.AdminKey = os.Getenv(variable("apisix-admin-key"))
		shown, err := n.inspect(c.Context(), locations)
		if err != nil {
			return err
		}
		waiting.stop()
		return report(c.OutOrStdout(), format.value, shown)
	}
	return c
}

// location is where a certificate is read from.
type location struct{ kind, name string }

func (p location) String() string { return p.kind + " " + p.name }

// parseLocations parses arguments of the form KIND/NAME and KIND NAME.
func parseLocations(args []string) ([]location, error) {
	var locations []location
	for len(args) > 0 {
		kind, name, joined := strings.Cut(args[0], "/")
		args = args[1:]
		if !joined && len(args) > 0 {
			name, args = args[0], args[1:]
		}
		switch kind {
		case "secret", "file", "host", "ssl":
		default:
			return nil, fmt.Errorf("invalid argument %q: must be secret/NAME, file PATH, host HOST or ssl/ID", kind)
		}
		if name == "" {
			return nil, fmt.Errorf("%s requires a name: use secret/NAME, file PATH, host HOST or ssl/ID", kind)
		}
		locations = append(locations, location{kind, name})
	}
	if len(locations) > 2 {
		return nil, errors.New("too many arguments: inspect shows one certificate or compares two")
	}
	return locations, nil
}

// inspection is the result of inspect. Its JSON format is stable.
type inspection struct {
	Certificates []certificateView `json:"certificates"`
	// Differences between two certificates; nil for one.
	Differences []difference `json:"differences,omitempty"`
	// Same reports whether the two leaf certificates are the same; nil for one.
	Same *bool `json:"same,omitempty"`
}

func (n *inspector) inspect(ctx context.Context, locations []location) (inspection, error) {
	var shown inspection
	now := time.Now()
	for _, p := range locations {
		found, err := n.read(ctx, p)
		if err != nil {
			return shown, fmt.Errorf("%s: %w", p, err)
		}
		shown.Certificates = append(shown.Certificates, viewOf(p, found, now))
	}
	if len(locations) == 2 {
		a, b := shown.Certificates[0], shown.Certificates[1]
		shown.Differences = differences(a, b)
		same := a.Fingerprint == b.Fingerprint
		shown.Same = &same
	}
	return shown, nil
}

// loaded is a certificate as read from a location.
type loaded struct {
	certs.Bundle
	hosts []string // hosts that it is served for; nil if unknown
	note  string   // for the user; may be empty
	// keyElsewhere is set if the location is not expected to have the private key.
	keyElsewhere bool
}

func report(out io.Writer, format string, shown inspection) error {
	if format != "table" {
		if err := encode(out, format, shown); err != nil {
			return err
		}
	} else {
		for i, view := range shown.Certificates {
			if i > 0 {
				fmt.Fprintln(out)
			}
			view.write(out)
		}
		if shown.Same != nil {
			writeDifferences(out, shown)
		}
	}
	for _, view := range shown.Certificates {
		if len(view.Problems) > 0 {
			return &problemsError{}
		}
	}
	if shown.Same != nil && !*shown.Same {
		return &problemsError{}
	}
	return nil
}
