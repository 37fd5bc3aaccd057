// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"
)

// choice is a flag with a few values.
type choice struct {
	value   string
	allowed []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.allowed, "|") }

// Set refuses all but the allowed values.
func (c *choice) Set(value string) error {
	if !slices.Contains(c.allowed, value) {
		return fmt.Errorf("it is none of %s", strings.Join(c.allowed, ", "))
	}
	c.value = value
	return nil
}

// addOutput adds -o, whose values are allowed; the first is the default.
func addOutput(c *cobra.Command, allowed ...string) *choice {
	format := &choice{value: allowed[0], allowed: allowed}
	c.Flags().VarP(format, "output", "o", "form of the output")
	completeFixed(c, "output", allowed)
	return format
}

// encode writes value as JSON or YAML, which format names.
func encode(out io.Writer, format string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	escape := printableJSON
	if err == nil && format == "yaml" {
		data, err = yaml.JSONToYAML(data)
		escape = printableLines
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

// paint gives the text a colour where out shows colours.
func paint(out io.Writer, c colour, text string) string {
	if c == plain || !printers.AllowsColorOutput(out) {
		return text
	}
	return string(c) + text + reset
}

// printable is text of others for a terminal: control characters, with which it could be made to show something else, are
// shown as they are escaped in Go.
func printable(text string) string {
	return escaped(text, unprintable, printableRune)
}

// printableLines is printable text with its line breaks and tabs.
func printableLines(text string) string {
	others := func(r rune) bool { return unprintable(r) && r != '\n' && r != '\t' }
	return escaped(text, others, printableRune)
}

// printableJSON is the same JSON with no control characters but line breaks.
func printableJSON(text string) string {
	others := func(r rune) bool { return unprintable(r) && r != '\n' }
	return escaped(text, others, func(r rune) string {
		var units strings.Builder
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&units, `\u%04x`, unit)
		}
		return units.String()
	})
}

func printableRune(r rune) string { return strings.Trim(strconv.QuoteRuneToASCII(r), "'") }

// escaped is text in which escape takes the place of some runes.
func escaped(text string, which func(rune) bool, escape func(rune) string) string {
	if !strings.ContainsFunc(text, which) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if which(r) {
			out.WriteString(escape(r))
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// unprintable reports whether a rune is a control character (C0 or C1) or changes the direction of writing.
func unprintable(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// when tells a time as one reads it: the day and how far off that is.
func when(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04") + " (" + away(t, now) + ")"
}

// away is how far off a time is.
func away(t *time.Time, now time.Time) string {
	switch {
	case t == nil:
		return ""
	case now.Before(*t):
		return "in " + duration.HumanDuration(t.Sub(now))
	}
	return duration.HumanDuration(now.Sub(*t)) + " ago"
}

// progressDelay is how long a command may take without a word.
const progressDelay = 2 * time.Second

// progress tells what a command is at, once it takes longer than a moment. On a terminal one line is written over and
// over, elsewhere a line for each step.
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

// say names the next step.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	step := printable(fmt.Sprintf(format, args...))
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

// end takes the line away. It may be called again.
func (p *progress) end() {
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown && printers.IsTerminal(p.out) {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.shown, p.step = false, ""
}
