// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// With a ServiceAccount to log in to Vault with, the controller may mint tokens of that one, and of no other.
func TestTokensOfTheIssuersServiceAccountAlone(t *testing.T) {
	_, c := startKube(t)
	makeNamespace(t, c, "gateway")
	for _, object := range render(t, Release{Name: "certs", Namespace: "gateway", Values: sets(t)["issuer"]}).Objects {
		if object.GroupVersionKind().Group == rbacv1.GroupName {
			if err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("test")); err != nil {
				t.Fatal(err)
			}
		}
	}
	may := func(namespace, account string) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User: "system:serviceaccount:gateway:certs-apisix-certs",
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: namespace, Name: account, Verb: "create", Resource: "serviceaccounts", Subresource: "token",
			},
		}}
		if err := c.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		return review.Status.Allowed
	}
	// The authorizer has the roles a moment after they are made.
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return may("gateway", "vault-login"), nil
	})
	if err != nil {
		t.Error("may not mint tokens of vault-login")
	}
	for _, other := range [][2]string{{"gateway", "default"}, {"gateway", ""}, {"default", "vault-login"}} {
		if may(other[0], other[1]) {
			t.Errorf("may mint tokens of %s/%s", other[0], other[1])
		}
	}
}
