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
		Long: "Run the controller. Every flag can also be set by an environment variable: APISIX_CERTS_ and the name of the flag in\n" +
			"upper case, with _ instead of -. The admin key itself can be set in APISIX_CERTS_APISIX_ADMIN_KEY.",
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
				runtime.MemProfileRate = 0 // the samples need megabytes, and are not available without pprof
			}
			return controllers.Run(c.Context(), config, options)
		},
	}
	flags := c.Flags()
	addControllerFlags(flags, &options)
	flags.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig file (default: KUBECONFIG, ~/.kube/config, or the Pod's ServiceAccount)")
	flags.StringVar(&logLevel, "log-level", "info", "log level: debug, info, warn or error")
	flags.StringVar(&logFormat, "log-format", "text", "log format: text or json")
	return c
}

func addControllerFlags(flags *pflag.FlagSet, o *controllers.Options) {
	addGatewayFlags(flags, o)
	addReaderFlags(flags, o)
	flags.StringVar(&o.DefaultIssuer, "default-issuer", "", "issuer for objects without an issuer annotation: VaultIssuer/NAME, ClusterVaultIssuer/NAME, or of cert-manager Issuer/NAME, ClusterIssuer/NAME or KIND.GROUP/NAME for an external issuer. It applies to objects annotated apisix-certs.io/manage or kubernetes.io/tls-acme, and with --manage all to all objects")
	flags.StringVar(&o.Manage, "manage", "annotated", "objects that get a certificate: annotated or all")
	flags.StringVar(&o.IngressClass, "ingress-class", "", "only process objects of this ingress class, or without a class (default: all)")
	flags.StringVar(&o.NamespaceSelector, "namespace-selector", "", "only process objects in namespaces with matching labels, so that several controllers, each with its own Lease, can share a cluster (default: all namespaces)")
	addWatchNamespaces(flags, &o.WatchNamespaces, "only read and write in these namespaces, such as shop,web, with a Role in each (default: all namespaces, with a ClusterRole)")
	flags.StringVar(&o.LeaseName, "lease-name", "apisix-certs", "name of the Lease that the replicas share")
	flags.BoolVar(&o.RequirePolicy, "require-policy", false, "issue and push nothing if there is no CertificatePolicy, instead of everything; for clusters shared by several teams")
	flags.StringVar(&o.ClusterResourceNamespace, "cluster-resource-namespace", "", "namespace with the credentials of ClusterVaultIssuers (default: --namespace)")
	flags.StringVar(&o.CertManagerNamespace, "cert-manager-cluster-resource-namespace", "", "namespace with the credentials of cert-manager's ClusterIssuers, usually cert-manager (default: --cluster-resource-namespace)")
	flags.StringSliceVar(&o.VaultServers, "vault-servers", nil, "Vault servers that VaultIssuers and cert-manager Issuers are allowed to use, such as https://vault.example.com:8200,https://*.vault.svc:8200; * matches anything except / (default: any)")
	flags.StringSliceVar(&o.VaultAudiences, "vault-audiences", nil, "audiences that VaultIssuers and cert-manager Issuers are allowed to set in serviceAccountRef.audiences, with * as in --vault-servers (default: only vault://NAMESPACE/ISSUER of the issuer itself)")
	flags.DurationVar(&o.CAExpiryWarning, "ca-expiry-warning", 30*24*time.Hour, "how long before its CA expires an issuer warns; 0 disables the warning")
	flags.DurationVar(&o.CARotationSpread, "ca-rotation-spread", time.Hour, "period over which certificates are reissued after a CA rotation, at most a tenth of their remaining lifetime")
	flags.DurationVar(&o.NameReservation, "name-reservation", authority.DefaultReservation, "how long a DNS name that is no longer used stays reserved for its namespace")
	flags.StringVar(&o.Namespace, "namespace", "apisix-certs", "namespace of the controller, with its Lease")
	flags.BoolVar(&o.LeaderElect, "leader-elect", true, "use leader election, which is required for several replicas")
	flags.DurationVar(&o.Resync, "resync-period", gateway.DefaultResync, "how often all ssl objects of the gateways are compared with the certificates, and all hosts are verified")
	flags.IntVar(&o.Workers, "workers", 16, "number of certificates that are processed concurrently")
	flags.StringVar(&o.MetricsAddr, "metrics-bind-address", ":8080", "address of the metrics endpoint; 0 disables it")
	flags.StringVar(&o.HealthAddr, "health-probe-bind-address", ":8081", "address of /healthz and /readyz; 0 disables them")
	flags.StringVar(&o.PprofAddr, "pprof-bind-address", "", "address of Go's profiles under /debug/pprof, such as 127.0.0.1:6060 (default: disabled)")
}

// addGatewayFlags adds the flags of the gateway.
func addGatewayFlags(flags *pflag.FlagSet, o *controllers.Options) {
	flags.StringSliceVar(&o.AdminURLs, "apisix-admin-url", nil, "base URL of an Admin API, such as http://apisix-admin.apisix:9180; several must share one etcd")
	flags.StringVar(&o.AdminService, "apisix-admin-service", "", "Service of the Admin API instead of URLs, NAMESPACE/NAME:PORT; the controller uses its ready Pods")
	flags.StringVar(&o.AdminKeySecret, "apisix-admin-key-secret", "", "Secret with the admin key, NAMESPACE/NAME or NAMESPACE/NAME:KEY (default KEY: admin); changes are picked up")
	flags.StringVar(&o.AdminKeyFile, "apisix-admin-key-file", "", "file with the admin key; read for each request")
	flags.StringVar(&o.AdminCA, "apisix-admin-ca-file", "", "CA certificates (PEM) for https Admin APIs (default: those of the system); a change requires a restart")
	flags.StringVar(&o.AdminCert, "apisix-admin-client-cert-file", "", "client certificate (PEM) for https Admin APIs; read for each connection")
	flags.StringVar(&o.AdminCertKey, "apisix-admin-client-key-file", "", "private key (PEM) of the client certificate")
	flags.StringSliceVar(&o.TLSAddrs, "apisix-tls-addr", nil, "HOST:PORT of the gateway's TLS port, to verify what is served; if there are several, all are verified")
	flags.StringVar(&o.TLSService, "apisix-tls-service", "", "Service of the gateway's TLS port instead of addresses, NAMESPACE/NAME:PORT; every ready Pod is verified")
	flags.StringVar(&o.PushMode, "push-mode", "auto", "how certificates are pushed to the gateway: auto, own, adopt or secret")
	flags.StringVar(&o.ClusterName, "cluster-name", "", "name of this cluster in the ssl objects that the controller creates (default: UID of kube-system)")
}

// variable returns the name of the environment variable of a flag.
func variable(flag string) string {
	return "APISIX_CERTS_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets the flags that are not on the command line from their environment variables. Of kubectl's flags, only
// --kubeconfig has a variable.
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
		return fmt.Errorf("--log-level %q must be one of debug, info, warn, error", level)
	}
	var handler slog.Handler
	switch options := (&slog.HandlerOptions{Level: l}); format {
	case "text":
		handler = slog.NewTextHandler(os.Stderr, options)
	case "json":
		handler = slog.NewJSONHandler(os.Stderr, options)
	default:
		return fmt.Errorf("--log-format %q must be one of text, json", format)
	}
	logger := logr.FromSlogHandler(handler)
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	return nil
}

// kubeConfig returns the configuration of the file at path, of KUBECONFIG or ~/.kube/config, or of the Pod.
func kubeConfig(path string) (*rest.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = path
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		return nil, configError(err)
	}
	return config, nil
}

// addReaderFlags adds the flags of the page and the metrics, which decide whether readers are authenticated.
func addReaderFlags(flags *pflag.FlagSet, o *controllers.Options) {
	flags.BoolVar(&o.MetricsSecure, "metrics-secure", false, "serve metrics over HTTPS, and only to clients with a Kubernetes token that is allowed to get /metrics")
	flags.StringVar(&o.PageAddr, "page-bind-address", "", "address of the status page, such as 127.0.0.1:8089 for kubectl port-forward; on any other than a loopback address, readers need a Kubernetes token that is allowed to list the certificates (default: disabled)")
}
