// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/apimachinery/pkg/util/duration"
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
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp)) // fails only where there is no such flag
	return format
}

// encode writes value as JSON or YAML, which format names.
func encode(out io.Writer, format string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err == nil && format == "yaml" {
		data, err = yaml.JSONToYAML(data)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, strings.TrimRight(string(data), "\n"))
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

// isTerminal tells whether out is one that takes colours. NO_COLOR is that of https://no-color.org.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func colourful(out io.Writer) bool {
	return isTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// paint gives the text a colour where out shows colours.
func paint(out io.Writer, c colour, text string) string {
	if c == plain || !colourful(out) {
		return text
	}
	return string(c) + text + reset
}

// cell is one of a table.
type cell struct {
	text   string
	colour colour
}

// printable is text of others for a terminal: control characters, with which it could be made to show something else, are
// shown as they are escaped in Go.
func printable(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if unprintable(r) {
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// unprintable reports whether a rune is a control character (C0 or C1) or changes the direction of writing.
func unprintable(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// writeTable writes rows in columns; the first row is the head. An empty cell is a dash.
func writeTable(out io.Writer, rows [][]cell) {
	widths := map[int]int{}
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(printable(orDash(c.text))))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			text := printable(orDash(c.text))
			line.WriteString(paint(out, c.colour, text))
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)+2))
			}
		}
		fmt.Fprintln(out, strings.TrimRight(line.String(), " "))
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// head is the first row of a table.
func head(names ...string) []cell {
	var row []cell
	for _, name := range names {
		row = append(row, cell{name, bold})
	}
	return row
}

// when tells a time as one reads it: the day and how far off that is.
func when(t *time.Time, now time.Time) string {
	if t == nil {
		return ""
	}
	away := "in " + duration.HumanDuration(t.Sub(now))
	if !now.Before(*t) {
		away = duration.HumanDuration(now.Sub(*t)) + " ago"
	}
	return t.UTC().Format("2006-01-02 15:04") + " (" + away + ")"
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
	step := fmt.Sprintf(format, args...)
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
	if isTerminal(p.out) {
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
	if p.shown && isTerminal(p.out) {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.shown, p.step = false, ""
}
