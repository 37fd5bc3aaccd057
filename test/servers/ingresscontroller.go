// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
)

// IngressControllerOptions says how StartIngressController configures the controller.
type IngressControllerOptions struct {
	// AdminURL is APISIX's Admin API, with its path: http://127.0.0.1:9180/apisix/admin.
	AdminURL string
	// AdminKey is the key of that API.
	AdminKey Key
	// Config is the user it acts as. Nil: the cluster administrator.
	Config *rest.Config
	// IngressClass is which classes it serves. Empty: its own default, which is "apisix" and objects without a class.
	IngressClass string
	// SyncInterval is how often it puts all objects into APISIX again, at least a minute. Zero: its default, an hour.
	SyncInterval time.Duration
	// Name tells one replica from another. Empty: one of several may have it.
	Name string
	// Log receives what it logs. Nil drops it.
	Log io.Writer
}

// IngressController is a running APISIX ingress controller 1.8, outside the cluster. It elects a leader by a Lease in
// the namespace default, so a second one only waits, and one that follows a killed one waits for 15 s.
type IngressController struct {
	// URL serves /healthz and /metrics.
	URL string

	dir     string
	process *process
}

// StartIngressController starts the controller beside kube, which must have the CRDs of IngressControllerCRDs, and waits
// until it answers /healthz. It then first becomes the leader and fills its caches.
func StartIngressController(ctx context.Context, kube *Kube, options IngressControllerOptions) (*IngressController, error) {
	dir, err := os.MkdirTemp("", "apisix-certs-ingress-controller-")
	if err != nil {
		return nil, err
	}
	c := &IngressController{dir: dir}
	if err := c.start(ctx, kube, options); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *IngressController) start(ctx context.Context, kube *Kube, options IngressControllerOptions) error {
	http, err := freeAddress()
	if err != nil {
		return err
	}
	https, err := freeAddress()
	if err != nil {
		return err
	}
	c.URL = "http://" + http
	if err := c.writeFiles(kube, options, http, https); err != nil {
		return err
	}
	cmd := exec.Command(guarded(kube.bin, "apisix-ingress-controller"), "ingress", "--config-path", c.file("config.json"))
	cmd.Env = append(os.Environ(), "POD_NAMESPACE=default", "POD_NAME="+options.Name)
	if c.process, err = start(cmd, "apisix-ingress-controller", nil, options.Log); err != nil {
		return err
	}
	return c.process.await(ctx, c.healthy)
}

// writeFiles writes a configuration file, because command lines are for all to read and this one would hold the key.
func (c *IngressController) writeFiles(kube *Kube, options IngressControllerOptions, http, https string) error {
	user := options.Config
	if user == nil {
		user = kube.Config
	}
	kubeconfig, err := kube.KubeconfigFor(user)
	if err != nil {
		return err
	}
	config, err := json.Marshal(options.file(c.file("kubeconfig"), http, https))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(c.file("kubeconfig"), kubeconfig, 0o600),
		os.WriteFile(c.file("config.json"), config, 0o600),
	)
}

// file is the controller's configuration file; what is not in it has the controller's defaults.
func (o IngressControllerOptions) file(kubeconfig, http, https string) map[string]any {
	kubernetes := map[string]any{"kubeconfig": kubeconfig}
	if o.IngressClass != "" {
		kubernetes["ingress_class"] = o.IngressClass
	}
	file := map[string]any{
		"log_level":    "info",
		"http_listen":  http,
		"https_listen": https,
		"kubernetes":   kubernetes,
		"apisix": map[string]any{
			"admin_api_version":         "v3",
			"default_cluster_base_url":  o.AdminURL,
			"default_cluster_admin_key": string(o.AdminKey),
		},
	}
	if o.SyncInterval != 0 {
		file["apisix_resource_sync_interval"] = o.SyncInterval.String()
	}
	return file
}

func (c *IngressController) healthy(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL+"/healthz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// Kill ends the controller at once, as a crash does: its Lease runs on for 15 s.
func (c *IngressController) Kill() { c.process.kill() }

// Stop ends the controller, which then gives its Lease up. It may be called again.
func (c *IngressController) Stop() error {
	c.process.stop()
	return os.RemoveAll(c.dir)
}

func (c *IngressController) file(name string) string { return filepath.Join(c.dir, name) }

// IngressControllerCRDs returns the folder of the controller's CRDs, in the module cache.
func IngressControllerCRDs(ctx context.Context) (string, error) {
	dir, err := moduleDir(ctx, "github.com/apache/apisix-ingress-controller")
	return filepath.Join(dir, "samples", "deploy", "crd", "v1"), err
}

// moduleDir returns the folder of a module in the version that apisix-certs is built with, fetching it where needed.
func moduleDir(ctx context.Context, module string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", module).Output()
	if err != nil {
		return "", fmt.Errorf("module %s: %w", module, err)
	}
	answer := struct{ Dir string }{}
	err = json.Unmarshal(out, &answer)
	return answer.Dir, err
}

// freeAddress returns an address of 127.0.0.1 with a port that was free a moment ago.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
