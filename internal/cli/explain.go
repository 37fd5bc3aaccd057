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

// explainCommand is one run of explain.
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
		Short: "Explain what the controller will do with a certificate, and why",
		Long: "Explain what the controller will do with a certificate, and why: what it observes, what it plans, what blocks it, and\n" +
			"when it continues. The command runs the code of the controller, and only reads. It does not connect to Vault and the\n" +
			"gateways; the status has what the controller observed there.",
		Example: "  apisix-certs explain shop-tls -n shop\n  apisix-certs explain shop-tls -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			e.out = c.OutOrStdout()
			return e.run(c, names[0])
		},
		ValidArgsFunction: e.kube.completeOne(certificateNames),
	}
	e.kube.add(c)
	c.Flags().BoolVar(&e.options.RequirePolicy, "require-policy", false, "set if the controller runs with --require-policy")
	c.Flags().DurationVar(&e.options.RotationSpread, "ca-rotation-spread", 0, "value of the controller's flag, if it is set")
	e.format = addOutput(c, "text", "json", "yaml")
	return c
}

func (e *explainCommand) run(c *cobra.Command, name string) error {
	access, err := e.kube.connect()
	if err != nil {
		return err
	}
	if access.namespace == "" {
		return errors.New("explain requires one namespace: use --namespace instead of --all-namespaces")
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
		line("", strings.Join(x.Observed.Yielded, " ")+" (owned by an older certificate of the namespace)")
	}
	line("used by", strings.Join(x.Observed.Uses, ", "))
	for _, g := range x.Observed.Gateways {
		line("gateway", fmt.Sprintf("%s (%s): pushed %s, served %s", g.Name, g.Mode, orNone(g.PushedSerial), orNone(g.ServedSerial)))
	}
	fmt.Fprintln(e.out, "plan")
	line("secret", planText(x.Plan))
	line("gateways", x.Plan.Deliver)
	if x.Plan.Revoke > 0 {
		line("revoke", fmt.Sprintf("%d replaced certificates", x.Plan.Revoke))
	}
	if x.Plan.Held != nil {
		line("blocked by", x.Plan.Held.Reason+": "+x.Plan.Held.Message)
	}
	if x.Plan.Waits != nil {
		line("waits for", x.Plan.Waits.Message)
	}
	if x.Plan.Next != nil {
		line("next", x.Plan.Next.UTC().Format(time.RFC3339))
	}
	status := x.Status.Ready + " " + x.Status.Reason + ": " + x.Status.Message
	if x.Status.Behind {
		status += " (for an older spec)"
	}
	fmt.Fprintln(e.out, "status")
	line("ready", status)
}

func secretText(o explain.Observed) string {
	switch {
	case !o.There:
		return o.Secret + " does not exist"
	case o.NotAfter == nil:
		return o.Secret + " contains no certificate for this object"
	}
	text := o.Secret + ", expires " + o.NotAfter.UTC().Format(time.RFC3339)
	if o.RenewalAt != nil {
		text += ", renewal " + o.RenewalAt.UTC().Format(time.RFC3339)
	}
	if !o.Ours {
		text += ", not managed by apisix-certs"
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
		text += " (waiting to retry after the last failure)"
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
