// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/internal/authority"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

func newController() *cobra.Command {
	options := controllers.Options{Version: buildVersion()}
	var kubeconfig, logLevel, logFormat string
	c := &cobra.Command{
		Use:   "controller",
		Short: "Run the controller",
		Long: "Run the controller. Every flag may be given as an environment variable instead: APISIX_CERTS_ and the flag's\n" +
			"name in capitals, with _ for -. The admin key itself may be given as APISIX_CERTS_APISIX_ADMIN_KEY.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := fromEnvironment(c.Flags()); err != nil {
				return err
			}
			options.AdminKey = os.Getenv(variable("apisix-admin-key"))
			if err := options.Validate(); err != nil {
				return err
			}
			if err := setLogger(logLevel, logFormat); err != nil {
				return err
			}
			config, err := kubeConfig(kubeconfig)
			if err != nil {
				return err
			}
			if options.ClusterResourceNamespace == "" {
				options.ClusterResourceNamespace = options.Namespace
			}
			if options.PprofAddr == "" {
				runtime.MemProfileRate = 0 // nobody can ask for the samples, which take megabytes
			}
			return controllers.Run(c.Context(), config, options)
		},
	}
	flags := c.Flags()
	addControllerFlags(flags, &options)
	flags.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig file; default: KUBECONFIG, ~/.kube/config, or the Pod's ServiceAccount")
	flags.StringVar(&logLevel, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&logFormat, "log-format", "text", "text or json")
	return c
}

func addControllerFlags(flags *pflag.FlagSet, o *controllers.Options) {
	addGatewayFlags(flags, o)
	addReaderFlags(flags, o)
	flags.StringVar(&o.DefaultIssuer, "default-issuer", "", "issuer for objects that name none and are annotated apisix-certs.io/manage or kubernetes.io/tls-acme, or for all with --manage all: VaultIssuer/NAME or ClusterVaultIssuer/NAME (of cert-manager: Issuer/NAME or ClusterIssuer/NAME; external ones: KIND.GROUP/NAME)")
	flags.StringVar(&o.Manage, "manage", "annotated", "which objects get a certificate: annotated or all")
	flags.StringVar(&o.IngressClass, "ingress-class", "", "only objects of this ingress class, or of none")
	flags.StringVar(&o.NamespaceSelector, "namespace-selector", "", "only objects in namespaces whose labels match, so that several controllers, with leases of their own, can share a cluster; empty for all")
	addWatchNamespaces(flags, &o.WatchNamespaces, "read and write in these namespaces alone, such as shop,web, where Roles give the rights to (default: in all, with a ClusterRole)")
	flags.StringVar(&o.LeaseName, "lease-name", "apisix-certs", "name of the lease that the replicas share")
	flags.BoolVar(&o.RequirePolicy, "require-policy", false, "issue and push nothing where there is no CertificatePolicy, instead of everything: for clusters of several teams")
	flags.StringVar(&o.ClusterResourceNamespace, "cluster-resource-namespace", "", "namespace with the credentials of ClusterVaultIssuers (default: --namespace)")
	flags.StringVar(&o.CertManagerNamespace, "cert-manager-cluster-resource-namespace", "", "namespace with the credentials of cert-manager's ClusterIssuers, where cert-manager itself reads them, such as cert-manager (default: --cluster-resource-namespace)")
	flags.StringSliceVar(&o.VaultServers, "vault-servers", nil, "the only Vault servers that VaultIssuers, and Issuers of cert-manager, may name, such as https://vault.example.com:8200,https://*.vault.svc:8200; a star matches anything but a slash (default: any)")
	flags.StringSliceVar(&o.VaultAudiences, "vault-audiences", nil, "what VaultIssuers, and Issuers of cert-manager, may have in serviceAccountRef.audiences, with stars as in --vault-servers (default: nothing but vault://NAMESPACE/ISSUER of the very issuer)")
	flags.DurationVar(&o.CAExpiryWarning, "ca-expiry-warning", 30*24*time.Hour, "how long before the end of an issuer's CA the issuer warns; 0 for never")
	flags.DurationVar(&o.CARotationSpread, "ca-rotation-spread", time.Hour, "time over which certificates are issued again after a rotation of the CA, and at most a tenth of their life left")
	flags.DurationVar(&o.NameReservation, "name-reservation", authority.DefaultReservation, "how long a DNS name that a namespace has given up waits for another certificate of that namespace")
	flags.StringVar(&o.Namespace, "namespace", "apisix-certs", "namespace of the controller, for its lease")
	flags.BoolVar(&o.LeaderElect, "leader-elect", true, "work only while holding the lease, so that several replicas may run")
	flags.DurationVar(&o.Resync, "resync-period", gateway.DefaultResync, "how often all ssl objects of the gateways are compared with the certificates, and each host is proven")
	flags.IntVar(&o.Workers, "workers", 16, "certificates worked on at the same time")
	flags.StringVar(&o.MetricsAddr, "metrics-bind-address", ":8080", "address of the metrics; 0 for none")
	flags.StringVar(&o.HealthAddr, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 for none")
	flags.StringVar(&o.PprofAddr, "pprof-bind-address", "", "address of Go's profiles under /debug/pprof, such as 127.0.0.1:6060 (default: none)")
}

// addGatewayFlags adds those that tell of the gateway.
func addGatewayFlags(flags *pflag.FlagSet, o *controllers.Options) {
	flags.StringSliceVar(&o.AdminURLs, "apisix-admin-url", nil, "base URL of an Admin API, such as http://apisix-admin.apisix:9180; several share one etcd")
	flags.StringVar(&o.AdminService, "apisix-admin-service", "", "Service of the Admin API instead of URLs, NAMESPACE/NAME:PORT; its ready pods are followed")
	flags.StringVar(&o.AdminKeySecret, "apisix-admin-key-secret", "", "Secret with the admin key, NAMESPACE/NAME or NAMESPACE/NAME:KEY (key: admin), followed as it changes")
	flags.StringVar(&o.AdminKeyFile, "apisix-admin-key-file", "", "file with the admin key, read again for each request")
	flags.StringVar(&o.AdminCA, "apisix-admin-ca-file", "", "CA certificates (PEM) for https Admin APIs instead of the system's; a change needs a restart")
	flags.StringVar(&o.AdminCert, "apisix-admin-client-cert-file", "", "client certificate (PEM) for https Admin APIs, read again for each connection")
	flags.StringVar(&o.AdminCertKey, "apisix-admin-client-key-file", "", "key (PEM) of the client certificate")
	flags.StringSliceVar(&o.TLSAddrs, "apisix-tls-addr", nil, "HOST:PORT of the gateway's TLS port, to prove what is served; several are all asked")
	flags.StringVar(&o.TLSService, "apisix-tls-service", "", "Service of the gateway's TLS port instead of addresses, NAMESPACE/NAME:PORT; each ready pod is asked")
	flags.StringVar(&o.PushMode, "push-mode", "auto", "how certificates reach the gateway: auto, own, adopt or secret")
	flags.StringVar(&o.ClusterName, "cluster-name", "", "name of this cluster in ssl objects of its own (default: UID of kube-system)")
}

// variable is the environment variable of a flag.
func variable(flag string) string {
	return "APISIX_CERTS_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets the flags that were not given and whose variable is set. Of kubectl's flags only --kubeconfig has one.
func fromEnvironment(flags *pflag.FlagSet) error {
	var err error
	flags.VisitAll(func(flag *pflag.Flag) {
		value, ok := os.LookupEnv(variable(flag.Name))
		if isClusterFlag(flag) && flag.Name != "kubeconfig" {
			return
		}
		if !ok || flag.Changed || err != nil {
			return
		}
		if setErr := flags.Set(flag.Name, value); setErr != nil {
			err = fmt.Errorf("variable %s: %w", variable(flag.Name), setErr)
		}
	})
	return err
}

func setLogger(level, format string) error {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return fmt.Errorf("--log-level %q is none of debug, info, warn, error", level)
	}
	var handler slog.Handler
	switch options := (&slog.HandlerOptions{Level: l}); format {
	case "text":
		handler = slog.NewTextHandler(os.Stderr, options)
	case "json":
		handler = slog.NewJSONHandler(os.Stderr, options)
	default:
		return fmt.Errorf("--log-format %q is none of text, json", format)
	}
	logger := logr.FromSlogHandler(handler)
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	return nil
}

// kubeConfig is that of a file, else of KUBECONFIG or ~/.kube/config, else the Pod's own.
func kubeConfig(path string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = path
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, configError(err)
	}
	return config, nil
}

// addReaderFlags adds those that tell of whom readers over HTTP are asked.
func addReaderFlags(flags *pflag.FlagSet, o *controllers.Options) {
	flags.BoolVar(&o.MetricsSecure, "metrics-secure", false, "serve metrics by https, and only to who bears a Kubernetes token that may get /metrics")
	flags.StringVar(&o.PageAddr, "page-bind-address", "", "address of the status page, such as 127.0.0.1:8089 for kubectl port-forward; on one that others reach, readers need a Kubernetes token that may list the certificates (default: no page)")
}
