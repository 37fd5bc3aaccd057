// SPDX-License-Identifier: Apache-2.0

package attacks

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// policy is a CertificatePolicy for one namespace, with all names and the shared issuer.
func policy(name, namespace string) *v1alpha1.CertificatePolicy {
	return &v1alpha1.CertificatePolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.CertificatePolicySpec{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": namespace}},
		DNSNames:          []string{"*"}, AllowOtherNames: true,
		Issuers: []v1alpha1.PolicyIssuer{{Kind: sharedIssuer.Kind, Name: sharedIssuer.Name}},
	}}
}

// TestWithoutPolicies: with --require-policy there is no certificate while there is no policy. It runs alone, for it takes
// the only policy of the cluster away.
func TestWithoutPolicies(t *testing.T) {
	o := newIdleOutpost(t)
	s := o.scene(t)
	host := "shop." + s.victim.domain
	s.must(s.create(t.Context(), policy("only", s.victim.ns)))
	s.Cleanup(func() { _ = s.Client.Delete(context.Background(), policy("only", "")) })
	s.attack(func(s *scene) {
		s.must(o.tryStart("--push-mode", "own", "--require-policy"))
		s.controller = o.controller
		s.makes(s.evil, s.evil.cert("grab", host))
		s.settled(s.evil, "grab")
		for range 2 {
			s.must(s.Client.Delete(s.Context(), policy("only", "")))
			time.Sleep(2 * time.Second)
			s.must(s.create(s.Context(), policy("only", s.victim.ns)))
			time.Sleep(time.Second)
		}
		s.must(s.Client.Delete(s.Context(), policy("only", "")))
		s.checkedAgain(s.evil, "grab")
		s.hasNone(s.evil, host)
	})
	s.honest(func(s *scene) {
		if o.controller == nil {
			o.start("--push-mode", "own")
		}
		s.must(client.IgnoreAlreadyExists(s.create(s.Context(), policy("only", s.victim.ns))))
		s.makes(s.victim, s.victim.cert("web", host))
		s.ready(s.victim, "web", host)
	})
}

var approval struct {
	sync.Once
	err error
}

// restYAML lets all namespaces without a policy of their own have everything, before any policy denies it to them.
const restYAML = `
apiVersion: apisix-certs.io/v1alpha1
kind: CertificatePolicy
metadata: {name: rest}
spec:
  namespaceSelector: {matchExpressions: [{key: policies, operator: DoesNotExist}]}
  dnsNames: ["*"]
  allowOtherNames: true
  usages: ["*"]
  keyStorages: [Secret, Gateway, VaultKV]
  vaultKV: [{mount: kv}]
  issuers: [{kind: VaultIssuer, name: "*"}, {kind: ClusterVaultIssuer, name: "*"}]
`

// newApprovedScene is a scene whose evil namespace needs approval for all.
func newApprovedScene(t *testing.T) *scene {
	t.Helper()
	w := shared.World(t)
	approval.Do(func() {
		if approval.err = w.Apply(context.Background(), "rest", []byte(restYAML)); approval.err == nil {
			approval.err = w.ApplyFolder(context.Background(), "policy")
		}
	})
	if approval.err != nil {
		t.Fatal(approval.err)
	}
	s := newSceneIn(t, w, map[string]string{"policies": "own"})
	for _, tn := range []*tenant{s.victim, s.evil} {
		p := policy(tn.ns, tn.ns)
		if tn == s.evil {
			p.Spec.Approval = v1alpha1.ApprovalManual
		}
		s.must(s.create(t.Context(), p))
	}
	return s
}

// approver makes a ServiceAccount of the evil namespace with what docs/tenants.md gives to those who approve.
func (s *scene) approver(name string) (client.Client, string) {
	s.Helper()
	as, kubeconfig, err := s.Tenant(s.Context(), s.evil.ns, name,
		rbacv1.PolicyRule{APIGroups: []string{"apisix-certs.io"}, Resources: []string{"apisixcertificates"}, Verbs: []string{"get", "list"}},
		rbacv1.PolicyRule{APIGroups: []string{"apisix-certs.io"}, Resources: []string{"apisixcertificates/status"}, Verbs: []string{"patch"}})
	s.must(err)
	meta := metav1.ObjectMeta{Name: s.evil.ns + "-" + name}
	s.must(s.create(s.Context(),
		&rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{"apisix-certs.io"}, Resources: []string{"certificatepolicies"}, ResourceNames: []string{s.evil.ns}, Verbs: []string{"approve"},
		}}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: s.evil.ns, Name: name}},
		}))
	s.until("the rights of "+name, func() string {
		err := as.Get(s.Context(), client.ObjectKey{Namespace: s.evil.ns, Name: "probe"}, &v1alpha1.ApisixCertificate{})
		return unless(apierrors.IsNotFound(err), fmt.Sprint(err))
	})
	return as, s.fileOf(name, kubeconfig)
}

// statusFields are fields of the status by what they are for, with values that would do harm. Names that this version does
// not have are passed over.
var statusFields = map[string]map[string]string{
	"who owns a host":     {"ownedNames": `["$host"]`},
	"what was issued":     {"fingerprint": `"$print"`, "serialNumber": `"1234"`, "issued": `{"secretNamespace":"$ns","secretName":"web-tls","secretUID":"1","fingerprint":"$print","serialNumber":"1234","issuer":"ClusterVaultIssuer/shared"}`},
	"when it ends":        {"notAfter": `"2099-01-01T00:00:00Z"`, "renewalTime": `"2099-01-01T00:00:00Z"`},
	"what is revoked":     {"toRevoke": `[{"issuer":"ClusterVaultIssuer/shared","serialNumber":"1234","fingerprint":"$print"}]`},
	"failures":            {"failedAttempts": `9`, "lastFailureTime": `"2099-01-01T00:00:00Z"`},
	"what is at gateways": {"gateways": `[{"name":"default","mode":"own","sslID":"1"}]`},
	"what has been seen":  {"conditions": `[{"type":"Ready","status":"True","reason":"Forged","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]`, "observedGeneration": `7`},
}

// TestStatusIsTheControllers: nobody else changes the status of a certificate, and an approver nothing but the approval.
func TestStatusIsTheControllers(t *testing.T) {
	t.Parallel()
	for what, fields := range statusFields {
		run(t, newApprovedScene, row{"an approver writes " + what,
			func(s *scene) {
				theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
				s.makes(s.evil, s.evil.cert("grab", theirs.host))
				s.settled(s.evil, "grab")
				as, _ := s.approver("approver")
				known := 0
				for field, value := range fields {
					text := strings.NewReplacer("$host", theirs.host, "$ns", s.victim.ns, "$print", strings.Repeat("ab", 32)).Replace(value)
					known += s.writesStatus(as, field, text)
				}
				if known == 0 {
					s.Skip("this version has none of these fields")
				}
				s.undisturbed(theirs)
			},
			approves,
		})
	}
	run(t, newApprovedScene,
		row{"a tenant writes status without the right", statusWithoutRight, approves},
		row{"a tenant makes a certificate with a status", madeWithStatus, approves},
	)
}

// writesStatus tries to write a field of the status of certificate grab, which must fail, and returns 1 if there is such a
// field. It is a dry run: what is forged would spoil the other rows. Admission policies are in force some time after they
// were made.
func (s *scene) writesStatus(as client.Client, field, value string) (known int) {
	s.Helper()
	cert := named(s.evil, &unstructured.Unstructured{}, "grab")
	cert.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("ApisixCertificate"))
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(200 * time.Millisecond) {
		err := as.Status().Patch(s.Context(), cert, client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"status":{%q:%s}}`, field, value)), client.DryRunAll)
		if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
			return 1
		}
		s.must(err)
		if _, has, _ := unstructured.NestedFieldNoCopy(cert.Object, "status", field); !has {
			return 0
		}
	}
	s.Errorf("the API server takes status.%s from an approver", field)
	return 1
}

func statusWithoutRight(s *scene) {
	s.makes(s.evil, s.evil.cert("grab", "web."+s.victim.domain))
	err := s.evil.Status().Patch(s.Context(), named(s.evil, &v1alpha1.ApisixCertificate{}, "grab"),
		client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"status":{"ownedNames":[%q]}}`, "web."+s.victim.domain)))
	if !apierrors.IsForbidden(err) {
		s.Errorf("the API server took a status from a tenant: %v", err)
	}
}

func madeWithStatus(s *scene) {
	theirs := s.possess(s.victim, "web", "web."+s.victim.domain)
	grab := s.evil.cert("grab", theirs.host)
	grab.Status.FailedAttempts = 7
	grab.Status.Approval = &v1alpha1.Approval{Decision: "Approved", Policy: s.evil.ns, By: "me"}
	s.makes(s.evil, grab)
	if status := s.readCert(s.evil, "grab").Status; status.FailedAttempts == 7 || status.Approval != nil {
		s.Errorf("the API server took a status with a new object: %+v", status)
	}
	s.checkedAgain(s.evil, "grab")
	s.hasNone(s.evil, theirs.host)
}

// approves: who may, approves, and the certificate is issued.
func approves(s *scene) {
	host := "asked." + s.evil.domain
	s.makes(s.evil, s.evil.cert("asked", host))
	s.until("the wait for approval", func() string {
		text := s.reason(s.evil, "asked", v1alpha1.ConditionIssued)
		return unless(strings.Contains(text, v1alpha1.ReasonWaitingForApproval), text)
	})
	_, kubeconfig := s.approver("honest")
	s.within(patience/2, "an approval", func() string {
		out, err := s.command("approve", "asked", "-n", s.evil.ns, "--kubeconfig", kubeconfig)
		return unless(err == nil, out)
	})
	s.ready(s.evil, "asked", host)
	if secret := s.readSecret(s.evil, "asked-tls"); secret.Type != corev1.SecretTypeTLS {
		s.Errorf("Secret asked-tls is of type %s", secret.Type)
	}
}

// command runs the command line and returns what it prints.
func (s *scene) command(args ...string) (string, error) {
	s.Helper()
	out, err := exec.CommandContext(s.Context(), s.binary, args...).CombinedOutput()
	return string(out), err
}
