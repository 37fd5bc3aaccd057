// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"apisix-certs.io/apisix-certs/internal/terminal"
)

// printFlags are kubectl's -o and related flags, for commands that print objects. PrintFlags of cli-runtime would add go-template
// and 20 MB to the binary: text/template calls methods by name, so the linker cannot remove any.
type printFlags struct {
	json      *genericclioptions.JSONYamlPrintFlags
	name      *genericclioptions.NamePrintFlags
	path      *genericclioptions.JSONPathPrintFlags
	output    string
	noHeaders bool
}

const customColumns = "custom-columns"

func (p *printFlags) add(c *cobra.Command) {
	p.json, p.name = genericclioptions.NewJSONYamlPrintFlags(), genericclioptions.NewNamePrintFlags("")
	allowMissingKeys := true
	p.path = &genericclioptions.JSONPathPrintFlags{AllowMissingKeys: &allowMissingKeys}
	p.json.AddFlags(c)
	p.path.AddFlags(c)
	formats := p.formats()
	c.Flags().StringVarP(&p.output, "output", "o", "", "Output format. One of: ("+strings.Join(formats, ", ")+").")
	c.Flags().BoolVar(&p.noHeaders, "no-headers", false, "When using the default or custom-columns output format, don't print headers")
	_ = c.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // fails only if the flag does not exist
}

func (p *printFlags) formats() []string {
	formats := slices.Concat(p.json.AllowedFormats(), p.name.AllowedFormats(), p.path.AllowedFormats(), []string{customColumns, "wide"})
	slices.Sort(formats)
	return formats
}

// objectPrinter returns a printer for the format of -o, or nil for the table.
func (p *printFlags) objectPrinter() (printers.ResourcePrinter, error) {
	if spec, ok := strings.CutPrefix(p.output, customColumns+"="); ok {
		return newColumnsPrinter(spec, p.noHeaders)
	}
	if p.output == "" || p.wide() {
		return nil, nil
	}
	for _, format := range []interface {
		ToPrinter(string) (printers.ResourcePrinter, error)
	}{p.json, p.name, p.path} {
		if printer, err := format.ToPrinter(p.output); !genericclioptions.IsNoCompatiblePrinterError(err) {
			return printer, err
		}
	}
	return nil, genericclioptions.NoCompatiblePrinterError{OutputFormat: &p.output, AllowedFormats: p.formats()}
}

func (p *printFlags) wide() bool { return p.output == "wide" }

// printObject prints an object, with control characters escaped.
func (p *printFlags) printObject(printer printers.ResourcePrinter, object runtime.Object, out io.Writer) error {
	var printed bytes.Buffer
	if err := printer.PrintObj(object, &printed); err != nil {
		reason, _, _ := strings.Cut(err.Error(), ". Printing more information") // it goes on with the whole object
		return errors.New(reason)
	}
	escape := terminal.EscapeLines
	if strings.EqualFold(p.output, "json") {
		escape = terminal.EscapeJSON
	}
	_, err := io.WriteString(out, escape(printed.String()))
	return err
}
