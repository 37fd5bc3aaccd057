// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"k8s.io/client-go/kubernetes"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// startManager starts kube-controller-manager and waits until it has made the ServiceAccount that it makes in every
// namespace: it serves no health endpoint, and without leader election nothing else tells that it works.
func (k *Kube) startManager(ctx context.Context, log io.Writer) error {
	kubeconfig, err := k.Kubeconfig()
	if err != nil {
		return err
	}
	files := map[string][]byte{"controller-manager.kubeconfig": kubeconfig, "ca.crt": k.Config.CAData}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(k.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	client, err := kubernetes.NewForConfig(k.Config)
	if err != nil {
		return err
	}
	k.manager, err = start(k.managerCommand(), "kube-controller-manager", nil, log)
	if err != nil {
		return err
	}
	return k.manager.await(ctx, func(ctx context.Context) bool {
		_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err == nil
	})
}

func (k *Kube) managerCommand() *exec.Cmd {
	return exec.Command(guarded(k.bin, "kube-controller-manager"),
		"--kubeconfig="+filepath.Join(k.dir, "controller-manager.kubeconfig"),
		"--controllers=garbage-collector-controller,serviceaccount-controller,serviceaccount-token-controller,namespace-controller",
		"--service-account-private-key-file="+k.signingKey(),
		"--root-ca-file="+filepath.Join(k.dir, "ca.crt"),
		"--kube-api-qps=1000", "--kube-api-burst=2000",
		"--leader-elect=false",
		"--secure-port=0",
	)
}

// makeSigningKey makes the RSA key, in PEM, with which tokens of ServiceAccounts are signed, unless it is there. The API
// server signs and checks with it (TokenRequest, TokenReview), the controller manager signs (token Secrets).
func makeSigningKey(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}
