// SPDX-License-Identifier: Apache-2.0

package source

import (
	"strings"
	"testing"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

func TestParsePush(t *testing.T) {
	vault := &v1alpha1.IssuerReference{Kind: v1alpha1.KindVaultIssuer, Name: "vault"}
	for _, c := range []struct {
		name        string
		annotations map[string]string
		defaults    Defaults
		push        bool
		problem     string // empty: none
	}{
		{"true", map[string]string{v1alpha1.AnnotationProvided: "true"}, Defaults{}, true, ""},
		{"false", map[string]string{v1alpha1.AnnotationProvided: "false"}, Defaults{}, false, ""},
		{"neither", map[string]string{v1alpha1.AnnotationProvided: "yes"}, Defaults{}, true, `"yes" must be true or false`},
		{"beside an issuer", annotated("provided", "true"), Defaults{}, true, "cannot be combined with apisix-certs.io/issuer: remove one"},
		{"false beside an issuer", annotated("provided", "false"), Defaults{}, false, ""},
		{"instead of the default issuer", map[string]string{v1alpha1.AnnotationProvided: "true"}, Defaults{Issuer: vault, ManageAll: true}, true, ""},
		{"with what says how to issue", map[string]string{v1alpha1.AnnotationProvided: "true", v1alpha1.AnnotationDuration: "1h"}, Defaults{}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := parse(c.annotations, c.defaults)
			if problems := strings.Join(s.problems, "; "); s.spec.Provided != c.push || (problems == "") != (c.problem == "") || !strings.Contains(problems, c.problem) {
				t.Errorf("push %v, problems %q", s.spec.Provided, problems)
			}
			if s.spec.Provided && (s.spec.IssuerRef.Name != "" || s.spec.Duration != nil) {
				t.Errorf("the API server would refuse %+v", s.spec)
			}
		})
	}
}

// The Secret of a route has no place to be named but an annotation.
func TestPushOfARouteNeedsASecretName(t *testing.T) {
	route := newRouteOf(t, `{"http": [{"match": {"hosts": ["a.example"]}}]}`)
	route.SetAnnotations(map[string]string{v1alpha1.AnnotationProvided: "true"})
	got := wantedByRoute(routeOf(route), Defaults{})
	if len(got.certificates()) != 0 || len(got.problems) != 1 || !strings.Contains(got.problems[0], v1alpha1.AnnotationSecretName) {
		t.Errorf("%+v", got)
	}
	route.SetAnnotations(map[string]string{v1alpha1.AnnotationProvided: "true", v1alpha1.AnnotationSecretName: "mine"})
	if got = wantedByRoute(routeOf(route), Defaults{}); len(got.certificates()) != 1 || got.certificates()[0].Spec.SecretName != "mine" {
		t.Errorf("%+v", got)
	}
}
