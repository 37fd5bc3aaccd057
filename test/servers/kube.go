// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// KubeOptions says what StartKube starts. The zero value is an API server without CRDs in a temporary folder.
type KubeOptions struct {
	// Dir is the folder of etcd's data, certificates and keys; it is made where missing, and a later start with the same
	// Dir finds the same objects, under a new address. Empty: a temporary folder that Stop removes.
	Dir string
	// CRDs are files and folders of CustomResourceDefinitions in YAML. A path that is missing fails the start.
	CRDs []string
	// ControllerManager runs kube-controller-manager too, which collects garbage by ownerReferences, fills Secrets of
	// type kubernetes.io/service-account-token, makes the ServiceAccount "default" and ends namespaces. Nothing does
	// so without it. It runs no other controller: no Deployment gets Pods.
	ControllerManager bool
	// Log receives what the servers log. Nil drops it.
	Log io.Writer
}

// Kube is a running Kubernetes API server with RBAC. Admission by the ServiceAccount plugin is off.
type Kube struct {
	// Config is that of a cluster administrator, without a limit on requests that a test would feel.
	Config *rest.Config

	dir, bin  string
	temporary bool
	plane     *envtest.ControlPlane
	manager   *process
}

// StartKube starts etcd and the API server, installs the CRDs and, where wanted, starts the controller manager. It
// returns a MissingError where the servers are not built, and an error with the end of the servers' logs where one of
// them does not come up; then nothing is left running.
func StartKube(ctx context.Context, options KubeOptions) (*Kube, error) {
	bin, err := Dir(ctx)
	if err != nil {
		return nil, err
	}
	k := &Kube{dir: options.Dir, bin: bin}
	if err := k.start(ctx, options); err != nil {
		return nil, errors.Join(err, k.Stop())
	}
	return k, nil
}

func (k *Kube) start(ctx context.Context, options KubeOptions) error {
	if err := k.prepareDir(); err != nil {
		return err
	}
	log := lock(options.Log)
	if err := k.startPlane(log); err != nil {
		return err
	}
	if err := k.waitForNamespace(ctx, metav1.NamespaceDefault); err != nil {
		return err
	}
	if len(options.CRDs) > 0 {
		_, err := envtest.InstallCRDs(k.Config, envtest.CRDInstallOptions{Paths: options.CRDs, ErrorIfPathMissing: true})
		if err != nil {
			return fmt.Errorf("install CRDs: %w", err)
		}
	}
	if options.ControllerManager {
		return k.startManager(ctx, log)
	}
	return nil
}

func (k *Kube) prepareDir() error {
	if k.dir == "" {
		dir, err := os.MkdirTemp("", "apisix-certs-kube-")
		if err != nil {
			return err
		}
		k.dir, k.temporary = dir, true
	}
	// envtest makes certificates only where there are none, and knows the CA only of those that it has made.
	if err := os.RemoveAll(k.certDir()); err != nil {
		return err
	}
	for _, dir := range []string{k.etcdDir(), k.certDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	return makeSigningKey(k.signingKey())
}

func (k *Kube) startPlane(log io.Writer) error {
	etcdLog, serverLog := &tail{next: log}, &tail{next: log}
	k.plane = &envtest.ControlPlane{
		Etcd: &envtest.Etcd{
			Path: guarded(k.bin, "etcd"), DataDir: k.etcdDir(), Out: etcdLog, Err: etcdLog,
			StartTimeout: startTimeout, StopTimeout: stopGrace,
		},
		APIServer: &envtest.APIServer{
			Path: guarded(k.bin, "kube-apiserver"), CertDir: k.certDir(), Out: serverLog, Err: serverLog,
			StartTimeout: startTimeout, StopTimeout: stopGrace,
		},
		KubectlPath: filepath.Join(k.bin, "kubectl"),
	}
	// Tokens must outlive the address, which is a new one at each start.
	k.plane.APIServer.Configure().
		Set("service-account-issuer", "https://kubernetes.default.svc.cluster.local").
		Set("service-account-signing-key-file", k.signingKey()).
		Set("service-account-key-file", k.signingKey())
	if err := k.plane.Start(); err != nil {
		return &StartError{Server: "Kubernetes", Err: err, Log: etcdLog.String() + serverLog.String()}
	}
	admin, err := k.plane.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, &rest.Config{QPS: 1000, Burst: 2000})
	if err != nil {
		return err
	}
	k.Config = admin.Config()
	return nil
}

func (k *Kube) waitForNamespace(ctx context.Context, name string) error {
	client, err := kubernetes.NewForConfig(k.Config)
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		return err == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for namespace %s: %w", name, err)
	}
	return nil
}

// KubeOf is an API server that runs already, of whose administrator config is, with its files read. Stop ends nothing of it.
func KubeOf(config *rest.Config) *Kube { return &Kube{Config: config} }

// StopAPIServer stops the API server alone, as an outage does: etcd keeps the objects and the controller manager waits.
func (k *Kube) StopAPIServer() error { return k.plane.APIServer.Stop() }

// StartAPIServer ends the outage: same address, same certificates, so that every rest.Config holds.
func (k *Kube) StartAPIServer() error { return k.plane.APIServer.Start() }

// Stop ends the servers and removes the folder where it is a temporary one. It may be called again.
func (k *Kube) Stop() error {
	k.manager.stop()
	var err error
	if k.plane != nil {
		err = k.plane.Stop()
	}
	if k.temporary {
		err = errors.Join(err, os.RemoveAll(k.dir))
	}
	return err
}

func (k *Kube) etcdDir() string    { return filepath.Join(k.dir, "etcd") }
func (k *Kube) certDir() string    { return filepath.Join(k.dir, "certs") }
func (k *Kube) signingKey() string { return filepath.Join(k.dir, "service-accounts.key") }
