// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/test/cluster"
	"apisix-certs.io/apisix-certs/test/servers"
)

var restPolicy struct {
	sync.Once
	err error
}

// withPolicies makes a namespace for which there is no policy yet. All other namespaces have one that allows everything,
// before there is any that could deny the certificates of other tests.
func withPolicies(t *testing.T, name string) *scene {
	t.Helper()
	s := newNamespace(t, name)
	restPolicy.Do(func() {
		if restPolicy.err = s.Apply(context.Background(), "policies", []byte(restYAML)); restPolicy.err == nil {
			restPolicy.err = s.ApplyFolder(context.Background(), "policy")
		}
	})
	s.must(restPolicy.err)
	namespace := &corev1.Namespace{}
	s.must(s.Client.Get(t.Context(), client.ObjectKey{Name: name}, namespace))
	namespace.Labels["policies"] = name
	s.must(s.Client.Update(t.Context(), namespace))
	return s
}

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
  issuers: [{kind: VaultIssuer, name: "*"}, {kind: ClusterVaultIssuer, name: "*"}, {kind: Issuer, name: "*"}, {kind: ClusterIssuer, name: "*"}, {group: awspca.cert-manager.io, kind: AWSPCAIssuer, name: "*"}]
`

// policy makes a CertificatePolicy for the scene's namespace: for names below its domain, by VaultIssuer vault.
func (s *scene) policy(name string, edits ...func(*v1alpha1.CertificatePolicySpec)) {
	s.Helper()
	p := &v1alpha1.CertificatePolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.CertificatePolicySpec{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"policies": s.ns}},
		DNSNames:          []string{"*." + s.domain}, Issuers: []v1alpha1.PolicyIssuer{{Kind: v1alpha1.KindVaultIssuer, Name: "vault"}},
	}}
	for _, edit := range edits {
		edit(&p.Spec)
	}
	s.must(s.Client.Create(s.Context(), p))
	s.Cleanup(func() { _ = s.Client.Delete(context.Background(), p) })
}

// TestPolicy: what no policy allows is denied before Vault is asked, and a host that is denied is not kept from others.
func TestPolicy(t *testing.T) {
	t.Parallel()
	s, other := withPolicies(t, "policy"), newNamespace(t, "policy-other")
	host, foreign := "web."+s.domain, "web."+other.domain
	s.certificate("web", []string{host})
	s.condition("web", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, "no CertificatePolicy selects this namespace")
	s.policy("policy-vault")
	s.ready("web", host)

	s.certificate("names", []string{foreign})
	s.condition("names", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, "host "+foreign)
	other.certificate("web", []string{foreign}) // younger
	other.ready("web", foreign)
	s.certificate("issuer", []string{"issuer." + s.domain}, func(c *v1alpha1.ApisixCertificate) {
		c.Spec.IssuerRef = v1alpha1.IssuerReference{Kind: v1alpha1.KindClusterVaultIssuer, Name: "everybody"}
	})
	s.condition("issuer", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, "issuer ClusterVaultIssuer/everybody")
	if s.keptSecret("names-tls") != nil || s.keptSecret("issuer-tls") != nil {
		t.Error("a denied certificate was issued")
	}
}

// TestPolicyBounds: usages, gateways, key storage and number are bounded; a Secret of others is too where that concerns it.
func TestPolicyBounds(t *testing.T) {
	t.Parallel()
	s := withPolicies(t, "policy-bounds")
	s.policy("policy-bounds", func(p *v1alpha1.CertificatePolicySpec) {
		p.IngressClassNames, p.MaxCertificates = []string{""}, ptr.To(int32(7))
	})
	for i, c := range []struct {
		name string
		edit func(*v1alpha1.ApisixCertificateSpec)
		says []string
	}{
		{"ca", func(spec *v1alpha1.ApisixCertificateSpec) { spec.Usages = []string{"server auth", "cert sign"} }, []string{"spec.usages", "cert sign"}},
		{"code", func(spec *v1alpha1.ApisixCertificateSpec) { spec.Usages = []string{"code signing"} }, []string{"spec.usages", "code signing"}},
		{"gateway", func(spec *v1alpha1.ApisixCertificateSpec) { spec.IngressClassName = "of-another-team" }, []string{"spec.ingressClassName", "of-another-team"}},
		{"key", func(spec *v1alpha1.ApisixCertificateSpec) { spec.KeyStorage = v1alpha1.KeyAtGateway }, []string{"spec.keyStorage", "Gateway"}},
		{"subject", func(spec *v1alpha1.ApisixCertificateSpec) {
			spec.Subject = &v1alpha1.X509Subject{Organizations: []string{"Bank"}}
		}, []string{"spec.subject"}},
		{"given", func(spec *v1alpha1.ApisixCertificateSpec) {
			spec.Provided, spec.IssuerRef, spec.IngressClassName = true, v1alpha1.IssuerReference{}, "of-another-team"
		}, []string{"spec.ingressClassName"}},
		{"web", func(*v1alpha1.ApisixCertificateSpec) {}, nil},
		{"eighth", func(*v1alpha1.ApisixCertificateSpec) {}, []string{"maxCertificates 7 is used up by older ApisixCertificates"}},
	} {
		host := fmt.Sprintf("h%d.%s", i, s.domain)
		if c.name == "eighth" {
			s.secondPasses() // age is told in seconds
		}
		s.certificate(c.name, []string{host}, func(cert *v1alpha1.ApisixCertificate) { c.edit(&cert.Spec) })
		if c.says == nil {
			s.ready(c.name, host)
			continue
		}
		s.condition(c.name, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, append(c.says, "the closest is policy-bounds")...)
		if s.keptSecret(c.name+"-tls") != nil || len(s.ssls(host)) > 0 {
			t.Errorf("%s was issued or pushed", c.name)
		}
	}
	// What an older one leaves is for the next.
	s.must(s.Client.Delete(t.Context(), certOf(s.ns, "ca", v1alpha1.IssuerReference{})))
	s.within(2*time.Minute, "the eighth", func() string { return s.unserved("eighth-tls", "h7."+s.domain) })
}

// secondPasses waits until what is made is younger than what there is.
func (s *scene) secondPasses() {
	s.Helper()
	for began := time.Now().Truncate(time.Second); !time.Now().Truncate(time.Second).After(began); {
		time.Sleep(5 * time.Millisecond)
	}
}

// TestRequirePolicy: with --require-policy nothing that is denied is issued or pushed while there is no policy, a moment
// without one moves no host, and policies that are not read yet are not taken for none.
func TestRequirePolicy(t *testing.T) {
	t.Parallel()
	servers.Need(t)
	w, err := startWorld(t.Context(), "--require-policy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.end(); err != nil {
			t.Error(err)
		}
		if !t.Failed() {
			_ = os.Remove(w.log.Name())
		}
	})
	s := newNamespaceOf(t, w, "require")
	s.label("policies", s.ns)
	host, greedy := "web."+s.domain, "greedy.moelove.info"
	s.put("given-tls", s.pairFor(certstest.NewCA(t, "theirs", time.Now().Add(1000*day)), 80*day, "given.moelove.info"))
	s.certificate("web", []string{host})
	s.certificate("greedy", []string{greedy})
	s.certificate("given", []string{"given.moelove.info"}, func(c *v1alpha1.ApisixCertificate) {
		c.Spec.Provided, c.Spec.IssuerRef = true, v1alpha1.IssuerReference{}
	})
	for _, name := range []string{"web", "greedy", "given"} {
		s.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, "no CertificatePolicy exists", "--require-policy", "create one for namespace require")
	}
	s.policy("only")
	leaf := s.ready("web", host)
	for range 3 {
		s.condition("greedy", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, "host "+greedy)
		s.must(s.Client.Delete(t.Context(), &v1alpha1.CertificatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "only"}}))
		s.condition("greedy", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, "no CertificatePolicy exists")
		s.stillServed(host, leaf)
		s.policy("only")
	}
	s.condition("greedy", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, "host "+greedy)
	s.ready("web", host)

	// A controller that starts, and takes no policy for permission.
	s.must(w.controller.Stop())
	w.args = nil
	list, held := make(chan struct{}), make(chan struct{}, 100)
	s.kube.Before(func(r *http.Request) http.Handler {
		if strings.Contains(r.URL.Path, "/certificatepolicies") {
			held <- struct{}{}
			select {
			case <-list:
			case <-r.Context().Done():
			}
		}
		return nil
	})
	s.kube.Reset()
	s.must(w.startController(t.Context()))
	<-held
	s.until("the other caches", func() string {
		if s.kube.Count(func(c cluster.Call) bool { return strings.HasSuffix(c.Path, "/apisixcertificates") }) == 0 {
			return "the certificates are not listed yet"
		}
		return ""
	})
	time.Sleep(2 * time.Second) // in which greedy would be issued
	close(list)
	s.renew("web")
	s.readyBut("web", certs.Serial(leaf), host)
	s.condition("greedy", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, "host "+greedy)
	if s.keptSecret("greedy-tls") != nil || len(s.ssls(greedy))+len(s.ssls("given.moelove.info")) > 0 {
		t.Error("a denied certificate was issued or pushed")
	}
	if signed := s.vault.Count(isSign); signed != 2 {
		t.Errorf("%d signatures, want those of web", signed)
	}
}

// TestApproval shows the whole way: wait, refusals, approval, renewal, change, denial.
func TestApproval(t *testing.T) {
	t.Parallel()
	s := withPolicies(t, "approval")
	host, name := "web."+s.domain, "approval-manual"
	s.policy(name, func(p *v1alpha1.CertificatePolicySpec) { p.Approval = v1alpha1.ApprovalManual })
	status := rbacv1.PolicyRule{APIGroups: []string{"apisix-certs.io"}, Resources: []string{"apisixcertificates", "apisixcertificates/status"}, Verbs: []string{"get", "list", "patch"}}
	asTenant, tenant := s.tenant("tenant", status)
	_, approver := s.tenant("approver", status)
	s.mayApprove("approver", name)

	s.certificate("web", []string{host})
	s.condition("web", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaitingForApproval, "apisix-certs approve web -n "+s.ns)
	// An admission policy takes effect some time after it was made.
	s.until("the admission policy", func() string {
		err := asTenant.Status().Patch(t.Context(), certOf(s.ns, "web", v1alpha1.IssuerReference{}), client.RawPatch("application/merge-patch+json",
			fmt.Appendf(nil, `{"status":{"approval":{"decision":"Approved","policy":%q,"digest":"x","by":"me"}}}`, name)), client.DryRunAll)
		if !apierrors.IsForbidden(err) {
			return fmt.Sprint("a tenant approves: ", err)
		}
		return ""
	})
	s.until("the guard of status", func() string {
		err := asTenant.Status().Patch(t.Context(), certOf(s.ns, "web", v1alpha1.IssuerReference{}), client.RawPatch("application/merge-patch+json",
			[]byte(`{"status":{"ownedNames":["bank.example"]}}`)), client.DryRunAll)
		if !apierrors.IsForbidden(err) {
			return fmt.Sprint("a tenant takes a host: ", err)
		}
		return ""
	})
	if out, err := s.command(tenant, "approve", "web", "-n", s.ns); err == nil || !containsAll(out, []string{"the verb approve", name}) {
		t.Errorf("a tenant approves: %v %s", err, out)
	}
	if s.keptSecret("web-tls") != nil {
		t.Error("issued before it was approved")
	}
	s.mustRun(approver, "approve", "web", "-n", s.ns, "-m", "ticket 7")
	first := s.ready("web", host)
	if a := s.cert("web").Status.Approval; a.By != "system:serviceaccount:"+s.ns+":approver" || a.Message != "ticket 7" {
		t.Errorf("%+v", a)
	}

	s.renew("web")
	second := s.readyBut("web", certs.Serial(first), host)
	cert := s.cert("web")
	cert.Spec.DNSNames = []string{host, "more." + s.domain}
	s.must(s.Client.Update(t.Context(), cert))
	s.condition("web", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaitingForApproval)
	s.stillServed(host, second)
	s.mustRun(approver, "deny", "web", "-n", s.ns, "-m", "too many")
	s.condition("web", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDenied, "denied by system:serviceaccount:"+s.ns+":approver: too many")
	s.stillServed(host, second)
	s.mustRun(approver, "approve", "web", "-n", s.ns)
	s.readyBut("web", certs.Serial(second), host, "more."+s.domain)
	if out, err := s.command(tenant, "deny", "web", "-n", s.ns); err == nil {
		t.Errorf("a tenant denies: %s", out)
	}
}

func (s *scene) mustRun(kubeconfig string, args ...string) {
	s.Helper()
	if out, err := s.command(kubeconfig, args...); err != nil {
		s.Fatalf("%v: %s", err, out)
	}
}

// mayApprove gives a ServiceAccount the verb approve on a policy.
func (s *scene) mayApprove(account, policy string) {
	s.Helper()
	meta := metav1.ObjectMeta{Name: s.ns + "-" + account}
	role := &rbacv1.ClusterRole{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"apisix-certs.io"}, Resources: []string{"certificatepolicies"}, ResourceNames: []string{policy}, Verbs: []string{"approve"},
	}}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
		Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: s.ns, Name: account}},
	}
	for _, object := range []client.Object{role, binding} {
		s.must(s.Client.Create(s.Context(), object))
		s.Cleanup(func() { _ = s.Client.Delete(context.Background(), object) })
	}
}

// TestPolicyFields: the API server refuses what is no bound.
func TestPolicyFields(t *testing.T) {
	t.Parallel()
	w := shared.World(t)
	many := func(n int) []any {
		var list []any
		for i := range n {
			list = append(list, fmt.Sprint("n", i))
		}
		return list
	}
	for _, c := range []struct {
		field string
		value any
		says  string // empty: it is accepted
	}{
		{"usages", []any{"*"}, ""},
		{"usages", []any{"Server Auth"}, `spec.usages[0]: Unsupported value: "Server Auth"`},
		{"usages", []any{}, "spec.usages in body should have at least 1 items"},
		{"usages", []any{"any", "any"}, `spec.usages[1]: Duplicate value: "any"`},
		{"ingressClassNames", []any{"", "*", "apisix-2"}, ""},
		{"ingressClassNames", []any{"apisix*"}, "spec.ingressClassNames[0]"},
		{"ingressClassNames", []any{}, "at least 1 items"},
		{"ingressClassNames", many(101), "spec.ingressClassNames: Too many: 101: must have at most 100 items"},
		{"keyStorages", []any{"Secret", "Gateway", "VaultKV"}, ""},
		{"keyStorages", []any{"Vault"}, `spec.keyStorages[0]: Unsupported value: "Vault"`},
		{"keyStorages", []any{}, "at least 1 items"},
		{"vaultKV", []any{map[string]any{"mount": "kv"}}, "vaultKV requires VaultKV in keyStorages"},
		{"maxCertificates", int64(0), ""},
		{"maxCertificates", int64(-1), "spec.maxCertificates in body should be greater than or equal to 0"},
		{"subject", map[string]any{"organizations": []any{"Acme"}}, ""},
		{"subject", map[string]any{"organizations": many(101)}, "spec.subject.organizations: Too many: 101"},
		{"subject", map[string]any{"commonName": "x"}, `unknown field "spec.subject.commonName"`},
	} {
		policy := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"dnsNames": []any{"*"}, c.field: c.value}}}
		policy.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("CertificatePolicy"))
		policy.SetName("policy-fields")
		err := client.WithFieldValidation(w.Client, "Strict").Create(t.Context(), policy, client.DryRunAll)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v: got %v, want %q", c.field, c.value, err, c.says)
		}
	}
	for location, fine := range map[string]bool{"shop": true, "shop/web": true, "": true, "../other": false, "/shop": false, "shop/": false, "shop//web": false} {
		policy := &v1alpha1.CertificatePolicy{ObjectMeta: metav1.ObjectMeta{Name: "policy-fields"}, Spec: v1alpha1.CertificatePolicySpec{
			DNSNames: []string{"*"}, KeyStorages: []v1alpha1.KeyStorage{v1alpha1.KeyInVaultKV}, VaultKV: []v1alpha1.PolicyVaultKV{{Mount: "kv", Path: location}},
		}}
		if err := w.Client.Create(t.Context(), policy, client.DryRunAll); (err == nil) != fine {
			t.Errorf("path %q: %v", location, err)
		}
	}
}
