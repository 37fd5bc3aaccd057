// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/controllers"
)

// Tenant makes ServiceAccount NAME with the rules in one namespace, and returns a client with its own credentials and a
// kubeconfig file of the same, in YAML.
func (c *Cluster) Tenant(ctx context.Context, namespace, name string, rules ...rbacv1.PolicyRule) (client.Client, []byte, error) {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
	for _, object := range []client.Object{
		&corev1.ServiceAccount{ObjectMeta: meta},
		&rbacv1.Role{ObjectMeta: meta, Rules: rules},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
		},
	} {
		if err := c.Client.Create(ctx, object); err != nil {
			return nil, nil, err
		}
	}
	config, err := c.Kube.ServiceAccountConfig(ctx, namespace, name)
	if err != nil {
		return nil, nil, err
	}
	kubeconfig, err := c.Kube.KubeconfigFor(config)
	if err != nil {
		return nil, nil, err
	}
	as, err := client.New(config, client.Options{Scheme: controllers.Scheme(), Mapper: c.Client.RESTMapper()})
	return as, kubeconfig, err
}
