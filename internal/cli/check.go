// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
)

func newCheck() *cobra.Command {
	d := &checker{issuers: map[string]issuerResult{}, gateways: map[string]gatewayResult{}, uses: map[string][]use{}}
	c := &cobra.Command{
		Use:   "check",
		Short: "Look for what is wrong with the set-up, and say how to mend it",
		Long: "Look for what is wrong with the set-up, and say how to mend it: API server, CRDs, rights and life of the controller,\n" +
			"each issuer's credentials, login and role against what the certificates ask, the gateways' Admin APIs and TLS\n" +
			"ports, and each certificate. Nothing is changed. Without -n all namespaces are checked.\n\n" +
			"A check is ok, failed, or skipped where it could not look at everything, and why. The exit code is 0 where no check\n" +
			"failed, 2 where one did, and 1 where the checks could not be made. Skipped checks do not change it: for scripts that\n" +
			"must know, -o json counts them in summary.\n\n" +
			"The flags of the gateway, the page and the metrics are those of the controller, and have its environment variables.\n" +
			"Without them they are taken from the controller's Deployment. What only Pods reach is reached with:\n" +
			"  kubectl -n apisix-certs exec deploy/apisix-certs -- apisix-certs check",
		Example: "  apisix-certs check\n  apisix-certs check -n shop --apisix-admin-url http://127.0.0.1:9180 --apisix-admin-key-file key --apisix-tls-addr 127.0.0.1:9443",
		Args:    cobra.NoArgs,
	}
	flags := c.Flags()
	d.kube.addCluster(c)
	c.Flag("namespace").Usage = "If present, check only the issuers and certificates of this namespace"
	flags.StringVar(&d.account, "controller", "", "ServiceAccount of the controller, NAMESPACE/NAME (default: that of its Deployment, else apisix-certs/apisix-certs)")
	addGatewayFlags(flags, &d.options)
	addReaderFlags(flags, &d.options)
	flags.StringVar(&d.options.ClusterResourceNamespace, "cluster-resource-namespace", "", "namespace with the credentials of ClusterVaultIssuers (default: that of the controller)")
	addWatchNamespaces(flags, &d.options.WatchNamespaces, "the controller's: only these namespaces are looked into, such as shop,web (default: all)")
	format := addOutput(c, "table", "json", "yaml")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := fromEnvironment(c.Flags()); err != nil {
			return err
		}
		d.readersKnown = flags.Changed("metrics-secure") || flags.Changed("page-bind-address")
		if err := d.options.ValidateWatched(); err != nil {
			return err
		}
		d.options.AdminKey = os.Getenv(variable("apisix-admin-key"))
		d.kube.all = *d.kube.Namespace == ""
		d.waiting = startProgress(c.ErrOrStderr(), "asking the API server")
		defer d.waiting.stop()
		if err := d.examine(c.Context()); err != nil {
			return err
		}
		d.waiting.stop()
		return d.report(c.OutOrStdout(), format.value)
	}
	return c
}

// examine makes all checks. Later ones leave out what is but a consequence of what earlier ones found.
func (d *checker) examine(ctx context.Context) (err error) {
	d.options.Version, d.now = buildVersion(), time.Now()
	if d.access, err = d.kube.connect(); err != nil {
		return err
	}
	if err := d.findController(ctx); err != nil {
		return err
	}
	for _, check := range []struct {
		name, doing string
		do          func(context.Context) error
	}{
		{"CRDs", "reading the CRDs", d.checkCRDs},
		{"rights", "asking for the controller's rights", d.checkRights},
		{"controller", "looking for the controller", d.checkController},
		{"issuers", "asking the issuers", d.checkIssuers},
		{"gateways", "asking the gateways", d.checkGateways},
		{"certificates", "looking at the certificates", d.checkCertificates},
		{"sources", "looking at the sources", d.checkSources},
	} {
		d.waiting.setStep("%s", check.doing)
		d.diagnosis.startCheck(check.name)
		if err := check.do(ctx); err != nil && !d.noteSkipped(err) {
			return d.access.explainError(err)
		}
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
	}
	return nil
}

func (d *checker) report(out io.Writer, format string) error {
	d.diagnosis.setStates()
	if format != "table" {
		if err := encode(out, format, d.diagnosis); err != nil {
			return err
		}
	} else {
		d.diagnosis.write(out)
	}
	switch n := len(d.diagnosis.Findings); n {
	case 0:
		return nil
	case 1:
		return &problemsError{"1 problem found"}
	default:
		return &problemsError{fmt.Sprintf("%d problems found", n)}
	}
}
