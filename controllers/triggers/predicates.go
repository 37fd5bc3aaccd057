// SPDX-License-Identifier: Apache-2.0

package triggers

import (
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// SkipInitialList ignores the objects that exist when a watch starts. For watches of the certificate controller they are
// redundant: it enqueues all certificates when it starts, after all of them are cached.
func SkipInitialList() predicate.Predicate {
	return predicate.Funcs{CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList }}
}

// readyChanged selects issuers that are created, change their spec, or become ready, as these may unblock a certificate.
func readyChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetGeneration() != e.ObjectNew.GetGeneration() || !ready(e.ObjectOld) && ready(e.ObjectNew)
		},
	}
}

func ready(object client.Object) bool {
	for _, c := range object.(v1alpha1.Issuer).IssuerStatus().Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return c.Status == metav1.ConditionTrue
		}
	}
	return false
}

// deletionMarked selects the update that sets the deletion timestamp.
func deletionMarked() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
		},
	}
}

// approvalChanged selects certificates that were approved or denied.
func approvalChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, is := e.ObjectOld.(*v1alpha1.ApisixCertificate), e.ObjectNew.(*v1alpha1.ApisixCertificate)
			return !equality.Semantic.DeepEqual(was.Status.Approval, is.Status.Approval)
		},
	}
}
