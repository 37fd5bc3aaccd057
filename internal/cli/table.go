// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/liggitt/tabwriter"
	"k8s.io/cli-runtime/pkg/printers"
)

// statusTable is a table to which rows can be added, with the column widths of the first ones.
type statusTable struct {
	out     io.Writer
	printer printers.ResourcePrinter
	columns *tabwriter.Writer
	printed bytes.Buffer
	headed  bool
}

func newStatusTable(out io.Writer, options printers.PrintOptions) *statusTable {
	t := &statusTable{out: out, printer: printers.NewTablePrinter(options), headed: options.NoHeaders}
	t.columns = printers.GetNewTabWriter(&t.printed)
	return t
}

// show prints rows, and the header before the first ones. On a terminal, rows that are not Ready are in colour.
func (t *statusTable) show(statuses []certificateStatus, now time.Time) error {
	if err := t.printer.PrintObj(tableOf(statuses, now), t.columns); err != nil {
		return err
	}
	if err := t.columns.Flush(); err != nil {
		return err
	}
	row := 0
	if !t.headed {
		row, t.headed = -1, true
	}
	for line := range strings.Lines(t.printed.String()) {
		c := bold
		if row >= 0 {
			c = colourOf(statuses[row].Ready)
		}
		fmt.Fprintln(t.out, paint(t.out, c, strings.TrimRight(line, " \n")))
		row++
	}
	t.printed.Reset()
	return nil
}

func colourOf(status string) colour {
	switch status {
	case "True":
		return plain
	case "False", "Deleted":
		return red
	}
	return yellow
}
