// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

var (
	quota     = apierrors.NewForbidden(corev1.Resource("secrets"), "web-tls", errors.New("exceeded quota: q, requested: count/secrets=1, used: count/secrets=1, limited: count/secrets=1"))
	policy    = apierrors.NewForbidden(corev1.Resource("secrets"), "web-tls", errors.New("ValidatingAdmissionPolicy 'team-label' denied request: every Secret needs label team"))
	immutable = apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "web-tls", field.ErrorList{field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set")})
)

// secrets are cases 3 and 4: a Secret that cannot be written, and one that somebody else writes.
var secrets = []kase{
	reported("03", "a quota is in the way", func(t *testing.T) { refused(t, quota, "exceeded quota: q") }),
	reported("03", "an admission policy is in the way", func(t *testing.T) { refused(t, policy, "every Secret needs label team") }),
	reported("03", "the Secret is immutable", func(t *testing.T) {
		s := newScene(t)
		certPEM, keyPEM := s.pair(rsaKey, "other.example")
		s.WriteSecret("web-tls", "helm", func(secret *corev1.Secret) {
			secret.Data = map[string][]byte{"tls.crt": certPEM, "tls.key": keyPEM}
			secret.Annotations = map[string]string{v1alpha1.AnnotationAdoptSecret: "true"}
		})
		s.Refuse("try Secret", immutable)
		s.Create("web")
		s.Run()
		s.Pass(10 * time.Minute)
		s.signatures(0)
		s.is("web", v1alpha1.ConditionIssued, "False SecretRefused", "field is immutable")
	}),
	neighbour("03", "it is taken at last", func(t *testing.T) {
		s := newScene(t)
		s.Refuse("try Secret", quota)
		s.Create("web")
		s.Run()
		s.Pass(10 * time.Minute)
		s.Refuse("try Secret", nil)
		s.Pass(6 * time.Minute)
		s.signatures(1)
		s.ready("web")
	}),
	neighbour("03", "a quota that fills up between the dry run and the write costs one signature", func(t *testing.T) {
		s := newScene(t)
		s.Refuse("create Secret", quota)
		s.Create("web")
		s.Run()
		s.Pass(10 * time.Minute)
		s.signatures(1)
		s.is("web", v1alpha1.ConditionIssued, "False SecretRefused", "exceeded quota: q")
		s.Refuse("create Secret", nil)
		s.Pass(6 * time.Minute)
		s.signatures(1)
		s.ready("web")
	}),

	reported("04", "emptied every 5 s", func(t *testing.T) {
		fought(t, func(secret *corev1.Secret) { secret.Data = map[string][]byte{"tls.crt": {}, "tls.key": {}} })
	}),
	reported("04", "an older pair is put back", func(t *testing.T) {
		s := issued(t)
		older := s.Secret("web-tls").Data
		s.Clock.Step(time.Minute)
		s.Annotate("web", v1alpha1.AnnotationRenewAt, s.Clock.Now().Format(time.RFC3339))
		s.Run()
		s.signatures(2)
		newer := s.Leaf("web-tls")
		s.WriteSecret("web-tls", "argocd-controller", data(older))
		s.Run()
		if leaf := s.Leaf("web-tls"); leaf.NotBefore.Before(newer.NotBefore) {
			t.Error("the older pair is kept")
		}
		s.shows("web.example", s.Leaf("web-tls"))
		if told := strings.Join(s.Events(), "\n"); !strings.Contains(told, "older certificate was written back") || !strings.Contains(told, "argocd-controller") {
			t.Errorf("events: %s", told)
		}
	}),
	neighbour("04", "the key is replaced every 5 s", func(t *testing.T) {
		fought(t, func(secret *corev1.Secret) { secret.Data["tls.key"] = []byte("x") })
	}),
	neighbour("04", "emptied once: at once", func(t *testing.T) {
		s := issued(t)
		s.WriteSecret("web-tls", "argocd-controller", data(map[string][]byte{"tls.crt": {}, "tls.key": {}}))
		s.Run()
		s.signatures(2)
		s.ready("web")
		s.shows("web.example", s.Leaf("web-tls"))
	}),
}

// refused: nothing is signed for a Secret that the API server does not take, and its words are quoted.
func refused(t *testing.T, err error, says string) {
	s := newScene(t)
	s.Refuse("try Secret", err)
	s.Create("web")
	s.Run()
	s.Pass(10 * time.Minute)
	s.signatures(0)
	s.is("web", v1alpha1.ConditionIssued, "False SecretRefused", says)
	if told := strings.Join(s.Events(), "\n"); !strings.Contains(told, says) {
		t.Errorf("events: %s", told)
	}
}

// fought: whoever writes the Secret each time is named, and signing backs off: five in a row, then one a minute.
func fought(t *testing.T, edit func(*corev1.Secret)) {
	s := issued(t)
	named := 0
	for range 10 * 12 {
		s.WriteSecret("web-tls", "argocd-controller", edit)
		s.Pass(5 * time.Second)
		if s.Condition("web", v1alpha1.ConditionIssued) == "False SecretReverted" && strings.Contains(s.Message("web", v1alpha1.ConditionIssued), "argocd-controller") {
			named++
		}
	}
	if n := s.Count("sign"); n > 5+10 {
		t.Errorf("%d signatures in ten minutes", n)
	}
	if named < 60 {
		t.Errorf("whoever writes the Secret was named in %d of 120 looks", named)
	}
}
