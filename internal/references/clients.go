// SPDX-License-Identifier: Apache-2.0

package references

import (
	"context"
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/internal/gateway"
)

// clientOf finds what the uses ask of clients. It matters for own ssl objects, of which a certificate has one, so all its
// uses must ask the same.
func clientOf(ctx context.Context, live client.Reader, namespace string, uses []gateway.Reference) (asked *apisix.SSLClient, unfit, err error) {
	common, unfit := commonClient(uses)
	if common == nil {
		return nil, unfit, nil
	}
	key := client.ObjectKey{Namespace: common.CANamespace, Name: common.CAName}
	if key.Namespace != namespace {
		return nil, clientErrorf("spec.client.caSecret.namespace is %q: only a Secret of the ApisixTls's own namespace is read, write %q", key.Namespace, namespace), nil
	}
	secret := &corev1.Secret{}
	if err := live.Get(ctx, key, secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, clientErrorf("spec.client.caSecret: Secret %s does not exist: create it with the clients' CA under ca.crt or cert", key.Name), nil
		}
		return nil, nil, fmt.Errorf("CA of clients: %w", err)
	}
	asked, unfit = withCA(common, secret)
	return asked, unfit, nil
}

// commonClient is what all uses ask of clients, nil for nothing.
func commonClient(uses []gateway.Reference) (*gateway.Client, error) {
	var first *gateway.Reference
	for i := range uses {
		use := &uses[i]
		switch {
		case use.Terminating:
		case use.RequiresClientCert && use.Client == nil:
			return nil, clientErrorf("%s %s asks clients for a certificate (frontend validation), which an ssl object of our own would not: leave it to an ingress controller of APISIX 2.x",
				use.Kind, use.Name)
		case first == nil:
			first = use
		case !reflect.DeepEqual(first.Client, use.Client):
			return nil, clientErrorf("%s %s and %s %s use one Secret and ask different things of clients (spec.client): give each a Secret of its own",
				first.Kind, first.Name, use.Kind, use.Name)
		}
	}
	if first == nil {
		return nil, nil
	}
	return first.Client, nil
}

// withCA reads the CA under the names that ingress controllers know.
func withCA(asked *gateway.Client, secret *corev1.Secret) (*apisix.SSLClient, error) {
	ca := secret.Data["cert"]
	if len(ca) == 0 {
		ca = secret.Data[corev1.ServiceAccountRootCAKey]
	}
	chain, err := certs.ParseCertificates(ca)
	if err != nil || len(chain) == 0 {
		return nil, clientErrorf("spec.client.caSecret: Secret %s holds no certificate under ca.crt or cert: put the clients' CA there", secret.Name)
	}
	c := &apisix.SSLClient{CA: string(certs.EncodeCertificates(chain...)), SkipMTLSURIRegex: asked.SkipMTLSURIRegex}
	if asked.Depth != 0 {
		c.Depth = ptr.To(asked.Depth)
	}
	return c, nil
}

func clientErrorf(format string, args ...any) error {
	return &gateway.ClientError{Problem: fmt.Sprintf(format, args...)}
}
