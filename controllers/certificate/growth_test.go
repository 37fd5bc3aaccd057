// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// effort is what was asked of the cache.
type effort struct{ lists, objects int }

// many is a reconciler beside n certificates of one domain, and what it asks.
func many(t *testing.T, n int) (*Reconciler, *v1alpha1.ApisixCertificateList, *effort) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	all, asked := &v1alpha1.ApisixCertificateList{}, &effort{}
	for i := range n {
		c := born(fmt.Sprintf("c%04d", i), i)
		c.UID = types.UID("uid-" + c.Name)
		c.Spec = v1alpha1.ApisixCertificateSpec{SecretName: c.Name, DNSNames: []string{c.Name + ".example.com"}, IssuerRef: v1alpha1.IssuerReference{Name: "vault"}}
		all.Items = append(all.Items, *c)
	}
	r := &Reconciler{Client: fake.NewClientBuilder().WithScheme(scheme).WithLists(all).
		WithIndex(&v1alpha1.ApisixCertificate{}, indexHost, hostKeys).WithIndex(&v1alpha1.ApisixCertificate{}, indexParent, parentKeys).
		WithIndex(&v1alpha1.ApisixCertificate{}, indexSecret, secretKeys).
		WithInterceptorFuncs(interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			err := c.List(ctx, list, options...)
			asked.lists++
			if certificates, ok := list.(*v1alpha1.ApisixCertificateList); ok {
				asked.objects += len(certificates.Items)
			}
			return err
		}}).Build()}
	return r, all, asked
}

// What one certificate's run and its events ask of the cache does not depend on how many others there are.
func TestEffortDoesNotGrow(t *testing.T) {
	for name, work := range map[string]func(*testing.T, *Reconciler, *v1alpha1.ApisixCertificate){
		"who owns hosts and Secret": func(t *testing.T, r *Reconciler, cert *v1alpha1.ApisixCertificate) {
			o := &observed{cert: cert, spec: specOf(cert)}
			if err := r.observeOwners(t.Context(), o); err != nil || len(o.hosts) != 1 || o.conflict != "" {
				t.Fatalf("hosts %v, conflict %q, %v", o.hosts, o.conflict, err)
			}
		},
		"events of a certificate": func(t *testing.T, r *Reconciler, cert *v1alpha1.ApisixCertificate) {
			queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[ctrl.Request]())
			defer queue.ShutDown()
			r.mapTo(rivalKeys).Generic(t.Context(), event.GenericEvent{Object: cert}, queue)
			if queue.Len() > 0 {
				t.Fatalf("%d are enqueued", queue.Len())
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var efforts []effort
			for _, n := range []int{20, 200} {
				r, all, asked := many(t, n)
				for i := range 20 {
					work(t, r, &all.Items[i*n/20])
				}
				efforts = append(efforts, *asked)
			}
			if efforts[0] != efforts[1] || efforts[0].lists == 0 {
				t.Errorf("20 of 20 certificates ask %+v, 20 of 200 %+v", efforts[0], efforts[1])
			}
		})
	}
}
