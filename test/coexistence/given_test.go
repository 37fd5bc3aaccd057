// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/internal/gatewayapi"
)

// variables is how those begin that are given instead of flags.
const variables = "APISIX_CERTS_TEST_"

// outside are servers that run outside of the tests.
type outside struct {
	adminURL, adminKeyFile, tlsAddr, kubeconfig string
}

var (
	given outside
	// class is the IngressClass and GatewayClass of all sources.
	class string
)

func init() {
	for _, f := range []struct {
		value                        *string
		name, variable, unset, usage string
	}{
		{&given.adminURL, "admin-url", "ADMIN_URL", "", "Admin API of a real gateway (default: the stand-in)"},
		{&given.adminKeyFile, "admin-key-file", "ADMIN_KEY_FILE", "", "file with its admin key, where " + variables + "ADMIN_KEY does not have it"},
		{&given.tlsAddr, "tls-addr", "TLS_ADDR", "", "HOST:PORT of its TLS port"},
		{&given.kubeconfig, "cluster-kubeconfig", "KUBECONFIG", "", "of a cluster for tests in which the real ingress controller 2.x runs for that gateway (default: a local API server, and the double of 2.x)"},
		{&class, "ingress-class", "INGRESS_CLASS", "apisix", "IngressClass and GatewayClass of that controller"},
	} {
		flag.StringVar(f.value, f.name, cmp.Or(os.Getenv(variables+f.variable), f.unset), f.usage+", or "+variables+f.variable)
	}
}

// key is the admin key of the real gateway. It is no flag, which a list of processes would show.
func (g outside) key(t *testing.T) string {
	t.Helper()
	if key := os.Getenv(variables + "ADMIN_KEY"); key != "" {
		return key
	}
	key, err := os.ReadFile(g.adminKeyFile)
	if err != nil {
		t.Fatalf("a real gateway needs its admin key, in %sADMIN_KEY or a file (-admin-key-file): %v", variables, err)
	}
	return strings.TrimSpace(string(key))
}

// kube is the way into the cluster that is given, nil where there is none.
func (g outside) kube() (*rest.Config, error) {
	if g.kubeconfig == "" {
		return nil, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", g.kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 1000, 2000
	return config, rest.LoadTLSFiles(config)
}

func of2x(mode string) bool { return mode == modeAdopt2 || mode == modeSecret }

// needDouble skips a test that stops, starts or asks the double of 2.x.
func (g outside) needDouble(t *testing.T, mode string) {
	t.Helper()
	if g.adminURL != "" && of2x(mode) {
		t.Skip("it needs the double of 2.x, which it stops, starts or asks: run it without -admin-url")
	}
}

// need skips a test whose mode cannot be played at the servers that are given.
func (g outside) need(t *testing.T, mode string) {
	t.Helper()
	switch {
	case g.adminURL == "" && g.kubeconfig != "":
		t.Fatal("-cluster-kubeconfig without -admin-url: which gateway does the ingress controller there serve?")
	case g.adminURL == "":
		return
	case of2x(mode) && g.kubeconfig == "":
		t.Skip("it needs the double of 2.x, which plays at the stand-in alone: give -cluster-kubeconfig of a cluster in which the real 2.x runs for this gateway")
	case !of2x(mode) && g.kubeconfig != "":
		t.Skip("the real 2.x of -cluster-kubeconfig deletes the ssl objects of this mode, which it does not know: run it without -cluster-kubeconfig")
	}
	admin, err := apisix.New(apisix.Options{Endpoints: []string{g.adminURL}, AdminKey: apisix.StaticKey(g.key(t))})
	if err != nil {
		t.Fatal(err)
	}
	found, err := admin.Probe(t.Context())
	switch {
	case err != nil:
		t.Fatalf("%v %s", err, apisix.UpgradeHint(err))
	case found == apisix.ModeStandalone && mode != modeSecret:
		t.Skip("the gateway is in API-driven standalone mode and has no ssl objects")
	case found != apisix.ModeStandalone && mode == modeSecret:
		t.Skip("the gateway is not in API-driven standalone mode")
	}
}

// knows reports whether the cluster has a kind of source. Those that the tests start have all.
func (w *world) knows(kind string) bool {
	if given.kubeconfig == "" {
		return true
	}
	versions := map[string]schema.GroupVersion{
		"Ingress": networkingv1.SchemeGroupVersion, "Gateway": gatewayapi.GatewayKind.GroupVersion(), "ListenerSet": gatewayapi.ListenerSetKind.GroupVersion(),
	}
	version, ok := versions[kind]
	if !ok {
		version = schema.GroupVersion(configv2.GroupVersion)
	}
	_, err := w.Client.RESTMapper().RESTMapping(version.WithKind(kind).GroupKind(), version.Version)
	return err == nil
}

// configured are the ssl objects of a real gateway in standalone mode (GET /apisix/admin/configs).
func (w *world) configured() []apisix.SSL {
	ssls, err := readConfigs(context.Background(), w.real.AdminURL, w.real.AdminKey)
	if err != nil {
		w.t.Error(err)
	}
	return ssls
}

func readConfigs(ctx context.Context, url, key string) ([]apisix.SSL, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/apisix/admin/configs", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-API-KEY", key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET configs: %s", answer.Status)
	}
	var configs struct {
		SSLs []apisix.SSL `json:"ssls"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&configs); err != nil {
		return nil, errors.New("GET configs: the answer is no configuration")
	}
	return configs.SSLs, nil
}
