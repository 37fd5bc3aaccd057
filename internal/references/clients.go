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

// requiredClient returns the client verification that the uses require. It matters for the controller's own ssl object: a
// certificate has only one, so all its uses must require the same.
func requiredClient(ctx context.Context, live client.Reader, namespace string, uses []gateway.Reference) (asked *apisix.SSLClient, unfit, err error) {
	common, unfit := commonClient(uses)
	if common == nil {
		return nil, unfit, nil
	}
	key := client.ObjectKey{Namespace: common.CANamespace, Name: common.CAName}
	if key.Namespace != namespace {
		return nil, clientErrorf("spec.client.caSecret.namespace is %q: only Secrets in the namespace of the ApisixTls are read; set %q", key.Namespace, namespace), nil
	}
	secret := &corev1.Secret{}
	if err := live.Get(ctx, key, secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, clientErrorf("spec.client.caSecret: Secret %s does not exist; create it with the clients' CA under ca.crt or cert", key.Name), nil
		}
		return nil, nil, fmt.Errorf("CA of clients: %w", err)
	}
	asked, unfit = withCA(common, secret)
	return asked, unfit, nil
}

// commonClient returns the client verification that all uses share, nil for none.
func commonClient(uses []gateway.Reference) (*gateway.Client, error) {
	var first *gateway.Reference
	for i := range uses {
		use := &uses[i]
		switch {
		case use.Terminating:
		case use.RequiresClientCert && use.Client == nil:
			return nil, clientErrorf("%s %s requires client certificates (frontend validation), which the controller's own ssl object does not support; use an APISIX ingress controller 2.x for it",
				use.Kind, use.Name)
		case first == nil:
			first = use
		case !reflect.DeepEqual(first.Client, use.Client):
			return nil, clientErrorf("%s %s and %s %s use the same Secret with different client verification (spec.client); use a separate Secret for each",
				first.Kind, first.Name, use.Kind, use.Name)
		}
	}
	if first == nil {
		return nil, nil
	}
	return first.Client, nil
}

// withCA reads the CA under the keys that ingress controllers use.
func withCA(asked *gateway.Client, secret *corev1.Secret) (*apisix.SSLClient, error) {
	ca := secret.Data["cert"]
	if len(ca) == 0 {
		ca = secret.Data[corev1.ServiceAccountRootCAKey]
	}
	chain, err := certs.ParseCertificates(ca)
	if err != nil || len(chain) == 0 {
		return nil, clientErrorf("spec.client.caSecret: Secret %s has no certificate under ca.crt or cert; add the clients' CA", secret.Name)
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
