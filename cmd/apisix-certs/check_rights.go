// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/manifests"
)

// right is a rule for one resource.
type right struct {
	group, resource, name, namespace string // namespace empty: all
	verbs                            []string
	mend                             string // empty: manifests/rbac has it
}

func (r right) String() string {
	text := strings.Trim(r.resource+"."+r.group, ".")
	if r.name != "" {
		text += " " + r.name
	}
	if r.namespace == "" {
		return text
	}
	return text + " in namespace " + r.namespace
}

// checkRights asks for each rule of manifests/rbac, and for those that the controller's flags need beside, whether its
// ServiceAccount has it.
func (d *doctor) checkRights(ctx context.Context) error {
	account := &corev1.ServiceAccount{}
	object := "ServiceAccount " + d.home.String()
	if err := d.access.Get(ctx, d.home, account); apierrors.IsNotFound(err) {
		d.told.looked(1)
		d.told.find(finding{Object: object, Problem: "it does not exist, so that the controller cannot run as it",
			Mend: "kubectl apply -f manifests/rbac, or install the Helm chart; or name another with --controller"})
		return nil
	}
	may, err := d.reviewer(ctx)
	if err != nil {
		return err
	}
	rights, err := neededRights(d.home.Namespace)
	if err != nil {
		return err
	}
	rights = slices.DeleteFunc(append(rights, d.readerRights()...), func(r right) bool { return !d.installed(r) })
	lacking := make([][]string, len(rights))
	var group errgroup.Group
	group.SetLimit(8)
	for i, r := range rights {
		group.Go(func() (err error) {
			lacking[i], err = r.lacking(ctx, may)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, verbs := range lacking {
		if len(verbs) > 0 {
			d.told.find(finding{Object: object, Field: rights[i].String(), Problem: "it may not " + strings.Join(verbs, ", ") + " " + rights[i].String(),
				Mend: cmp.Or(rights[i].mend, "kubectl apply -f manifests/rbac, or upgrade the Helm chart, and look for who takes rules out of ClusterRole or Role "+programName)})
		}
	}
	if !d.readersKnown {
		d.told.note("whether it may ask who reads its page and metrics was not looked at, for its flags are not known: give --page-bind-address and --metrics-secure as it has them")
	}
	d.told.looked(len(rights))
	return nil
}

func (r right) lacking(ctx context.Context, may reviewer) ([]string, error) {
	var verbs []string
	for _, verb := range r.verbs {
		allowed, err := may(ctx, r, verb)
		if err != nil {
			return nil, err
		}
		if !allowed {
			verbs = append(verbs, verb)
		}
	}
	return verbs, nil
}

// reviewer tells whether the controller has a right.
type reviewer func(ctx context.Context, r right, verb string) (bool, error)

// reviewer asks about the ServiceAccount, or, being it, about itself: only administrators may ask about others.
func (d *doctor) reviewer(ctx context.Context) (reviewer, error) {
	self := &authenticationv1.SelfSubjectReview{}
	if err := d.access.Create(ctx, self); err != nil && !apierrors.IsForbidden(err) {
		return nil, err
	}
	user := "system:serviceaccount:" + d.home.Namespace + ":" + d.home.Name
	if self.Status.UserInfo.Username == user {
		return func(ctx context.Context, r right, verb string) (bool, error) {
			review := &authorizationv1.SelfSubjectAccessReview{}
			review.Spec.ResourceAttributes = r.attributes(verb)
			err := d.access.Create(ctx, review)
			return review.Status.Allowed, err
		}, nil
	}
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:" + d.home.Namespace, "system:authenticated"}
	return func(ctx context.Context, r right, verb string) (bool, error) {
		review := &authorizationv1.SubjectAccessReview{}
		review.Spec = authorizationv1.SubjectAccessReviewSpec{User: user, Groups: groups, ResourceAttributes: r.attributes(verb)}
		err := d.access.Create(ctx, review)
		return review.Status.Allowed, err
	}, nil
}

func (r right) attributes(verb string) *authorizationv1.ResourceAttributes {
	resource, sub, _ := strings.Cut(r.resource, "/")
	return &authorizationv1.ResourceAttributes{Namespace: r.namespace, Verb: verb, Group: r.group, Resource: resource, Subresource: sub, Name: r.name}
}

// installed tells whether the cluster has the resource: rights to those of others' CRDs matter where these are.
func (d *doctor) installed(r right) bool {
	resource, _, _ := strings.Cut(r.resource, "/")
	_, err := d.access.RESTMapper().ResourcesFor(schema.GroupVersionResource{Group: r.group, Resource: resource})
	return !meta.IsNoMatchError(err)
}

// neededRights reads manifests/rbac, whose Role is for the controller's namespace.
func neededRights(home string) ([]right, error) {
	data, err := manifests.FS.ReadFile("rbac/rbac.yaml")
	if err != nil {
		return nil, err
	}
	var rights []right
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(data), 4096)
	for {
		var role rbacv1.Role // a ClusterRole has the same rules
		if err := decoder.Decode(&role); errors.Is(err, io.EOF) {
			return rights, nil
		} else if err != nil {
			return nil, fmt.Errorf("manifests/rbac: %w", err)
		}
		namespace := ""
		if role.Kind == "Role" {
			namespace = home
		}
		for _, rule := range role.Rules {
			rights = append(rights, rightsOf(rule, namespace)...)
		}
	}
}

func rightsOf(rule rbacv1.PolicyRule, namespace string) []right {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	var rights []right
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			for _, name := range names {
				rights = append(rights, right{group: group, resource: resource, name: name, namespace: namespace, verbs: rule.Verbs})
			}
		}
	}
	return rights
}

// mayTokens tells whether the controller may ask for tokens of a ServiceAccount.
func (d *doctor) mayTokens(ctx context.Context, account client.ObjectKey) (bool, error) {
	may, err := d.reviewer(ctx)
	if err != nil {
		return false, err
	}
	return may(ctx, right{resource: "serviceaccounts/token", name: account.Name, namespace: account.Namespace}, "create")
}
