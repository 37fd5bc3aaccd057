// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line of apisix-certs. Each command has one or a few files, with a constructor of the cobra command
// and a type for one run of it. The commands share access.go for the API server, output.go and print.go for output, and
// completion.go for shell completion. The controller itself is in package controllers.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"apisix-certs.io/apisix-certs/internal/terminal"
)

// Exit codes.
const (
	exitFailed = 1
	exitFound  = 2
)

// Main runs the command line of this process and returns its exit code: 0 for success, 1 if the command failed, 2 if it found a
// problem. release is the version of the release; if it is empty, the version that the Go toolchain recorded is used. more are
// additional commands.
func Main(release string, more ...func() *cobra.Command) int {
	version = release
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr, more...)
}

// suggestions moves cobra's suggestions for an unknown command into the line of the error.
var suggestions = strings.NewReplacer("\n\nDid you mean this?\n\t", ": did you mean ", "\n\t", " or ")

// run runs a command line, with the name of the program as its first word, and returns the exit code. Errors are written to
// errOut, one per line.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer, more ...func() *cobra.Command) int {
	root := newRoot()
	for _, command := range more {
		root.AddCommand(command())
	}
	name := filepath.Base(args[0])
	if strings.HasPrefix(name, "kubectl_complete-") {
		args = slices.Insert(slices.Clone(args), 1, cobra.ShellCompRequestCmd)
	}
	if strings.HasPrefix(name, "kubectl") {
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl apisix-certs"}
	}
	root.SetArgs(args[1:])
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	for line := range strings.Lines(suggestions.Replace(err.Error())) {
		fmt.Fprintln(errOut, "error:", terminal.Escape(strings.TrimSpace(line)))
	}
	if found := (*problemsError)(nil); errors.As(err, &found) {
		return exitFound
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "apisix-certs",
		Short: "Keeps the certificates of an Apache APISIX gateway valid",
		Long: "apisix-certs issues certificates from HashiCorp Vault for the hosts of ApisixTls, ApisixRoute and Ingress objects,\n" +
			"pushes them to APISIX through its Admin API, and verifies that they are served.\n\n" +
			"Link it as kubectl-apisix_certs in the PATH to use it as a kubectl plugin: kubectl apisix-certs status.\n" +
			"Link it as kubectl_complete-apisix_certs too, so that kubectl completes its commands and names.\n\n" +
			"Exit codes: 0 success; 1 the command failed; 2 the command found a problem.\n" +
			"Errors are lines on standard error that start with \"error: \".",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "" {
			err = fmt.Errorf("unknown shorthand flag: -%s", unknown.GetSpecifiedName()) // the rest of the flag may be a token
		}
		return fmt.Errorf("%w: see %s --help", err, c.CommandPath())
	})
	root.AddCommand(newController(), newVersion(), newStatus(), newExplain(), newRenew(), newApprove(), newDeny(), newCheck(), newInspect(), newMigrate())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(c *cobra.Command, _ []string) { fmt.Fprintln(c.OutOrStdout(), "apisix-certs", buildVersion()) },
	}
}
