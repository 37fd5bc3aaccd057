// SPDX-License-Identifier: Apache-2.0

// Command apisix-certs keeps the certificates of an Apache APISIX gateway valid. See README.md.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"apisix-certs.io/apisix-certs/internal/cli"
)

// version is set by the release build.
var version = ""

// optional are commands of builds with additional tags: the demo, whose servers are not linked into the product.
var optional []func() *cobra.Command

func main() { os.Exit(cli.Main(version, optional...)) }
