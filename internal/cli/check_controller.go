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

// programName is that of the controller's Deployment, ServiceAccount and namespace, unless somebody says otherwise.
const programName = "apisix-certs"

// findController finds the controller's ServiceAccount and the options that it runs with.
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

// deployment is the controller's, nil where there is none or more than one.
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

// commandLine is that of the controller in its Deployment, from behind "controller", and its variables.
func commandLine(deployment *appsv1.Deployment) ([]string, []corev1.EnvVar) {
	for _, container := range deployment.Spec.Template.Spec.Containers {
		if len(container.Args) > 0 && container.Args[0] == "controller" {
			return container.Args[1:], container.Env
		}
	}
	return nil, nil
}

// processOne is the command line of the first process: in the controller's Pod, that is the controller.
const processOne = "/proc/1/cmdline"

// neighbour is the command line in file, if it is the controller's, from behind "controller". Its variables are those of
// this process too.
func firstProcessArgs(file string) []string {
	data, err := os.ReadFile(file)
	words := strings.Split(strings.TrimRight(string(data), "\x00"), "\x00")
	if err != nil || len(words) < 2 || filepath.Base(words[0]) != programName || words[1] != "controller" {
		return nil
	}
	return words[2:]
}

// useControllerOptions takes the options from the controller's command line, if there is one. Those of the gateway are taken where
// none are given here; files in the Pod cannot be read from elsewhere, so an admin key in one is not.
func (d *checker) useControllerOptions(args []string, variables []corev1.EnvVar) {
	if args == nil {
		return
	}
	var theirs controllers.Options
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	addControllerFlags(flags, &theirs)
	if flags.Parse(args) != nil { // then the controller does not run either, which is found
		return
	}
	for _, variable := range variables {
		setVariable(flags, variable)
	}
	d.optionsKnown = true
	d.options.LeaderElect, d.options.LeaseName = theirs.LeaderElect, theirs.LeaseName
	d.options.CertManagerNamespace, d.options.VaultServers, d.options.VaultAudiences = theirs.CertManagerNamespace, theirs.VaultServers, theirs.VaultAudiences
	d.options.ClusterResourceNamespace = cmp.Or(d.options.ClusterResourceNamespace, theirs.ClusterResourceNamespace)
	if len(d.options.WatchNamespaces) == 0 {
		d.options.WatchNamespaces = theirs.WatchNamespaces
	}
	theirs.WatchNamespaces = d.options.WatchNamespaces
	d.useReaderOptions(&theirs)
	if d.gatewayGiven() {
		return
	}
	theirs.Version, theirs.ClusterResourceNamespace, theirs.AdminKey = d.options.Version, d.options.ClusterResourceNamespace, d.options.AdminKey
	if theirs.AdminKeyFile+theirs.AdminKeySecret != "" {
		theirs.AdminKey = ""
	}
	d.options = theirs
}

func setVariable(flags *pflag.FlagSet, given corev1.EnvVar) {
	flags.VisitAll(func(flag *pflag.Flag) {
		if variable(flag.Name) == given.Name && !flag.Changed && given.Value != "" {
			_ = flags.Set(flag.Name, given.Value) // as above
		}
	})
}

func (d *checker) gatewayGiven() bool {
	o := d.options
	return len(o.AdminURLs) > 0 || o.AdminService != ""
}

// leaseTimeout is how long after its last renewal nobody holds the controller's lease.
const leaseTimeout = time.Minute

// checkController looks at the lease that a running controller holds.
func (d *checker) checkController(ctx context.Context) error {
	if !d.options.LeaderElect {
		d.diagnosis.addNote("without --leader-elect it cannot be told whether the controller runs")
		return nil
	}
	key := client.ObjectKey{Namespace: d.home.Namespace, Name: d.options.LeaseName}
	lease := &coordinationv1.Lease{}
	err := d.access.Get(ctx, key, lease)
	problem := ""
	switch spec := lease.Spec; {
	case apierrors.IsNotFound(err):
		problem = "no controller has run here yet"
	case err != nil:
		return err
	case spec.HolderIdentity == nil || *spec.HolderIdentity == "":
		problem = "no controller runs: the last one has ended"
	case spec.RenewTime == nil || d.now.Sub(spec.RenewTime.Time) > leaseTimeout:
		problem = "no controller runs: the last one has not renewed its lease for a minute or more"
	}
	d.diagnosis.addChecked(1)
	if problem != "" {
		d.diagnosis.addFinding(finding{Object: "Lease " + key.String(), Problem: problem,
			Fix: "start it, and see kubectl -n " + key.Namespace + " get pods and its log; where it runs in another namespace, name that with --controller"})
	}
	return nil
}
