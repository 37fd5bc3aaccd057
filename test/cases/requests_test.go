// SPDX-License-Identifier: Apache-2.0

package cases

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/controllers/issuer"
)

// requests are cases 13, 26 and 28: issuers of cert-manager.
var requests = []kase{
	reported("13", "a spec without a common name asks for none", func(t *testing.T) {
		s := asked(t, specOf(t, "13-all.yaml", "shop"))
		if _, csr := s.request(); csr.Subject.String() != "" || len(csr.DNSNames) != 1 {
			t.Errorf("the request is for %q, %v", csr.Subject, csr.DNSNames)
		}
	}),
	neighbour("13", "one with a common name asks for that alone", func(t *testing.T) {
		s := asked(t, func(c *cert) { c.Spec.CommonName = "web.example" })
		if _, csr := s.request(); csr.Subject.String() != "CN=web.example" {
			t.Errorf("the request is for %q", csr.Subject)
		}
	}),
	neighbour("13", "one with a subject asks for that alone", func(t *testing.T) {
		s := asked(t, func(c *cert) { c.Spec.Subject = &v1alpha1.X509Subject{Organizations: []string{"Acme"}} })
		if _, csr := s.request(); csr.Subject.String() != "O=Acme" {
			t.Errorf("the request is for %q", csr.Subject)
		}
	}),
	reported("13", "a request that is denied", func(t *testing.T) {
		s := asked(t, func(*cert) {})
		request, _ := s.request()
		conditions := []any{map[string]any{"type": "Denied", "status": "True", "reason": "policy.cert-manager.io", "message": "no policy allows it"}}
		if err := unstructured.SetNestedSlice(request.Object, conditions, "status", "conditions"); err != nil {
			t.Fatal(err)
		}
		if err := s.Kube.Update(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		s.Restart()
		s.Run()
		s.is("web", v1alpha1.ConditionIssued, "False Denied", "no policy allows it")
	}),

	reported("26", "what a ClusterIssuer names is in cert-manager's namespace", func(t *testing.T) {
		err := credentials(t, "ClusterIssuer", "cert-manager", "")
		for _, text := range []string{"cert-manager reads credentials of ClusterIssuers from its own namespace", "Secret cm-approle", "--cert-manager-cluster-resource-namespace"} {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%v, which lacks %q", err, text)
			}
		}
	}),
	neighbour("26", "the flag says where", func(t *testing.T) {
		if err := credentials(t, "ClusterIssuer", "cert-manager", "cert-manager"); err != nil {
			t.Error(err)
		}
	}),
	neighbour("26", "it was copied", func(t *testing.T) {
		if err := credentials(t, "ClusterIssuer", "apisix-certs", ""); err != nil {
			t.Error(err)
		}
	}),
	neighbour("26", "an Issuer reads its own namespace, and no other is named", func(t *testing.T) {
		if err := credentials(t, "Issuer", "shop", "cert-manager"); err != nil {
			t.Error(err)
		}
		if err := credentials(t, "Issuer", "cert-manager", ""); err == nil || strings.Contains(err.Error(), "cert-manager has") {
			t.Errorf("%v", err)
		}
	}),

	reported("28", "custom fields of Venafi are on the request", func(t *testing.T) {
		annotated(t, "", "venafi.cert-manager.io/custom-fields", true)
	}),
	neighbour("28", "those of an external issuer are", func(t *testing.T) { annotated(t, "ejbca.example", "ejbca.example/profile", true) }),
	neighbour("28", "those of others are not", func(t *testing.T) { annotated(t, "ejbca.example", "argocd.argoproj.io/tracking-id", false) }),
	neighbour("28", "ours are not", func(t *testing.T) { annotated(t, "", v1alpha1.AnnotationSourceProblem+"-x", false) }),
}

// asked has certificate web asked of ClusterIssuer corp, which is no Vault.
func asked(t *testing.T, edit func(*cert)) *scene {
	s := newScene(t)
	for _, object := range objects(t, "13-all.yaml") {
		if object.GetKind() == "ClusterIssuer" {
			s.create(&object)
		}
	}
	s.Create("web", func(c *cert) {
		c.Spec.IssuerRef = v1alpha1.IssuerReference{Group: v1alpha1.GroupCertManager, Kind: "ClusterIssuer", Name: "corp"}
	}, edit)
	s.Run()
	return s
}

// annotated asks with an annotation on the certificate, and wants it on the request or not.
func annotated(t *testing.T, group, name string, want bool) {
	s := asked(t, func(c *cert) {
		c.Annotations = map[string]string{name: "x"}
		if group != "" {
			c.Spec.IssuerRef = v1alpha1.IssuerReference{Group: group, Kind: "Issuer", Name: "x"}
		}
	})
	request, _ := s.request()
	if value, ok := request.GetAnnotations()[name]; ok != want || ok && value != "x" {
		t.Errorf("annotations are %v", request.GetAnnotations())
	}
}

// credentials reads those of an issuer of cert-manager, whose Secret is in a namespace.
func credentials(t *testing.T, kind, in, flag string) error {
	t.Helper()
	secret := &corev1.Secret{Data: map[string][]byte{"secretId": []byte("x")}}
	secret.Namespace, secret.Name = in, "cm-approle"
	c := fake.NewClientBuilder().WithScheme(controllers.Scheme()).WithObjects(secret).Build()
	sessions := &issuer.Sessions{Client: c, Live: c, ClusterResourceNamespace: "apisix-certs", CertManagerNamespace: flag, Clock: clocktesting.NewFakeClock(now)}
	object := objects(t, "26-all.yaml")[0]
	object.SetKind(kind)
	if kind == "Issuer" {
		object.SetNamespace("shop")
	}
	of, err := issuer.CertManagerIssuerOf(&object)
	if err != nil {
		t.Fatal(err)
	}
	session, err := sessions.Get(t.Context(), of)
	if session != nil {
		session.Close()
	}
	return err
}
