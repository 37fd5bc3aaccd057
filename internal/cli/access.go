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

// kubeFlags are kubectl's flags, of the commands that talk to the API server.
type kubeFlags struct {
	*genericclioptions.ConfigFlags
	all       bool
	watched   []string                     // those of --watch-namespaces
	inCluster func() (*rest.Config, error) // the Pod's own configuration
}

func (k *kubeFlags) add(c *cobra.Command) {
	k.addCluster(c)
	c.Flags().BoolVarP(&k.all, "all-namespaces", "A", false, "If present, list the requested objects across all namespaces")
	c.MarkFlagsMutuallyExclusive("namespace", "all-namespaces")
}

// clusterFlag annotates kubectl's flags, which documentation shows once for all commands.
const clusterFlag = "apisix-certs.io/cluster-flag"

func isClusterFlag(flag *pflag.Flag) bool { return flag.Annotations[clusterFlag] != nil }

// addCluster adds the flags of commands that know no namespace of their own. Nothing here caches discovery, and a password
// would be on the command line.
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

// access is a way to the API server.
type access struct {
	client.WithWatch
	config *rest.Config
	// namespace that is meant; empty: all, or those of watched where there are any.
	namespace string
	watched   []string
}

// addWatchNamespaces adds the flag of the controller that commands have too.
func addWatchNamespaces(flags *pflag.FlagSet, to *[]string, usage string) {
	flags.StringSliceVar(to, "watch-namespaces", nil, usage)
}

// within are the namespaces that are meant, as the options of a list have them.
func (a *access) namespaces() []string {
	if a.namespace != "" || len(a.watched) == 0 {
		return []string{a.namespace}
	}
	return a.watched
}

// list lists objects of the namespaces that are meant.
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

// callTimeout bounds each request but watches.
const callTimeout = 15 * time.Second

// open finds the way to the API server, and asks it for its version: a word on one that does not answer beats the failure
// of what needs it.
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

// restConfig is that of the flags and the kubeconfig, else the Pod's own. For kubectl any flag is a configuration, and without
// a kubeconfig it would ask a server at localhost:8080.
func (k *kubeFlags) restConfig() (*rest.Config, error) {
	config, err := k.ToRESTConfig()
	if err != nil || config.Host != clientcmd.ClusterDefaults.Server || k.namesServer(config.Host) {
		return config, err
	}
	pod, err := k.inCluster()
	if err != nil {
		return nil, errors.New("no configuration has been provided, and this is not a Pod")
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

// quiet keeps the libraries from writing between the lines of a command.
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
		return nil // it answers, which is what was asked
	}
	return a.explainError(err)
}

// fixCRDs is what to do where the cluster's CRDs are not those of this program.
const fixCRDs = "kubectl apply --server-side -f manifests/crds of this version, or upgrade the Helm chart with crds.enabled"

// explain words what keeps the API server from doing what it was asked, with the mend. Errors that say enough stay.
func (a *access) explainError(err error) error {
	var network *url.Error
	var status apierrors.APIStatus
	var shape *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case meta.IsNoMatchError(err), discovery.IsGroupDiscoveryFailedError(err):
		return fmt.Errorf("the cluster lacks a CRD (%w): install those of apisix-certs with kubectl apply -f manifests/crds, or the Helm chart", err)
	case errors.As(err, &shape):
		return fmt.Errorf("the CRDs in the cluster are of another version than this program (%s is a %s there): %s", shape.Field, shape.Value, fixCRDs)
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted")
	case errors.As(err, &network):
		return fmt.Errorf("the Kubernetes API at %s does not answer: check --kubeconfig, and that the API server runs: %w", a.config.Host, network.Err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("the Kubernetes API at %s does not take the credentials of the kubeconfig: log in again", a.config.Host)
	case apierrors.IsForbidden(err) && errors.As(err, &status):
		return fmt.Errorf("%s: ask for a role that allows it, or choose another --context", strings.TrimSuffix(oneLine(status.Status().Message), ": "))
	case errors.As(err, &status):
		return errors.New(oneLine(status.Status().Message))
	}
	return err
}

// oneLine keeps a message of others from taking several lines.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func inNamespace(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in namespace " + namespace + " (-A looks in all)"
}

// certificates lists those of the namespace; with a name that one alone.
func (a *access) certificates(ctx context.Context, name, selector string) (*v1alpha1.ApisixCertificateList, error) {
	parsed, err := labels.Parse(selector)
	switch {
	case err != nil:
		return nil, fmt.Errorf("--selector %q is no label selector: write it as KEY=VALUE", selector)
	case name != "" && (a.namespace == "" || selector != ""):
		return nil, errors.New("a NAME goes with --namespace, and not with --all-namespaces or --selector")
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
		return nil, fmt.Errorf("there is no ApisixCertificate %s in namespace %s: see apisix-certs status -A", key.Name, key.Namespace)
	}
	return cert, a.explainError(err)
}
