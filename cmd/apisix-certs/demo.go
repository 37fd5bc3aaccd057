// SPDX-License-Identifier: Apache-2.0

//go:build demo

package main

import (
	"github.com/spf13/cobra"

	"apisix-certs.io/apisix-certs/test/demo"
)

func init() { optional = append(optional, newDemo) }

func newDemo() *cobra.Command {
	var options demo.Options
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole on this machine: API server, Vault, gateway and controller (run it as: make demo)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options.Out = c.OutOrStdout()
			return demo.Run(c.Context(), options)
		},
	}
	flags := c.Flags()
	flags.StringVar(&options.AdminURL, "apisix-admin-url", "", "Admin API of a real gateway (default: the stand-in of this project)")
	flags.StringVar(&options.AdminKey, "apisix-admin-key", "", "admin key of the real gateway")
	flags.StringVar(&options.TLSAddr, "apisix-tls-addr", "", "HOST:PORT of the real gateway's TLS port")
	flags.BoolVar(&options.Keep, "keep", false, "leave everything running until interrupted, and say how to use it")
	return c
}
