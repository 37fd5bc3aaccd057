// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/controllers/rights"
)

const (
	fixRights = "kubectl apply -f manifests/rbac, or upgrade the Helm chart, and find out what removes rules from ClusterRole or Role " + programName
	fixReach  = "upgrade the Helm chart with watchNamespaces set to the controller's --watch-namespaces, or create a Role with this permission in the namespace"
)

// checkRights checks that the ServiceAccount of the controller has the permissions of manifests/rbac, and those that its flags
// need. With --watch-namespaces, namespaced permissions are checked in these namespaces only.
func (d *checker) checkRights(ctx context.Context) error {
	account := &corev1.ServiceAccount{}
	object := "ServiceAccount " + d.home.String()
	if err := d.access.Get(ctx, d.home, account); apierrors.IsNotFound(err) {
		d.diagnosis.addChecked(1)
		d.diagnosis.addFinding(finding{Object: object, Problem: "the ServiceAccount does not exist, so the controller cannot start",
			Fix: "kubectl apply -f manifests/rbac, or install the Helm chart; if the controller has another ServiceAccount, set --controller"})
		return nil
	}
	may, err := d.reviewer(ctx)
	if err != nil {
		return err
	}
	needed, err := rights.Needed(d.home.Namespace)
	if err != nil {
		return err
	}
	namespaced, others, err := rights.Installed(needed, d.access.RESTMapper())
	if err != nil {
		return err
	}
	if len(d.options.WatchNamespaces) > 0 {
		if namespaced, err = d.rightsWithin(ctx, namespaced); err != nil {
			return err
		}
	}
	readers, fixReaders := d.readerRights()
	for _, group := range []struct {
		rights []rights.Right
		fix    string
	}{{others, fixRights}, {namespaced, fixRights}, {readers, fixReaders}} {
		lacking, err := rights.Lacking(ctx, may, group.rights)
		if err != nil {
			return err
		}
		d.diagnosis.addChecked(len(group.rights))
		for _, r := range lacking {
			f := finding{Object: object, Field: r.String(), Problem: "it cannot " + strings.Join(r.Verbs, ", ") + " " + r.String(), Fix: group.fix}
			if r.Namespace != "" && r.Namespace != d.home.Namespace {
				f.Fix = fixReach
			}
			d.diagnosis.addFinding(f)
		}
	}
	if !d.readersKnown {
		d.diagnosis.addNote("permissions to authenticate readers of the page and the metrics: the controller's flags are unknown (set --page-bind-address and --metrics-secure to its values)")
	}
	return nil
}

// rightsWithin returns the namespaced permissions that are needed with --watch-namespaces. A watched namespace that does not
// exist is a finding, and its permissions are omitted.
func (d *checker) rightsWithin(ctx context.Context, namespaced []rights.Right) ([]rights.Right, error) {
	reach := d.options.Reach()
	gone := map[string]bool{}
	for _, name := range reach.Watched {
		exists, err := d.exists(ctx, name)
		if err != nil {
			return nil, err
		}
		if gone[name] = !exists; !exists {
			d.diagnosis.addChecked(1)
			d.diagnosis.addFinding(finding{Object: "Namespace " + name, Problem: "the namespace does not exist, but is in --watch-namespaces",
				Fix: "create it, then upgrade the Helm chart, which creates a Role in it"})
		}
	}
	return slices.DeleteFunc(reach.Rights(namespaced), func(r rights.Right) bool { return gone[r.Namespace] }), nil
}

// exists reports whether a namespace exists. It is true if namespaces cannot be read.
func (d *checker) exists(ctx context.Context, name string) (bool, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := d.access.Get(ctx, client.ObjectKey{Name: name}, namespace)
	if apierrors.IsForbidden(err) {
		return true, nil
	}
	return err == nil, client.IgnoreNotFound(err)
}

// reviewer reviews the permissions of the ServiceAccount. If the user is the ServiceAccount itself, it uses
// SelfSubjectAccessReviews, because only administrators may review others.
func (d *checker) reviewer(ctx context.Context) (rights.Reviewer, error) {
	self := &authenticationv1.SelfSubjectReview{}
	if err := d.access.Create(ctx, self); err != nil && !apierrors.IsForbidden(err) {
		return nil, err
	}
	user := "system:serviceaccount:" + d.home.Namespace + ":" + d.home.Name
	if self.Status.UserInfo.Username == user {
		return rights.Self(d.access), nil
	}
	return rights.Of(d.access, user, []string{"system:serviceaccounts", "system:serviceaccounts:" + d.home.Namespace, "system:authenticated"}), nil
}

// mayTokens reports whether the controller is allowed to create tokens of a ServiceAccount.
func (d *checker) mayTokens(ctx context.Context, account client.ObjectKey) (bool, error) {
	may, err := d.reviewer(ctx)
	if err != nil {
		return false, err
	}
	return may(ctx, rights.Right{Resource: "serviceaccounts/token", Name: account.Name, Namespace: account.Namespace}, "create")
}
