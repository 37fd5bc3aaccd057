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

// SkipInitialList passes every event except those of the objects that exist when a watch begins. Those of the controller's own watches bring
// nothing new: all certificates are enqueued when it begins to work, and no sooner than all of them are known.
func SkipInitialList() predicate.Predicate {
	return predicate.Funcs{CreateFunc: func(e event.CreateEvent) bool { return !e.IsInInitialList }}
}

// readyChanged passes issuers that appear, change their spec, or become ready: what may unblock a certificate.
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

// deletionMarked passes the update that sets the deletion time stamp: it changes no generation of its own.
func deletionMarked() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			return e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
		},
	}
}

// approvalChanged passes certificates that somebody has approved or denied.
func approvalChanged() predicate.Predicate {
	return predicate.Funcs{
		UpdateFunc: func(e event.UpdateEvent) bool {
			was, is := e.ObjectOld.(*v1alpha1.ApisixCertificate), e.ObjectNew.(*v1alpha1.ApisixCertificate)
			return !equality.Semantic.DeepEqual(was.Status.Approval, is.Status.Approval)
		},
	}
}
