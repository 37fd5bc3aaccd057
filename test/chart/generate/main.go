// SPDX-License-Identifier: Apache-2.0

// Command generate writes the files of the chart, and the plain manifests, that are generated. `make generate` calls it.
package main

import (
	"fmt"
	"os"

	"apisix-certs.io/apisix-certs/test/chart"
)

func main() {
	root, err := chart.Root()
	if err == nil {
		err = chart.Write(root)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
