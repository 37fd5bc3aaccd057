// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers/issuer"
	"apisix-certs.io/apisix-certs/controllers/page"
	"apisix-certs.io/apisix-certs/controllers/rights"
	"apisix-certs.io/apisix-certs/controllers/source"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/registry"
	"apisix-certs.io/apisix-certs/internal/shard"
)

// Options configure the controllers. The comment of a field names its flag.
type Options struct {
	AdminURLs      []string // --apisix-admin-url; base URLs that share one etcd
	AdminService   string   // --apisix-admin-service NAMESPACE/NAME:PORT, alternative; if neither is set, only GatewayProxies are used
	AdminKey       string   // environment variable only, as flags show in process lists; for the demo and tests
	AdminKeyFile   string   // --apisix-admin-key-file
	AdminKeySecret string   // --apisix-admin-key-secret NAMESPACE/NAME[:KEY]
	AdminCA        string   // --apisix-admin-ca-file
	AdminCert      string   // --apisix-admin-client-cert-file
	AdminCertKey   string   // --apisix-admin-client-key-file
	TLSAddrs       []string // --apisix-tls-addr HOST:PORT
	TLSService     string   // --apisix-tls-service NAMESPACE/NAME:PORT, alternative; if neither is set, nothing is verified
	PushMode       string   // --push-mode
	ClusterName    string   // --cluster-name; empty: the UID of kube-system

	DefaultIssuer string // --default-issuer KIND/NAME; empty: none
	Manage        string // --manage annotated or all
	IngressClass  string // --ingress-class; empty: all

	NamespaceSelector string   // --namespace-selector; label selector for namespaces; empty: all
	WatchNamespaces   []string // --watch-namespaces; only objects of these are read; empty: all
	LeaseName         string   // --lease-name; of the leader election lease

	RequirePolicy bool // --require-policy; without any CertificatePolicy nothing is issued or pushed

	ClusterResourceNamespace string        // --cluster-resource-namespace; empty: Namespace
	CertManagerNamespace     string        // --cert-manager-cluster-resource-namespace; empty: ClusterResourceNamespace
	VaultServers             []string      // --vault-servers; empty: any
	VaultAudiences           []string      // --vault-audiences; empty: none
	Resync                   time.Duration // --resync-period; zero: 5 minutes
	CAExpiryWarning          time.Duration // --ca-expiry-warning; zero: none
	CARotationSpread         time.Duration // --ca-rotation-spread; zero: an hour
	NameReservation          time.Duration // --name-reservation; zero: 10 minutes
	Namespace                string        // --namespace; namespace of the controller and its lease
	LeaderElect              bool          // --leader-elect
	Workers                  int           // --workers
	MetricsAddr              string        // --metrics-bind-address
	MetricsSecure            bool          // --metrics-secure
	HealthAddr               string        // --health-probe-bind-address
	PprofAddr                string        // --pprof-bind-address; empty: none
	PageAddr                 string        // --page-bind-address; empty: no status page
	Version                  string        // of this build, for the user agent
}

// Validate returns all problems at once, or nil if there are none.
func (o *Options) Validate() error {
	problems := slices.Concat(o.validateGateway(), o.validateSources(), o.issuerBounds().Validate())
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	switch gateway.Mode(o.PushMode) {
	case gateway.ModeAuto, gateway.ModeOwn, gateway.ModeAdopt, gateway.ModeSecret:
	default:
		add("--push-mode %q must be one of auto, own, adopt, secret", o.PushMode)
	}
	if len(validation.IsDNS1123Subdomain(o.LeaseName)) > 0 {
		add("--lease-name %q is not a valid name of a Lease: use one such as apisix-certs", o.LeaseName)
	}
	if o.Resync < 0 || o.Resync > 0 && o.Resync < 10*time.Second {
		add("--resync-period %s must be at least 10s", o.Resync)
	}
	if o.Workers < 1 {
		add("--workers %d must be at least 1", o.Workers)
	}
	if o.NameReservation < 0 {
		add("--name-reservation %s must not be negative", o.NameReservation)
	}
	if o.CAExpiryWarning < 0 || o.CARotationSpread < 0 {
		add("--ca-expiry-warning and --ca-rotation-spread must not be negative")
	}
	if o.PageAddr != "" {
		if _, err := page.Loopback(o.PageAddr); err != nil {
			add("--page-bind-address %w", err)
		}
	}
	return errors.Join(problems...)
}

// AsksReaders reports whether readers of the status page and of the metrics are authenticated with a Kubernetes token. The
// controller then requires permission to create TokenReviews and SubjectAccessReviews.
func (o *Options) AsksReaders() (ofPage, ofMetrics bool) {
	local, err := page.Loopback(o.PageAddr)
	return err == nil && !local, o.MetricsSecure && o.MetricsAddr != "0"
}

// validateSources returns all problems of the flags that select the objects that get certificates.
func (o *Options) validateSources() []error {
	var problems []error
	add := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if o.Manage != "annotated" && o.Manage != "all" {
		add("--manage %q must be one of annotated, all", o.Manage)
	}
	if o.Manage == "all" && o.DefaultIssuer == "" {
		add("--manage all requires a default issuer: set --default-issuer KIND/NAME")
	}
	if _, err := parseIssuer(o.DefaultIssuer); err != nil {
		problems = append(problems, err)
	}
	if _, err := labels.Parse(o.NamespaceSelector); err != nil {
		add("--namespace-selector %q is not a label selector such as team=shop or 'shard in (a,b)': %w", o.NamespaceSelector, err)
	}
	return append(problems, o.ValidateWatched())
}

// ValidateWatched returns all problems of WatchNamespaces, or nil if there are none.
func (o *Options) ValidateWatched() error {
	var problems []error
	for _, namespace := range o.WatchNamespaces {
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			problems = append(problems, fmt.Errorf("--watch-namespaces: %q is not a valid name of a namespace: use a list such as shop,web", namespace))
		}
	}
	return errors.Join(problems...)
}

func parseIssuer(text string) (*v1alpha1.IssuerReference, error) {
	if text == "" {
		return nil, nil
	}
	ref := v1alpha1.ParseIssuer(text)
	known := []string{v1alpha1.KindVaultIssuer, v1alpha1.KindClusterVaultIssuer, v1alpha1.KindIssuer, v1alpha1.KindClusterIssuer}
	named := ref.External() && ref.Kind != "" && len(validation.IsDNS1123Subdomain(ref.Group)) == 0 || slices.Contains(known, ref.QualifiedKind())
	if len(validation.IsDNS1123Subdomain(ref.Name)) > 0 || !named || ref.String() != text {
		return nil, fmt.Errorf("--default-issuer %q is not of the form VaultIssuer/NAME or ClusterVaultIssuer/NAME (of cert-manager: Issuer/NAME, ClusterIssuer/NAME, or KIND.GROUP/NAME of an external issuer)", text)
	}
	if ref.Group == v1alpha1.GroupVersion.Group {
		ref.Group = ""
	}
	return &ref, nil
}

func (o *Options) sourceDefaults() source.Defaults {
	ref, _ := parseIssuer(o.DefaultIssuer) // validated
	return source.Defaults{Issuer: ref, ManageAll: o.Manage == "all", IngressClass: o.IngressClass}
}

// shard returns the part of the cluster that this controller manages, or nil for the whole cluster. served are the namespaces
// whose objects are read; nil means all.
func (o *Options) shard(namespaces client.Reader, served []string) *shard.Shard {
	selector, _ := labels.Parse(o.NamespaceSelector) // validated
	if selector.Empty() && served == nil {
		return nil
	}
	return &shard.Shard{Namespaces: namespaces, Selector: selector, Read: served}
}

// Reach returns the namespaces in which the controller works. The options must be valid and have WatchNamespaces.
func (o *Options) Reach() rights.Reach {
	reach := rights.Reach{Watched: slices.Compact(slices.Sorted(slices.Values(o.WatchNamespaces))), Credentials: []string{cmp.Or(o.ClusterResourceNamespace, o.Namespace)}}
	if namespace := o.CertManagerNamespace; namespace != "" && !slices.Contains(reach.Credentials, namespace) {
		reach.Credentials = append(reach.Credentials, namespace)
	}
	flags, _ := o.gatewayOfFlags() // validated
	if flags == nil {
		return reach
	}
	for _, service := range []*registry.ServicePort{flags.Service, flags.TLSService} {
		if service != nil && !slices.Contains(reach.Gateways, service.Namespace) {
			reach.Gateways = append(reach.Gateways, service.Namespace)
		}
	}
	if key := flags.KeySecret; key != nil {
		reach.AdminKey = types.NamespacedName{Namespace: key.Namespace, Name: key.Name}
	}
	return reach
}

func (o *Options) issuerBounds() *issuer.Bounds {
	return &issuer.Bounds{Servers: o.VaultServers, Audiences: o.VaultAudiences}
}

// Sessions returns the sessions of the issuers. They read credentials with live and use the real clock.
func (o *Options) Sessions(c client.Client, live client.Reader) *issuer.Sessions {
	return &issuer.Sessions{
		Client: c, Live: live, Clock: clock.RealClock{}, UserAgent: o.userAgent(), Bounds: o.issuerBounds(),
		ClusterResourceNamespace: o.ClusterResourceNamespace, CertManagerNamespace: o.CertManagerNamespace,
		MaxInFlight: max(o.Workers/4, 1), CAWarning: o.CAExpiryWarning,
	}
}

func (o *Options) userAgent() string { return "apisix-certs/" + o.Version }
