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
	fixRights = "kubectl apply -f manifests/rbac, or upgrade the Helm chart, and look for who takes rules out of ClusterRole or Role " + programName
	fixReach  = "upgrade the Helm chart with the watchNamespaces of the controller's --watch-namespaces, or make a Role with these rights there"
)

// checkRights asks for each rule of manifests/rbac, and for those that the controller's flags need beside, whether its
// ServiceAccount has it. With --watch-namespaces the rules of namespaces are asked for in these alone.
func (d *checker) checkRights(ctx context.Context) error {
	account := &corev1.ServiceAccount{}
	object := "ServiceAccount " + d.home.String()
	if err := d.access.Get(ctx, d.home, account); apierrors.IsNotFound(err) {
		d.diagnosis.addChecked(1)
		d.diagnosis.addFinding(finding{Object: object, Problem: "it does not exist, so that the controller cannot run as it",
			Fix: "kubectl apply -f manifests/rbac, or install the Helm chart; or name another with --controller"})
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
			f := finding{Object: object, Field: r.String(), Problem: "it may not " + strings.Join(r.Verbs, ", ") + " " + r.String(), Fix: group.fix}
			if r.Namespace != "" && r.Namespace != d.home.Namespace {
				f.Fix = fixReach
			}
			d.diagnosis.addFinding(f)
		}
	}
	if !d.readersKnown {
		d.diagnosis.addNote("whether it may ask who reads its page and metrics, as its flags are not known (set --page-bind-address and --metrics-secure as it has them)")
	}
	return nil
}

// rightsWithin are what the rights of namespaces come down to with --watch-namespaces. A watched namespace that does not exist
// is told of instead of its rights.
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
			d.diagnosis.addFinding(finding{Object: "Namespace " + name, Problem: "it does not exist, and is one of --watch-namespaces",
				Fix: "create it, then upgrade the Helm chart, which makes a Role in it"})
		}
	}
	return slices.DeleteFunc(reach.Rights(namespaced), func(r rights.Right) bool { return gone[r.Namespace] }), nil
}

// exists reports whether a namespace does. Where that may not be read, it does.
func (d *checker) exists(ctx context.Context, name string) (bool, error) {
	namespace := &metav1.PartialObjectMetadata{}
	namespace.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	err := d.access.Get(ctx, client.ObjectKey{Name: name}, namespace)
	if apierrors.IsForbidden(err) {
		return true, nil
	}
	return err == nil, client.IgnoreNotFound(err)
}

// reviewer asks about the ServiceAccount, or, being it, about itself: only administrators may ask about others.
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

// mayTokens tells whether the controller may ask for tokens of a ServiceAccount.
func (d *checker) mayTokens(ctx context.Context, account client.ObjectKey) (bool, error) {
	may, err := d.reviewer(ctx)
	if err != nil {
		return false, err
	}
	return may(ctx, rights.Right{Resource: "serviceaccounts/token", Name: account.Name, Namespace: account.Namespace}, "create")
}
