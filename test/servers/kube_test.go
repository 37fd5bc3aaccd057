// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"os"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/go-logr/logr"
)

func TestMain(m *testing.M) {
	ctrllog.SetLogger(logr.Discard())
	if os.Getenv(starterVariable) != "" {
		starter()
	}
	os.Exit(m.Run())
}

// startKube starts a Kube that ends with the test, and a client for it.
func startKube(t *testing.T, options KubeOptions) (*Kube, *kubernetes.Clientset) {
	t.Helper()
	Need(t)
	kube, err := StartKube(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kube.Stop(); err != nil {
			t.Error(err)
		}
	})
	return kube, kubernetes.NewForConfigOrDie(kube.Config)
}

// eventually fails the test where done does not hold within a minute.
func eventually(t *testing.T, what string, done func(context.Context) (bool, error)) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, done); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func makeNamespace(t *testing.T, client *kubernetes.Clientset, name string) {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func makeServiceAccount(t *testing.T, client *kubernetes.Clientset, namespace, name string) {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if _, err := client.CoreV1().ServiceAccounts(namespace).Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func makeSecret(t *testing.T, client *kubernetes.Clientset, namespace string, secret *corev1.Secret) *corev1.Secret {
	t.Helper()
	secret, err := client.CoreV1().Secrets(namespace).Create(t.Context(), secret, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestKubeWithControllerManager(t *testing.T) {
	kube, client := startKube(t, KubeOptions{ControllerManager: true})
	makeNamespace(t, client, "shop")
	makeServiceAccount(t, client, "shop", "reader")
	t.Run("fills token Secrets", func(t *testing.T) { tokenSecretIsFilled(t, client) })
	t.Run("collects garbage", func(t *testing.T) { ownedSecretIsCollected(t, client) })
	t.Run("ends namespaces", func(t *testing.T) { namespaceEnds(t, client) })
	t.Run("enforces RBAC", func(t *testing.T) { serviceAccountMayNotRead(t, kube) })
}

func tokenSecretIsFilled(t *testing.T, client *kubernetes.Clientset) {
	makeSecret(t, client, "shop", &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "reader-token", Annotations: map[string]string{corev1.ServiceAccountNameKey: "reader"}},
		Type:       corev1.SecretTypeServiceAccountToken,
	})
	eventually(t, "token in the Secret", func(ctx context.Context) (bool, error) {
		secret, err := client.CoreV1().Secrets("shop").Get(ctx, "reader-token", metav1.GetOptions{})
		return err == nil && len(secret.Data[corev1.ServiceAccountTokenKey]) > 0 && len(secret.Data[corev1.ServiceAccountRootCAKey]) > 0, err
	})
}

func ownedSecretIsCollected(t *testing.T, client *kubernetes.Clientset) {
	owner := makeSecret(t, client, "shop", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "owner"}})
	makeSecret(t, client, "shop", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Name:            "owned",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Secret", Name: owner.Name, UID: owner.UID}},
	}})
	if err := client.CoreV1().Secrets("shop").Delete(t.Context(), "owner", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "owned Secret gone", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Secrets("shop").Get(ctx, "owned", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func namespaceEnds(t *testing.T, client *kubernetes.Clientset) {
	makeNamespace(t, client, "brief")
	makeSecret(t, client, "brief", &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "content"}})
	if err := client.CoreV1().Namespaces().Delete(t.Context(), "brief", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "namespace gone", func(ctx context.Context) (bool, error) {
		_, err := client.CoreV1().Namespaces().Get(ctx, "brief", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func serviceAccountMayNotRead(t *testing.T, kube *Kube) {
	config, err := kube.ServiceAccountConfig(t.Context(), "shop", "reader")
	if err != nil {
		t.Fatal(err)
	}
	_, err = kubernetes.NewForConfigOrDie(config).CoreV1().Secrets("shop").List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("list Secrets without a role: %v, want forbidden", err)
	}
}

func TestKubeKeepsObjectsAndTokensInItsDir(t *testing.T) {
	Need(t)
	dir := t.TempDir()
	first, client := startKube(t, KubeOptions{Dir: dir})
	makeNamespace(t, client, "kept")
	makeServiceAccount(t, client, "kept", "reader")
	token, err := first.Token(t.Context(), "kept", "reader")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	second, _ := startKube(t, KubeOptions{Dir: dir})
	config, err := second.ServiceAccountConfig(t.Context(), "kept", "reader")
	if err != nil {
		t.Fatal(err)
	}
	config.BearerToken = token
	_, err = kubernetes.NewForConfigOrDie(config).CoreV1().Secrets("kept").List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("with a token of the first start: %v, want a known but forbidden user", err)
	}
}

func TestKubeOutage(t *testing.T) {
	kube, client := startKube(t, KubeOptions{})
	if err := kube.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ServerVersion(); err == nil {
		t.Error("the stopped API server answers")
	}
	if err := kube.StartAPIServer(); err != nil {
		t.Fatal(err)
	}
	version, err := client.ServerVersion()
	if err != nil || version.GitVersion != "v1.37.2" {
		t.Errorf("after the outage: version %v, error %v", version, err)
	}
}

func TestKubeconfigIsUsable(t *testing.T) {
	kube, _ := startKube(t, KubeOptions{})
	kubeconfig, err := kube.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kubernetes.NewForConfigOrDie(config).CoreV1().Secrets("").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
}

func TestKubeWithMissingCRDsLeavesNothing(t *testing.T) {
	Need(t)
	dir := t.TempDir()
	_, err := StartKube(t.Context(), KubeOptions{Dir: dir, CRDs: []string{"no/such/folder"}})
	if err == nil {
		t.Fatal("started without its CRDs")
	}
	if pids := running(t, dir); len(pids) > 0 {
		t.Errorf("processes %v still use the folder", pids)
	}
}
