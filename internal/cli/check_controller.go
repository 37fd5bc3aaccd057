// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/controllers"
)

// programName is the default name of the controller's Deployment, ServiceAccount and namespace.
const programName = "apisix-certs"

// findController finds the ServiceAccount of the controller and its options.
func (d *checker) findController(ctx context.Context) error {
	d.home = client.ObjectKey{Namespace: programName, Name: programName}
	d.options.LeaderElect, d.options.LeaseName = true, programName
	deployment, err := d.deployment(ctx)
	if err != nil && !apierrors.IsForbidden(err) {
		return d.access.explainError(err)
	}
	if deployment != nil {
		d.home.Namespace = deployment.Namespace
		d.home.Name = cmp.Or(deployment.Spec.Template.Spec.ServiceAccountName, "default")
		d.remote = !d.gatewayGiven()
		d.useControllerOptions(commandLine(deployment))
	} else {
		d.useControllerOptions(firstProcessArgs(processOne), nil)
	}
	if d.account != "" {
		namespace, name, ok := strings.Cut(d.account, "/")
		if !ok || namespace == "" || name == "" {
			return fmt.Errorf("--controller %q is not of the form NAMESPACE/NAME", d.account)
		}
		d.home = client.ObjectKey{Namespace: namespace, Name: name}
	}
	d.options.ClusterResourceNamespace = cmp.Or(d.options.ClusterResourceNamespace, d.home.Namespace)
	d.access.watched = d.options.WatchNamespaces
	return nil
}

// deployment returns the controller's Deployment, or nil if there is none or more than one.
func (d *checker) deployment(ctx context.Context) (*appsv1.Deployment, error) {
	var list appsv1.DeploymentList
	if err := d.access.List(ctx, &list, client.MatchingLabels{"app.kubernetes.io/name": programName}); err != nil {
		return nil, err
	}
	if len(list.Items) != 1 {
		return nil, nil
	}
	return &list.Items[0], nil
}

// commandLine returns the arguments after "controller" in the Deployment, and the environment variables.
func commandLine(deployment *appsv1.Deployment) ([]string, []corev1.EnvVar) {
	for _, container := range deployment.Spec.Template.Spec.Containers {
		if len(container.Args) > 0 && container.Args[0] == "controller" {
			return container.Args[1:], container.Env
		}
	}
	return nil, nil
}

// processOne has the command line of the first process, which is the controller in its Pod.
const processOne = "/proc/1/cmdline"

// firstProcessArgs returns the arguments after "controller" in file, or nil if it is not the command line of the controller.
// Its environment variables are also those of this process.
func firstProcessArgs(file string) []string {
	data, err := os.ReadFile(file)
	words := strings.Split(strings.TrimRight(string(data), "\x00"), "\x00")
	if err != nil || len(words) < 2 || filepath.Base(words[0]) != programName || words[1] != "controller" {
		return nil
	}
	return words[2:]
}

// useControllerOptions sets the options to those of the controller's arguments. nil changes nothing. Gateway options of this
// command line take precedence. An admin key file of the Pod cannot be read from here.
func (d *checker) useControllerOptions(args []string, variables []corev1.EnvVar) {
	if args == nil {
		return
	}
	var parsed controllers.Options
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	addControllerFlags(flags, &parsed)
	if flags.Parse(args) != nil { // then the controller does not start either, which checkController finds
		return
	}
	for _, variable := range variables {
		setVariable(flags, variable)
	}
	d.optionsKnown = true
	d.options.LeaderElect, d.options.LeaseName = parsed.LeaderElect, parsed.LeaseName
	d.options.CertManagerNamespace, d.options.VaultServers, d.options.VaultAudiences = parsed.CertManagerNamespace, parsed.VaultServers, parsed.VaultAudiences
	d.options.ClusterResourceNamespace = cmp.Or(d.options.ClusterResourceNamespace, parsed.ClusterResourceNamespace)
	if len(d.options.WatchNamespaces) == 0 {
		d.options.WatchNamespaces = parsed.WatchNamespaces
	}
	parsed.WatchNamespaces = d.options.WatchNamespaces
	d.useReaderOptions(&parsed)
	if d.gatewayGiven() {
		return
	}
	parsed.Version, parsed.ClusterResourceNamespace, parsed.AdminKey = d.options.Version, d.options.ClusterResourceNamespace, d.options.AdminKey
	if parsed.AdminKeyFile+parsed.AdminKeySecret != "" {
		parsed.AdminKey = ""
	}
	d.options = parsed
}

func setVariable(flags *pflag.FlagSet, given corev1.EnvVar) {
	flags.VisitAll(func(flag *pflag.Flag) {
		if variable(flag.Name) == given.Name && !flag.Changed && given.Value != "" {
			_ = flags.Set(flag.Name, given.Value) // as for the arguments
		}
	})
}

func (d *checker) gatewayGiven() bool {
	o := d.options
	return len(o.AdminURLs) > 0 || o.AdminService != ""
}

// leaseTimeout is the time after its last renewal after which the Lease of the controller counts as expired.
const leaseTimeout = time.Minute

// checkController checks the Lease of the controller.
func (d *checker) checkController(ctx context.Context) error {
	if !d.options.LeaderElect {
		d.diagnosis.addNote("the controller runs without --leader-elect, so there is no Lease to check")
		return nil
	}
	key := client.ObjectKey{Namespace: d.home.Namespace, Name: d.options.LeaseName}
	lease := &coordinationv1.Lease{}
	err := d.access.Get(ctx, key, lease)
	problem := ""
	switch spec := lease.Spec; {
	case apierrors.IsNotFound(err):
		problem = "the Lease does not exist: no controller has run in this namespace"
	case err != nil:
		return err
	case spec.HolderIdentity == nil || *spec.HolderIdentity == "":
		problem = "no controller is running: the last one released the Lease"
	case spec.RenewTime == nil || d.now.Sub(spec.RenewTime.Time) > leaseTimeout:
		problem = "no controller is running: the Lease has not been renewed for more than a minute"
	}
	d.diagnosis.addChecked(1)
	if problem != "" {
		d.diagnosis.addFinding(finding{Object: "Lease " + key.String(), Problem: problem,
			Fix: "start the controller, and check its Pods and log (kubectl -n " + key.Namespace + " get pods); if it runs in another namespace, set --controller"})
	}
	return nil
}
