// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestSigningInVain: what cannot be stored is not signed again and again.
func TestSigningInVain(t *testing.T) {
	t.Parallel()
	run(t, newScene,
		row{"a namespace at its quota of Secrets", inVain((*scene).atQuota, "exceeded quota"), issuedAfter((*scene).withoutQuota)},
		row{"an admission policy that refuses the Secret", inVain((*scene).refusing, "every Secret needs a team"), issuedAfter((*scene).refusingNothing)},
		row{"an immutable Secret", inVain((*scene).immutable, "immutable"), issuedAfter((*scene).mutable)},
	)
}

// inVain lets a Secret be unwritable and a certificate be wanted for longer than three attempts take.
func inVain(prepare func(*scene), says string) func(*scene) {
	return func(s *scene) {
		ref := s.ownIssuer()
		prepare(s)
		cert := edited(s.victim.cert("web", "web."+s.victim.domain), func(spec *v1alpha1.ApisixCertificateSpec) { spec.IssuerRef = ref })
		cert.Annotations = map[string]string{v1alpha1.AnnotationAdoptSecret: "true"}
		s.makes(s.victim, cert)
		s.settled(s.victim, "web")
		for range 2 {
			s.checkedAgain(s.victim, "web")
		}
		if n := s.signatures(s.id); n > 1 {
			s.Errorf("Vault signed %d times in 35 s for a Secret that cannot be written", n)
		}
		if text := s.reason(s.victim, "web", v1alpha1.ConditionIssued); !strings.Contains(text, says) {
			s.Errorf("condition Issued does not quote the API server (%q): %s", says, text)
		}
	}
}

// issuedAfter takes the obstacle away.
func issuedAfter(clear func(*scene)) func(*scene) {
	return func(s *scene) {
		before := s.signatures(s.id)
		clear(s)
		s.annotate(s.victim, named(s.victim, &v1alpha1.ApisixCertificate{}, "web"), "example.com/touched", "after")
		s.within(2*patience, "the certificate once nothing is in the way", func() string {
			leaf := leafOf(s.readSecret(s.victim, "web-tls"))
			if leaf == nil {
				return "there is none: " + s.reason(s.victim, "web", v1alpha1.ConditionIssued)
			}
			return s.unserved("web."+s.victim.domain, leaf)
		})
		if n := s.signatures(s.id) - before; n > 1 {
			s.Errorf("%d signatures for one certificate", n)
		}
	}
}

func (s *scene) atQuota() {
	s.Helper()
	one := corev1.ResourceList{"count/secrets": resource.MustParse("1")}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: s.victim.ns, Name: "q"}, Spec: corev1.ResourceQuotaSpec{Hard: one}}
	s.must(s.create(s.Context(), quota))
	quota.Status = corev1.ResourceQuotaStatus{Hard: one, Used: one} // as the quota controller, which does not run, would
	s.must(s.Client.Status().Update(s.Context(), quota))
	s.until("the quota to hold", func() string {
		err := s.victim.Create(s.Context(), s.victim.opaque("probe", nil), client.DryRunAll)
		return unless(err != nil, "a Secret can be made")
	})
}

func (s *scene) withoutQuota() {
	s.Helper()
	s.must(s.Client.Delete(s.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: s.victim.ns, Name: "q"}}))
}

const refusingYAML = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: $name}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], resources: [secrets], operations: [CREATE, UPDATE]}]
  validations: [{expression: "has(object.metadata.labels) && 'team' in object.metadata.labels", message: every Secret needs a team}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: $name}
spec: {policyName: $name, validationActions: [Deny]}
`

func (s *scene) refusing() {
	s.Helper()
	yaml := strings.NewReplacer("$name", "refuse-"+s.id, "$ns", s.victim.ns).Replace(refusingYAML)
	s.must(s.Apply(s.Context(), "refusing", []byte(yaml)))
	s.Cleanup(func() { s.dropRefusing(context.Background()) })
	s.until("the policy to hold", func() string {
		err := s.victim.Create(s.Context(), s.victim.opaque("probe", nil), client.DryRunAll)
		return unless(err != nil, "a Secret can be made")
	})
}

func (s *scene) dropRefusing(ctx context.Context) {
	for _, kind := range []string{"ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"} {
		object := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: kind}}
		object.Name = "refuse-" + s.id
		_ = s.Client.Delete(ctx, object)
	}
}

func (s *scene) refusingNothing() {
	s.Helper()
	s.dropRefusing(s.Context())
	s.until("the policy to be gone", func() string {
		err := s.victim.Create(s.Context(), s.victim.opaque("probe", nil), client.DryRunAll)
		return unless(err == nil, fmt.Sprint(err))
	})
}

func (s *scene) immutable() {
	s.Helper()
	secret := s.victim.tlsSecret("web-tls", bought(s, "bought."+s.victim.domain))
	secret.Immutable = ptr.To(true)
	s.makes(s.victim, secret)
}

func (s *scene) mutable() {
	s.Helper()
	s.must(s.victim.Delete(s.Context(), named(s.victim, &corev1.Secret{}, "web-tls")))
}

// TestSigningTooOften: no certificate is signed more often than five times in a row and then once a minute, whoever changes
// what meanwhile.
func TestSigningTooOften(t *testing.T) {
	t.Parallel()
	const rounds = 14
	for name, turn := range map[string]func(s *scene, i int){
		"an Ingress that changes its names all the time": func(s *scene, i int) {
			s.annotate(s.evil, named(s.evil, &networkingv1.Ingress{}, "web"), v1alpha1.AnnotationAltNames, fmt.Sprintf("n%d.%s", i, s.evil.domain))
		},
		"garbage in the key all the time": func(s *scene, i int) {
			change(s, s.evil, named(s.evil, &corev1.Secret{}, "web-tls"), func(secret *corev1.Secret) {
				secret.Data[corev1.TLSPrivateKeyKey] = fmt.Appendf(nil, "garbage %d", i)
			})
		},
		"another writer that empties the Secret": func(s *scene, _ int) {
			empty := s.evil.tlsSecret("web-tls", map[string][]byte{corev1.TLSCertKey: {}, corev1.TLSPrivateKeyKey: {}})
			empty.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}
			s.must(s.evil.Patch(s.Context(), empty, client.Apply, client.FieldOwner("argocd-controller"), client.ForceOwnership)) //nolint:staticcheck // a typed apply
		},
		"a Secret that is deleted all the time": func(s *scene, _ int) {
			s.must(client.IgnoreNotFound(s.evil.Delete(s.Context(), named(s.evil, &corev1.Secret{}, "web-tls"))))
		},
		"a renewal asked for all the time": func(s *scene, _ int) {
			s.annotate(s.evil, named(s.evil, &v1alpha1.ApisixCertificate{}, "web-tls"), v1alpha1.AnnotationRenewAt, time.Now().UTC().Format(time.RFC3339))
		},
		"a spec that changes all the time": func(s *scene, i int) {
			change(s, s.evil, named(s.evil, &v1alpha1.ApisixCertificate{}, "web-tls"), func(c *v1alpha1.ApisixCertificate) {
				c.OwnerReferences = nil // by hand from now on
				c.Spec.DNSNames = []string{fmt.Sprintf("n%d.%s", i, s.evil.domain)}
			})
		},
	} {
		run(t, newScene, row{name,
			func(s *scene) {
				annotations := map[string]string{v1alpha1.AnnotationClusterIssuer: s.ownIssuer().Name}
				s.makes(s.evil, cluster.NewIngress(s.evil.ns, "web", "web-tls", annotations, "web."+s.evil.domain))
				s.ready(s.evil, "web-tls", "web."+s.evil.domain)
				began := time.Now()
				for i := range rounds {
					turn(s, i)
					time.Sleep(1200 * time.Millisecond)
				}
				time.Sleep(2 * time.Second)
				allowed := 6 + int(time.Since(began)/time.Minute)
				if n := s.signatures(s.id); n > allowed {
					s.Errorf("Vault signed %d times in %.0f s, want at most %d", n, time.Since(began).Seconds(), allowed)
				}
				says := s.reason(s.evil, "web-tls", v1alpha1.ConditionReady)
				if strings.HasPrefix(name, "another writer") && !(strings.Contains(says, v1alpha1.ReasonSecretReverted) && strings.Contains(says, "argocd-controller")) {
					s.Errorf("who writes the Secret is not named: %s", says)
				}
			},
			changedInARow,
		})
	}
}

// changedInARow: three changes in a row are each issued at once.
func changedInARow(s *scene) {
	s.makes(s.victim, s.victim.cert("edit", "edit0."+s.victim.domain))
	leaf := s.ready(s.victim, "edit", "edit0."+s.victim.domain)
	for i := range 3 {
		host := fmt.Sprintf("edit%d.%s", i+1, s.victim.domain)
		change(s, s.victim, named(s.victim, &v1alpha1.ApisixCertificate{}, "edit"), func(c *v1alpha1.ApisixCertificate) { c.Spec.DNSNames = []string{host} })
		leaf = s.readyAgain(s.victim, "edit", leaf, host)
	}
}
