// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"apisix-certs.io/apisix-certs/internal/terminal"
)

// choice is a flag with a fixed set of values.
type choice struct {
	value   string
	allowed []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.allowed, "|") }

// Set sets the value. It returns an error if the value is not allowed.
func (c *choice) Set(value string) error {
	if !slices.Contains(c.allowed, value) {
		return fmt.Errorf("must be one of %s", strings.Join(c.allowed, ", "))
	}
	c.value = value
	return nil
}

// addOutput adds -o with the allowed values. The first is the default.
func addOutput(c *cobra.Command, allowed ...string) *choice {
	format := &choice{value: allowed[0], allowed: allowed}
	c.Flags().VarP(format, "output", "o", "output format")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp)) // fails only if the flag does not exist
	return format
}

// encode writes value in format, which is json or yaml.
func encode(out io.Writer, format string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	escape := terminal.EscapeJSON
	if err == nil && format == "yaml" {
		data, err = yaml.JSONToYAML(data)
		escape = terminal.EscapeLines
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, escape(strings.TrimRight(string(data), "\n")))
	return err
}

// colour is an escape sequence of terminals (ECMA-48, SGR).
type colour string

const (
	plain  colour = ""
	red    colour = "\x1b[31m"
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
	bold   colour = "\x1b[1m"
	reset         = "\x1b[0m"
)

// paint returns text in a colour if out supports colours.
func paint(out io.Writer, c colour, text string) string {
	if c == plain || !printers.AllowsColorOutput(out) {
		return text
	}
	return string(c) + text + reset
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// formatTime returns a time in UTC and relative to now. It is empty for nil.
func formatTime(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04") + " (" + relativeTime(t, now) + ")"
}

// relativeTime returns a time relative to now, such as "in 5m". It is empty for nil.
func relativeTime(t *time.Time, now time.Time) string {
	switch {
	case t == nil:
		return ""
	case now.Before(*t):
		return "in " + duration.HumanDuration(t.Sub(now))
	}
	return duration.HumanDuration(now.Sub(*t)) + " ago"
}

// progressDelay is how long a command runs before it shows its progress.
const progressDelay = 2 * time.Second

// progress shows the current step of a command that runs longer than progressDelay. On a terminal it updates one line,
// otherwise it writes a line for each step.
type progress struct {
	out   io.Writer
	timer *time.Timer

	mu    sync.Mutex
	shown bool
	step  string
}

func startProgress(out io.Writer, step string) *progress {
	p := &progress{out: out, step: step}
	p.timer = time.AfterFunc(progressDelay, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.shown = true
		p.write()
	})
	return p
}

// setStep sets the current step.
func (p *progress) setStep(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := terminal.Escape(fmt.Sprintf(format, args...))
	if step == p.step {
		return
	}
	if p.step = step; p.shown {
		p.write()
	}
}

func (p *progress) write() {
	if p.step == "" {
		return
	}
	if printers.IsTerminal(p.out) {
		fmt.Fprintf(p.out, "\r\x1b[K%s ...", p.step)
		return
	}
	fmt.Fprintf(p.out, "%s ...\n", p.step)
}

// stop removes the line. It can be called more than once.
func (p *progress) stop() {
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown && printers.IsTerminal(p.out) {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.shown, p.step = false, ""
}
