// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"apisix-certs.io/apisix-certs/controllers/explain"
	"apisix-certs.io/apisix-certs/internal/terminal"
)

// explainCommand is one call of explain.
type explainCommand struct {
	kube    kubeFlags
	options explain.Options
	format  *choice
	out     io.Writer
}

func newExplain() *cobra.Command {
	e := &explainCommand{}
	c := &cobra.Command{
		Use:   "explain NAME",
		Short: "Say what the controller would do about a certificate now, and why",
		Long: "Say what the controller would do about a certificate now, and why: what is observed, what is planned, what holds it back,\n" +
			"and when the next thing happens. It is the controller's own code, and only reads. Vault and the gateways are not asked:\n" +
			"what the controller has seen there is in the status.",
		Example: "  apisix-certs explain shop-tls -n shop\n  apisix-certs explain shop-tls -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			e.out = c.OutOrStdout()
			return e.run(c, names[0])
		},
		ValidArgsFunction: e.kube.completeOne(certificateNames),
	}
	e.kube.add(c)
	c.Flags().BoolVar(&e.options.RequirePolicy, "require-policy", false, "the controller runs with --require-policy")
	c.Flags().DurationVar(&e.options.RotationSpread, "ca-rotation-spread", 0, "that of the controller, where it is set")
	e.format = addOutput(c, "text", "json", "yaml")
	return c
}

func (e *explainCommand) run(c *cobra.Command, name string) error {
	access, err := e.kube.connect()
	if err != nil {
		return err
	}
	if access.namespace == "" {
		return errors.New("which namespace? explain is about one certificate: give --namespace")
	}
	found, err := access.certificates(c.Context(), name, "")
	if err != nil {
		return err
	}
	explanation, err := explain.Of(c.Context(), access, &found.Items[0], e.options)
	if err != nil {
		return err
	}
	if e.format.value != "text" {
		return encode(e.out, e.format.value, explanation)
	}
	e.print(explanation)
	return nil
}

func (e *explainCommand) print(x *explain.Explanation) {
	line := func(what, text string) {
		if text != "" {
			fmt.Fprintf(e.out, "  %-10s %s\n", what, terminal.Escape(text))
		}
	}
	fmt.Fprintf(e.out, "%s/%s\nobserved\n", x.Namespace, x.Name)
	line("secret", secretText(x.Observed))
	line("issuer", issuerText(x.Observed))
	line("names", strings.Join(x.Observed.Owned, " "))
	if len(x.Observed.Yielded) > 0 {
		line("", strings.Join(x.Observed.Yielded, " ")+" (an older certificate of the namespace has them)")
	}
	line("used by", strings.Join(x.Observed.Uses, ", "))
	for _, g := range x.Observed.Gateways {
		line("gateway", fmt.Sprintf("%s (%s): pushed %s, served %s", g.Name, g.Mode, orNone(g.PushedSerial), orNone(g.ServedSerial)))
	}
	fmt.Fprintln(e.out, "plan")
	line("secret", planText(x.Plan))
	line("gateways", x.Plan.Deliver)
	if x.Plan.Revoke > 0 {
		line("revoke", fmt.Sprintf("%d certificates that were replaced", x.Plan.Revoke))
	}
	if x.Plan.Held != nil {
		line("held by", x.Plan.Held.Reason+": "+x.Plan.Held.Message)
	}
	if x.Plan.Waits != nil {
		line("waits for", x.Plan.Waits.Message)
	}
	if x.Plan.Next != nil {
		line("next", x.Plan.Next.UTC().Format(time.RFC3339))
	}
	status := x.Status.Ready + " " + x.Status.Reason + ": " + x.Status.Message
	if x.Status.Behind {
		status += " (of an older spec)"
	}
	fmt.Fprintln(e.out, "status")
	line("ready", status)
}

func secretText(o explain.Observed) string {
	switch {
	case !o.There:
		return o.Secret + " does not exist"
	case o.NotAfter == nil:
		return o.Secret + " holds no certificate for this object"
	}
	text := o.Secret + ", expires " + o.NotAfter.UTC().Format(time.RFC3339)
	if o.RenewalAt != nil {
		text += ", renewed " + o.RenewalAt.UTC().Format(time.RFC3339)
	}
	if !o.Ours {
		text += ", kept by somebody else"
	}
	return text
}

func issuerText(o explain.Observed) string {
	if o.Issuer != "" && !o.Found {
		return o.Issuer + " does not exist"
	}
	return o.Issuer
}

func planText(p explain.Plan) string {
	text := p.Secret
	if p.Backoff {
		text += " (the last failure is too fresh to try again)"
	}
	if p.Why != "" {
		text += ": " + p.Why
	}
	return text
}

func orNone(serial string) string {
	if serial == "" {
		return "nothing"
	}
	return serial
}
