// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"fmt"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenSeconds outlasts any test or demo; the API server allows it without a flag.
const tokenSeconds = 24 * 60 * 60

// ServiceAccountConfig returns a rest.Config that acts as the ServiceAccount, which must exist, with a token from
// TokenRequest. What it may do is up to the RBAC objects that the caller has made.
func (k *Kube) ServiceAccountConfig(ctx context.Context, namespace, name string) (*rest.Config, error) {
	token, err := k.Token(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	config := rest.AnonymousClientConfig(k.Config)
	config.BearerToken = token
	return config, nil
}

// Token returns a token of the ServiceAccount by TokenRequest, good for a day. Without audiences it is one for the API
// server.
func (k *Kube) Token(ctx context.Context, namespace, name string, audiences ...string) (string, error) {
	client, err := kubernetes.NewForConfig(k.Config)
	if err != nil {
		return "", err
	}
	seconds := int64(tokenSeconds)
	request := &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{Audiences: audiences, ExpirationSeconds: &seconds},
	}
	request, err = client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("token of ServiceAccount %s/%s: %w", namespace, name, err)
	}
	return request.Status.Token, nil
}

// Kubeconfig returns a kubeconfig file, in YAML, of the cluster administrator. It holds that user's private key.
func (k *Kube) Kubeconfig() ([]byte, error) { return k.KubeconfigFor(k.Config) }

// KubeconfigFor returns a kubeconfig file, in YAML, with the credentials of config: a client certificate or a token.
func (k *Kube) KubeconfigFor(config *rest.Config) ([]byte, error) {
	const name = "apisix-certs-test"
	return clientcmd.Write(clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{
			name: {Server: config.Host, CertificateAuthorityData: config.CAData},
		},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{
			name: {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken},
		},
		Contexts:       map[string]*clientcmdapi.Context{name: {Cluster: name, AuthInfo: name}},
		CurrentContext: name,
	})
}
