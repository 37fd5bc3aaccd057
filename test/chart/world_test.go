// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	vaultapi "github.com/hashicorp/vault/api"
	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

// patience bounds what a run does; seconds are enough on an idle machine.
const patience = time.Minute

// world is a cluster with the chart's rights instead of those of manifests/rbac, and all kinds that the controller knows.
type world struct {
	*testing.T
	*cluster.Cluster
	binary string
	token  string // of Vault
	roles  roles
	runs   int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := startWorld(t, nil)
	rendered := render(t, Release{Values: values(t, good)})
	w.takeRights(rendered)
	w.roles = renderedRoles(t, rendered)
	return w
}

// startWorld starts a cluster in which the controller has no rights yet. gateway nil: with a stand-in.
func startWorld(t *testing.T, gateway *cluster.Gateway) *world {
	t.Helper()
	servers.Need(t)
	ctx := context.Background()
	started, err := cluster.Start(ctx, cluster.Options{Gateway: gateway})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(started.Stop)
	w := &world{T: t, Cluster: started, binary: build(t)}
	w.dropRights()
	w.installKinds()
	w.must(w.Vault.Client().Sys().PutPolicyWithContext(ctx, "chart", `path "pki*" { capabilities = ["read", "list", "create", "update"] }`))
	secret, err := w.Vault.Client().Auth().Token().CreateWithContext(ctx, &vaultapi.TokenCreateRequest{Policies: []string{"chart"}})
	w.must(err)
	w.token = secret.Auth.ClientToken
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// build builds the controller as the product is built: in its own module.
func build(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "apisix-certs")
	command := exec.Command("go", "build", "-o", file, "./cmd/apisix-certs")
	command.Dir = root(t)
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	return file
}

// dropRights drops those of manifests/rbac.
func (w *world) dropRights() {
	w.Helper()
	named, inOurs := metav1.ObjectMeta{Name: Name}, metav1.ObjectMeta{Namespace: Name, Name: Name}
	for _, object := range []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: named}, &rbacv1.ClusterRoleBinding{ObjectMeta: named},
		&rbacv1.Role{ObjectMeta: inOurs}, &rbacv1.RoleBinding{ObjectMeta: inOurs},
	} {
		w.must(w.Client.Delete(w.Context(), object))
	}
}

// takeRights makes the roles of the chart, but those in the namespaces that are left out.
func (w *world) takeRights(rendered *Rendered, except ...string) {
	w.Helper()
	for _, object := range rendered.Objects {
		group := object.GroupVersionKind().Group
		if (group == rbacv1.GroupName || object.GetKind() == "ServiceAccount") && !slices.Contains(except, object.GetNamespace()) {
			w.must(w.Client.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(object.DeepCopy()), client.FieldOwner("helm"), client.ForceOwnership))
		}
	}
}

// installKinds installs the CRDs of GatewayProxy, as much of it as is read, of cert-manager, and of the Gateway API.
func (w *world) installKinds() {
	w.Helper()
	w.must(w.Apply(w.Context(), "GatewayProxy", []byte(cluster.GatewayProxyCRD)))
	for _, kind := range []string{"issuers", "clusterissuers", "certificaterequests"} {
		data, err := os.ReadFile(filepath.Join(moduleDir(w.T, certManager), "deploy", "crds", "cert-manager.io_"+kind+".yaml"))
		w.must(err)
		w.must(w.Apply(w.Context(), kind, data))
	}
	for _, kind := range []string{"referencegrants", "gatewayclasses", "gateways", "listenersets"} {
		data, err := os.ReadFile(filepath.Join(moduleDir(w.T, gatewayAPI), "config", "crd", "standard", "gateway.networking.k8s.io_"+kind+".yaml"))
		w.must(err)
		w.must(w.Apply(w.Context(), gatewayAPI, data))
	}
	for _, kind := range []schema.GroupVersionKind{
		{Group: "gateway.networking.k8s.io", Version: "v1beta1", Kind: "ReferenceGrantList"},
		{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GatewayClassList"},
		{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "GatewayList"},
		{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "ListenerSetList"},
		{Group: "cert-manager.io", Version: "v1", Kind: "IssuerList"},
		{Group: "cert-manager.io", Version: "v1", Kind: "ClusterIssuerList"},
		{Group: "cert-manager.io", Version: "v1", Kind: "CertificateRequestList"},
		{Group: "apisix.apache.org", Version: "v1alpha1", Kind: "GatewayProxyList"},
	} {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		w.must(wait.PollUntilContextTimeout(w.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
			return w.Client.List(ctx, list) == nil, nil // not served yet
		}))
	}
}

// run is one life of the controller, in which a scene is played.
type run struct {
	log     journal
	metrics string // what it served at the end
	err     error  // of the scene or the start
}

// play starts a controller and plays the scene, until that is over or the log says until, which may be empty.
func (w *world) play(until string) *run {
	w.Helper()
	w.runs++
	w.must(client.IgnoreNotFound(w.Client.Delete(w.Context(), &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: Name, Name: Name}})))
	ctx, stop := context.WithTimeout(w.Context(), patience)
	defer stop()
	r := &run{}
	if until != "" {
		r.log.until, r.log.found = until, stop
	}
	scene := newScene(w, ctx)
	defer scene.end()
	var background sync.WaitGroup
	var sceneErr error
	background.Go(func() { sceneErr = scene.play() })
	controller, err := w.StartController(ctx, w.binary, &r.log)
	background.Wait()
	if err == nil {
		r.metrics, err = fetch(controller.MetricsURL + "/metrics")
		controller.Kill()
	}
	r.err = errors.Join(err, sceneErr)
	return r
}

func fetch(url string) (string, error) {
	answer, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(answer.Body)
	return b.String(), err
}

// journal keeps a log and tells when it says something.
type journal struct {
	until string
	found func()

	mu   sync.Mutex
	text strings.Builder
	said bool
}

func (j *journal) Write(data []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text.WriteString(strings.ReplaceAll(string(data), `\`, "")) // quotes within quotes
	if j.until != "" && !j.said && strings.Contains(j.text.String(), j.until) {
		j.said = true
		j.found()
	}
	return len(data), nil
}

// saidUntil tells whether the log said what was waited for.
func (j *journal) saidUntil() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.said
}

// lines are those that contain a text.
func (j *journal) lines(contain string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var found []string
	for line := range strings.Lines(j.text.String()) {
		if strings.Contains(line, contain) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

func (w *world) host(name string) string { return fmt.Sprintf("%s-%d.moelove.info", name, w.runs) }
