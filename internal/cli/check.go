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
	d := &checker{issuers: map[string]issuerResult{}, gateways: map[string]gatewayResult{}, uses: map[string][]secretUse{}}
	c := &cobra.Command{
		Use:   "check",
		Short: "Find faults in the setup, and how to fix them",
		Long: "Find faults in the setup, and how to fix them. The command checks the CRDs, the permissions of the controller and\n" +
			"whether it runs, the login of each issuer and its role against the certificates that use it, the Admin API and the\n" +
			"TLS port of each gateway, and each certificate. It changes nothing. Without -n it checks all namespaces.\n\n" +
			"Each check is ok, failed or skipped. It is skipped if something could not be checked, and the output says why.\n" +
			"The exit code is 0 if no check failed, 2 if one failed, and 1 if the command itself failed. Skipped checks do not\n" +
			"change it. In scripts, read the number of skipped checks from the summary of -o json.\n\n" +
			"The flags of the gateway, the page and the metrics are the same as those of the controller, with the same\n" +
			"environment variables. By default, they are read from the controller's Deployment. To check addresses that only\n" +
			"Pods can reach, run:\n" +
			"  kubectl -n apisix-certs exec deploy/apisix-certs -- apisix-certs check",
		Example: "  apisix-certs check\n  apisix-certs check -n shop --apisix-admin-url http://127.0.0.1:9180 --apisix-admin-key-file key --apisix-tls-addr 127.0.0.1:9443",
		Args:    cobra.NoArgs,
	}
	flags := c.Flags()
	d.kube.addCluster(c)
	c.Flag("namespace").Usage = "If present, check only the issuers and certificates of this namespace"
	flags.StringVar(&d.account, "controller", "", "ServiceAccount of the controller, NAMESPACE/NAME (default: that of its Deployment, or apisix-certs/apisix-certs)")
	addGatewayFlags(flags, &d.options)
	addReaderFlags(flags, &d.options)
	flags.StringVar(&d.options.ClusterResourceNamespace, "cluster-resource-namespace", "", "namespace with the credentials of ClusterVaultIssuers (default: the controller's namespace)")
	addWatchNamespaces(flags, &d.options.WatchNamespaces, "only check these namespaces, such as shop,web (default: those of the controller)")
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
		d.waiting = startProgress(c.ErrOrStderr(), "connecting to the API server")
		defer d.waiting.stop()
		if err := d.examine(c.Context()); err != nil {
			return err
		}
		d.waiting.stop()
		return d.report(c.OutOrStdout(), format.value)
	}
	return c
}

// examine runs all checks. It omits findings that are only a consequence of an earlier finding.
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
		{"CRDs", "checking the CRDs", d.checkCRDs},
		{"permissions", "checking the permissions of the controller", d.checkRights},
		{"controller", "checking the controller", d.checkController},
		{"issuers", "checking the issuers", d.checkIssuers},
		{"gateways", "checking the gateways", d.checkGateways},
		{"certificates", "checking the certificates", d.checkCertificates},
		{"sources", "checking the sources", d.checkSources},
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
