// SPDX-License-Identifier: Apache-2.0

// Package rights lists the permissions that the controller requires in the Kubernetes API, from the rules of manifests/rbac, and
// finds out which of them a user or the controller itself lacks:
//
//	needed, err := rights.Needed("apisix-certs")
//	...
//	namespaced, others, err := rights.Installed(needed, mapper)
//	...
//	lacking, err := rights.Lacking(ctx, rights.Self(c), rights.In("shop", namespaced))
//
// It does not grant permissions.
package rights

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/manifests"
)

// Right is a permission to use some verbs on one resource.
type Right struct {
	Group, Resource string // the resource may be RESOURCE/SUBRESOURCE
	// Name of the only permitted object. Empty: all objects.
	Name string
	// Namespace of the permitted objects. Empty: all namespaces, or the resource is cluster-scoped.
	Namespace string
	Verbs     []string
}

// String returns the resource as kubectl names it, with the object and the namespace if they are set.
func (r Right) String() string {
	text := strings.Trim(r.Resource+"."+r.Group, ".")
	if r.Name != "" {
		text += " " + r.Name
	}
	if r.Namespace == "" {
		return text
	}
	return text + " in namespace " + r.Namespace
}

// Needed returns the permissions of manifests/rbac: those of its ClusterRole, and those of its Role, which apply to the
// controller's own namespace, home.
func Needed(home string) ([]Right, error) {
	data, err := manifests.FS.ReadFile("rbac/rbac.yaml")
	if err != nil {
		return nil, err
	}
	var rights []Right
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
			rights = append(rights, ofRule(rule, namespace)...)
		}
	}
}

func ofRule(rule rbacv1.PolicyRule, namespace string) []Right {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	var rights []Right
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			for _, name := range names {
				rights = append(rights, Right{Group: group, Resource: resource, Name: name, Namespace: namespace, Verbs: rule.Verbs})
			}
		}
	}
	return rights
}

// Installed removes the permissions for resources that the cluster does not have, as the CRDs of other projects are optional. It
// returns the namespaced permissions that are required in all namespaces, and all others.
func Installed(rights []Right, mapper meta.RESTMapper) (namespaced, others []Right, err error) {
	for _, r := range rights {
		resource, _, _ := strings.Cut(r.Resource, "/")
		kind, err := mapper.KindFor(schema.GroupVersionResource{Group: r.Group, Resource: resource})
		if meta.IsNoMatchError(err) {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("look for %s: %w", r, err)
		}
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return nil, nil, fmt.Errorf("look for %s: %w", r, err)
		}
		if r.Namespace == "" && mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			namespaced = append(namespaced, r)
		} else {
			others = append(others, r)
		}
	}
	return namespaced, others, nil
}

// In returns the permissions for one namespace.
func In(namespace string, rights []Right) []Right {
	rights = slices.Clone(rights)
	for i := range rights {
		rights[i].Namespace = namespace
	}
	return rights
}

// Reading returns only the permissions to list and to watch, which caches require.
func Reading(rights []Right) []Right {
	var reading []Right
	for _, r := range rights {
		r.Verbs = slices.DeleteFunc(slices.Clone(r.Verbs), func(verb string) bool { return verb != "list" && verb != "watch" })
		if len(r.Verbs) > 0 {
			reading = append(reading, r)
		}
	}
	return reading
}

// Reviewer reports whether a user has a permission for one of its verbs.
type Reviewer func(ctx context.Context, r Right, verb string) (bool, error)

// Self reviews the permissions of the client's own user, which every user may do.
func Self(c client.Client) Reviewer {
	return func(ctx context.Context, r Right, verb string) (bool, error) {
		review := &authorizationv1.SelfSubjectAccessReview{}
		review.Spec.ResourceAttributes = r.attributes(verb)
		err := c.Create(ctx, review)
		return review.Status.Allowed, err
	}
}

// Of reviews the permissions of another user with its groups, which requires administrator permissions.
func Of(c client.Client, user string, groups []string) Reviewer {
	return func(ctx context.Context, r Right, verb string) (bool, error) {
		review := &authorizationv1.SubjectAccessReview{}
		review.Spec = authorizationv1.SubjectAccessReviewSpec{User: user, Groups: groups, ResourceAttributes: r.attributes(verb)}
		err := c.Create(ctx, review)
		return review.Status.Allowed, err
	}
}

func (r Right) attributes(verb string) *authorizationv1.ResourceAttributes {
	resource, sub, _ := strings.Cut(r.Resource, "/")
	return &authorizationv1.ResourceAttributes{Namespace: r.Namespace, Verb: verb, Group: r.Group, Resource: resource, Subresource: sub, Name: r.Name}
}

// reviewsAtOnce bounds the concurrent reviews.
const reviewsAtOnce = 16

// Lacking returns the permissions that the reviewed user lacks, in the given order, each with the missing verbs.
func Lacking(ctx context.Context, may Reviewer, rights []Right) ([]Right, error) {
	lacking := make([]Right, len(rights))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(reviewsAtOnce)
	for i, r := range rights {
		group.Go(func() error {
			lacking[i] = r
			lacking[i].Verbs = nil
			for _, verb := range r.Verbs {
				allowed, err := may(ctx, r, verb)
				if err != nil {
					return err
				}
				if !allowed {
					lacking[i].Verbs = append(lacking[i].Verbs, verb)
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(lacking, func(r Right) bool { return len(r.Verbs) == 0 }), err
}
