// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers"
)

// kubeFlags are kubectl's flags for the commands that connect to the API server.
type kubeFlags struct {
	*genericclioptions.ConfigFlags
	all       bool
	watched   []string                     // the namespaces of --watch-namespaces
	inCluster func() (*rest.Config, error) // the configuration of the Pod
}

func (k *kubeFlags) add(c *cobra.Command) {
	k.addCluster(c)
	c.Flags().BoolVarP(&k.all, "all-namespaces", "A", false, "If present, list the requested objects across all namespaces")
	c.MarkFlagsMutuallyExclusive("namespace", "all-namespaces")
}

// clusterFlag is the annotation of kubectl's flags, which the documentation lists once for all commands.
const clusterFlag = "apisix-certs.io/cluster-flag"

func isClusterFlag(flag *pflag.Flag) bool { return flag.Annotations[clusterFlag] != nil }

// addCluster adds kubectl's flags without --all-namespaces. There is no --cache-dir, because nothing caches discovery, and no
// --username and --password, because a password would be visible in the process list.
func (k *kubeFlags) addCluster(c *cobra.Command) {
	k.ConfigFlags, k.inCluster = genericclioptions.NewConfigFlags(true), rest.InClusterConfig
	k.CacheDir, k.Username, k.Password = nil, nil, nil
	kubectl := pflag.NewFlagSet("", pflag.ContinueOnError)
	k.AddFlags(kubectl)
	kubectl.VisitAll(func(flag *pflag.Flag) {
		flag.Annotations = map[string][]string{clusterFlag: {"true"}}
	})
	c.Flags().AddFlagSet(kubectl)
	k.addCompletions(c)
}

// access is a connection to the API server.
type access struct {
	client.WithWatch
	config *rest.Config
	// namespace is the selected namespace. Empty: those of watched if there are any, otherwise all.
	namespace string
	watched   []string
}

// addWatchNamespaces adds --watch-namespaces, a flag of the controller and of some commands.
func addWatchNamespaces(flags *pflag.FlagSet, to *[]string, usage string) {
	flags.StringSliceVar(to, "watch-namespaces", nil, usage)
}

// namespaces returns the selected namespaces. An empty name means all.
func (a *access) namespaces() []string {
	if a.namespace != "" || len(a.watched) == 0 {
		return []string{a.namespace}
	}
	return a.watched
}

// list lists the objects of the selected namespaces.
func (a *access) list(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	var all []runtime.Object
	for _, namespace := range a.namespaces() {
		one := list.DeepCopyObject().(client.ObjectList)
		if err := a.List(ctx, one, slices.Concat(options, []client.ListOption{client.InNamespace(namespace)})...); err != nil {
			return err
		}
		items, err := meta.ExtractList(one)
		if err != nil {
			return err
		}
		all = append(all, items...)
	}
	return meta.SetList(list, all)
}

// callTimeout limits each request except watches.
const callTimeout = 15 * time.Second

// connect connects to the API server and requests its version, so that a server that does not respond is reported as such
// and not as the failure of a later request.
func (k *kubeFlags) connect() (*access, error) {
	silenceLibraries()
	if _, err := clientcmd.ParseTimeout(*k.Timeout); err != nil {
		return nil, fmt.Errorf("--request-timeout %q is not a duration such as 10s or 1m", *k.Timeout)
	}
	config, err := k.restConfig()
	if err != nil {
		return nil, configError(err)
	}
	a := &access{config: config, watched: k.watched}
	if !k.all {
		if a.namespace, _, err = k.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, configError(err)
		}
	}
	config.UserAgent, config.QPS = "apisix-certs/"+buildVersion(), -1
	if err := a.checkServer(); err != nil {
		return nil, err
	}
	if a.WithWatch, err = client.NewWithWatch(config, client.Options{Scheme: controllers.Scheme()}); err != nil {
		return nil, a.explainError(err)
	}
	return a, nil
}

// restConfig returns the configuration of the flags and the kubeconfig, or that of the Pod. kubectl would connect to
// localhost:8080 if there is no kubeconfig, because any flag counts as a configuration.
func (k *kubeFlags) restConfig() (*rest.Config, error) {
	config, err := k.ToRESTConfig()
	if err != nil || config.Host != clientcmd.ClusterDefaults.Server || k.namesServer(config.Host) {
		return config, err
	}
	pod, err := k.inCluster()
	if err != nil {
		return nil, errors.New("no configuration has been provided, and not running in a Pod")
	}
	pod.Impersonate, pod.Timeout = config.Impersonate, config.Timeout
	if *k.BearerToken != "" {
		pod.BearerToken, pod.BearerTokenFile = *k.BearerToken, ""
	}
	return pod, nil
}

// namesServer reports whether the flags, the environment or the kubeconfig name the server.
func (k *kubeFlags) namesServer(server string) bool {
	raw, err := k.ToRawKubeConfigLoader().RawConfig()
	if err != nil || *k.APIServer != "" || os.Getenv("KUBERNETES_MASTER") != "" {
		return true
	}
	for _, cluster := range raw.Clusters {
		if cluster.Server == server {
			return true
		}
	}
	return false
}

// silenceLibraries keeps the log lines of libraries out of the output of a command.
func silenceLibraries() {
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
}

func configError(err error) error {
	return fmt.Errorf("cannot load a kubeconfig (set --kubeconfig): %w", err)
}

func (a *access) checkServer() error {
	config := rest.CopyConfig(a.config)
	config.Timeout = cmp.Or(config.Timeout, callTimeout)
	discover, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return configError(err)
	}
	_, err = discover.ServerVersion()
	if apierrors.IsForbidden(err) {
		return nil // the server responded
	}
	return a.explainError(err)
}

// fixCRDs is the fix if the CRDs of the cluster are missing or of another version.
const fixCRDs = "kubectl apply --server-side -f manifests/crds of this version, or upgrade the Helm chart with crds.enabled=true"

// explainError returns err as a message with the fix. An error that needs no explanation is returned unchanged.
func (a *access) explainError(err error) error {
	var network *url.Error
	var status apierrors.APIStatus
	var shape *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case meta.IsNoMatchError(err), discovery.IsGroupDiscoveryFailedError(err):
		return fmt.Errorf("a CRD is not installed in the cluster (%w): install the CRDs with kubectl apply -f manifests/crds or the Helm chart", err)
	case errors.As(err, &shape):
		return fmt.Errorf("the CRDs in the cluster are from another version of apisix-certs (%s is a %s there): %s", shape.Field, shape.Value, fixCRDs)
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case errors.As(err, &network):
		return fmt.Errorf("the Kubernetes API at %s does not respond: check --kubeconfig and that the API server is running: %w", a.config.Host, network.Err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("unauthorized: the Kubernetes API at %s rejected the credentials of the kubeconfig (log in again)", a.config.Host)
	case apierrors.IsForbidden(err) && errors.As(err, &status):
		return fmt.Errorf("%s (use an account with this permission, or another --context)", strings.TrimSuffix(oneLine(status.Status().Message), ": "))
	case errors.As(err, &status):
		return errors.New(oneLine(status.Status().Message))
	}
	return err
}

// oneLine joins the lines of text that apisix-certs did not write.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace + " (use -A for all namespaces)"
}

// certificates lists the ApisixCertificates of the selected namespaces, or only the one with the name.
func (a *access) certificates(ctx context.Context, name, selector string) (*v1alpha1.ApisixCertificateList, error) {
	parsed, err := labels.Parse(selector)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--selector %q is not a label selector such as team=web", selector)
	case name != "" && (a.namespace == "" || selector != ""):
		return nil, errors.New("NAME cannot be used with --all-namespaces or --selector")
	}
	list := &v1alpha1.ApisixCertificateList{}
	if name == "" {
		err = a.list(ctx, list, client.MatchingLabelsSelector{Selector: parsed})
		return list, a.explainError(err)
	}
	cert, err := a.certificate(ctx, client.ObjectKey{Namespace: a.namespace, Name: name})
	if err != nil {
		return nil, err
	}
	list.ResourceVersion, list.Items = cert.ResourceVersion, []v1alpha1.ApisixCertificate{*cert}
	return list, nil
}

func (a *access) certificate(ctx context.Context, key client.ObjectKey) (*v1alpha1.ApisixCertificate, error) {
	cert := &v1alpha1.ApisixCertificate{}
	err := a.Get(ctx, key, cert)
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("ApisixCertificate %s not found in namespace %s (list all with apisix-certs status -A)", key.Name, key.Namespace)
	}
	return cert, a.explainError(err)
}
