// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/controllers/gateway"
)

// newGateways makes the gateway of the flags; none where no address is given.
func newGateways(ctx context.Context, mgr ctrl.Manager, options Options) ([]*gateway.Gateway, error) {
	if len(options.AdminURLs) == 0 {
		return nil, nil
	}
	key, err := options.adminKey(mgr)
	if err != nil {
		return nil, err
	}
	admin, err := apisix.New(apisix.Options{Endpoints: options.AdminURLs, AdminKey: key, UserAgent: options.userAgent()})
	if err != nil {
		return nil, fmt.Errorf("--apisix-admin-url: %w", err)
	}
	cluster, err := clusterName(ctx, mgr.GetAPIReader(), options.ClusterName)
	if err != nil {
		return nil, err
	}
	return []*gateway.Gateway{{
		Name: "default", Admin: admin, TLSAddrs: options.TLSAddrs, Mode: gateway.Mode(options.PushMode), Cluster: cluster,
		Clock: clock.RealClock{}, Controlled: controlled(mgr.GetAPIReader()),
	}}, nil
}

// clusterName tells this cluster from others that share a gateway: the name given, else the UID of kube-system, which
// stays for the life of a cluster.
func clusterName(ctx context.Context, reader client.Reader, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	system := &corev1.Namespace{}
	if err := reader.Get(ctx, client.ObjectKey{Name: "kube-system"}, system); err != nil {
		return "", fmt.Errorf("identify the cluster (set --cluster-name to do without): %w", err)
	}
	return string(system.UID), nil
}

// controlled tells whether the cluster has an ingress class of an APISIX ingress controller.
func controlled(reader client.Reader) func(context.Context) (bool, error) {
	return func(ctx context.Context) (bool, error) {
		var classes networkingv1.IngressClassList
		if err := reader.List(ctx, &classes); err != nil {
			return false, fmt.Errorf("look for an ingress controller of APISIX: %w", err)
		}
		for _, class := range classes.Items {
			if strings.HasPrefix(class.Spec.Controller, "apisix.apache.org/") {
				return true, nil
			}
		}
		return false, nil
	}
}
