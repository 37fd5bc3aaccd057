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
		Short: "Run API server, Vault, gateway and controller on this machine (run it with: make demo)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options.Out = c.OutOrStdout()
			return demo.Run(c.Context(), options)
		},
	}
	flags := c.Flags()
	flags.StringVar(&options.AdminURL, "apisix-admin-url", "", "Admin API of a real gateway (default: a stand-in for APISIX)")
	flags.StringVar(&options.AdminKey, "apisix-admin-key", "", "admin key of the real gateway")
	flags.StringVar(&options.TLSAddr, "apisix-tls-addr", "", "HOST:PORT of the real gateway's TLS port")
	flags.BoolVar(&options.Keep, "keep", false, "keep everything running until interrupted, and print how to use it")
	return c
}
