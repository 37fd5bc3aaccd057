// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// keep prints how to use the demo, and waits until ctx is done.
func (s *show) keep(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "apisix-certs-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	config, err := s.cluster.Kube.Kubeconfig()
	if err != nil {
		return err
	}
	kubeconfig, ca := filepath.Join(folder, "kubeconfig"), filepath.Join(folder, "ca.crt")
	if err := os.WriteFile(kubeconfig, config, 0o600); err != nil {
		return err
	}
	if err := s.writeCA(ctx, ca); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.cluster.Gateway.TLSAddr)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, `
Everything keeps running until you press Ctrl-C. The tokens are only valid for this demo.

  export KUBECONFIG=%s
  kubectl get acert -A
  export VAULT_ADDR=%s VAULT_TOKEN=%s
  curl --cacert %s --resolve moelove.info:%s:%s https://moelove.info:%s/ip

The status page is http://%s/ (press ? for its keys). The controller's log is in %s, its metrics are at %s/metrics.
`, kubeconfig, s.cluster.Vault.Address, s.cluster.Vault.Token, ca, port, host, port, s.page, s.log, s.controller.MetricsURL)
	<-ctx.Done()
	return nil
}

// writeCA writes the CA certificate of Vault in PEM.
func (s *show) writeCA(ctx context.Context, file string) error {
	secret, err := s.cluster.Vault.Client().Logical().ReadWithContext(ctx, "pki/cert/ca")
	if err != nil {
		return err
	}
	pem, _ := secret.Data["certificate"].(string)
	return os.WriteFile(file, []byte(pem), 0o600)
}
