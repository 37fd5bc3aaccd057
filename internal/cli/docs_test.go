// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/commands.md")

const commandsPage = "../../docs/commands.md"

// TestCommandsPage compares docs/commands.md with the help of the commands.
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
		t.Errorf("docs/commands.md is not up to date: go test ./internal/cli -run CommandsPage -update\n%s", diff)
	}
}

// page returns the help of all commands in Markdown.
func page(root *cobra.Command) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "<!-- Written by: go test ./internal/cli -run CommandsPage -update -->\n\n# Commands\n\n%s\n\n", root.Long)
	fmt.Fprint(&out, "| command | description |\n|---|---|\n")
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
	fmt.Fprint(&out, kubectlFlags)
	for _, c := range root.Commands() {
		if c.Name() == "status" {
			_, shared := flagUsages(c)
			fmt.Fprintf(&out, "\n```text\n%s```\n", shared)
		}
	}
	fmt.Fprint(&out, shellCompletion)
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
	own, shared := flagUsages(c)
	if own != "" {
		fmt.Fprintf(out, "\n```text\n%s```\n", own)
	}
	if shared != "" {
		fmt.Fprint(out, "\nIt also has [kubectl's flags](#kubectls-flags).\n")
	}
}

// flagUsages returns the usage of a command's own flags, and of kubectl's flags.
func flagUsages(c *cobra.Command) (own, shared string) {
	var ownFlags, sharedFlags pflag.FlagSet
	c.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if isClusterFlag(flag) {
			sharedFlags.AddFlag(flag)
			return
		}
		ownFlags.AddFlag(flag)
	})
	return ownFlags.FlagUsages(), sharedFlags.FlagUsages()
}

const kubectlFlags = `
## kubectl's flags

Commands that connect to a cluster have these flags of kubectl, with the same meaning. Without a kubeconfig and --server,
they use the ServiceAccount of the Pod.
`

const shellCompletion = `
## Shell completion

The shell completes commands, flags, output formats, namespaces, contexts, and the names of certificates and Secrets. Load
the completion of your shell (bash, zsh, fish or powershell):

` + "```sh\nsource <(apisix-certs completion bash)\n```" + `

For the kubectl plugin, kubectl's completion calls kubectl_complete-apisix_certs in the PATH. Link the program under this name,
or use the script in the archive of the plugin. krew does not create the link:

` + "```sh\nln -s \"$(command -v kubectl-apisix_certs)\" ~/bin/kubectl_complete-apisix_certs\n```" + `
`
