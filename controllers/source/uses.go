// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"sync/atomic"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/controllers/gateway"
)

// indexUse indexes ApisixTlses and Ingresses by the Secrets that they serve, as NAMESPACE/NAME.
const indexUse = "servedSecret"

// Uses finds the objects by which an ingress controller serves a Secret, opted in or not.
type Uses struct {
	Client client.Reader
	// TLS tells whether the cluster has ApisixTlses.
	TLS atomic.Bool
}

// Of lists the uses of one Secret.
func (u *Uses) Of(ctx context.Context, namespace, secretName string) ([]gateway.Use, error) {
	key := client.MatchingFields{indexUse: namespace + "/" + secretName}
	var uses []gateway.Use
	if u.TLS.Load() {
		var list configv2.ApisixTlsList
		if err := u.Client.List(ctx, &list, key, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
			return nil, err
		}
		for i := range list.Items {
			tls := &list.Items[i]
			uses = append(uses, gateway.Use{Kind: kindTLS, Namespace: tls.Namespace, Name: tls.Name, Hosts: normalize(tlsHosts(tls))})
		}
	}
	var list networkingv1.IngressList
	if err := u.Client.List(ctx, &list, key, client.UnsafeDisableDeepCopy, client.DisableReadYourWritesConsistency); err != nil {
		return nil, err
	}
	for i := range list.Items {
		ingress := &list.Items[i]
		for _, entry := range ingress.Spec.TLS {
			if entry.SecretName == secretName {
				uses = append(uses, gateway.Use{Kind: kindIngress, Namespace: ingress.Namespace, Name: ingress.Name, Hosts: normalize(entryHosts(ingress, entry))})
			}
		}
	}
	return uses, nil
}

func tlsSecrets(object client.Object) []string {
	tls, ok := object.(*configv2.ApisixTls)
	if !ok || tls.Spec == nil {
		return nil
	}
	return []string{tls.Spec.Secret.Namespace + "/" + tls.Spec.Secret.Name}
}

func ingressSecrets(object client.Object) []string {
	ingress, ok := object.(*networkingv1.Ingress)
	if !ok {
		return nil
	}
	var keys []string
	for _, entry := range ingress.Spec.TLS {
		if entry.SecretName != "" {
			keys = append(keys, ingress.Namespace+"/"+entry.SecretName)
		}
	}
	return keys
}
