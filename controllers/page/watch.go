// SPDX-License-Identifier: Apache-2.0

package page

import (
	"context"
	"fmt"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// follow updates the feed from the cache.
func (f *Feed) follow(ctx context.Context, informers cache.Informers) error {
	for _, object := range []client.Object{&v1alpha1.ApisixCertificate{}, &v1alpha1.VaultIssuer{}, &v1alpha1.ClusterVaultIssuer{}} {
		informer, err := informers.GetInformer(ctx, object)
		if err != nil {
			return fmt.Errorf("informer: %w", err)
		}
		if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
			AddFunc:    f.add,
			UpdateFunc: func(_, object any) { f.add(object) },
			DeleteFunc: f.remove,
		}); err != nil {
			return fmt.Errorf("event handler: %w", err)
		}
	}
	return nil
}

func (f *Feed) add(object any) {
	switch o := object.(type) {
	case *v1alpha1.ApisixCertificate:
		f.PutCertificate(CertificateOf(o))
	case v1alpha1.Issuer:
		f.PutIssuer(IssuerOf(o))
	}
}

func (f *Feed) remove(object any) {
	if unseen, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = unseen.Obj
	}
	switch o := object.(type) {
	case *v1alpha1.ApisixCertificate:
		f.Remove(certificateKey(o.Namespace, o.Name))
	case v1alpha1.Issuer:
		f.Remove(IssuerOf(o).Key)
	}
}
