// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write docs/commands.md")

const commandsPage = "../../docs/commands.md"

// TestCommandsPage holds docs/commands.md to the help of the commands.
func TestCommandsPage(t *testing.T) {
	want := page(newRoot())
	if *update {
		if err := os.WriteFile(commandsPage, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(commandsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), string(want)); diff != "" {
		t.Errorf("docs/commands.md is not up to date: go test ./cmd/apisix-certs -run CommandsPage -update\n%s", diff)
	}
}

// page is the help of all commands in Markdown.
func page(root *cobra.Command) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "<!-- Written by: go test ./cmd/apisix-certs -run CommandsPage -update -->\n\n# Commands\n\n%s\n\n", root.Long)
	fmt.Fprint(&out, "| command | what it does |\n|---|---|\n")
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			fmt.Fprintf(&out, "| [%s](#%s) | %s |\n", c.Name(), c.Name(), c.Short)
		}
	}
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() {
			section(&out, c)
		}
	}
	return out.Bytes()
}

func section(out *bytes.Buffer, c *cobra.Command) {
	fmt.Fprintf(out, "\n## %s\n\n", c.Name())
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(out, "```text\n%s\n\nUsage:\n  %s\n```\n", text, c.UseLine())
	if c.HasExample() {
		fmt.Fprintf(out, "\n```sh\n%s\n```\n", strings.ReplaceAll(strings.TrimSpace(c.Example), "\n  ", "\n"))
	}
	c.InitDefaultHelpFlag()
	if usages := c.LocalFlags().FlagUsages(); usages != "" {
		fmt.Fprintf(out, "\n```text\n%s```\n", usages)
	}
}
