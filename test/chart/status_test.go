// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/controllers"
	"apisix-certs.io/apisix-certs/test/servers"
)

// guarded is an API server with the chart's rights and admission policies, and users of all sorts.
type guarded struct {
	*testing.T
	kube  *servers.Kube
	admin client.Client // of group system:masters
}

// newGuarded installs release certs in namespace gateway.
func newGuarded(t *testing.T, settings string) *guarded {
	t.Helper()
	kube, _ := startKube(t, filepath.Join(root(t), "manifests", "crds"))
	g := &guarded{T: t, kube: kube}
	var err error
	g.admin, err = client.New(kube.Config, client.Options{Scheme: controllers.Scheme()})
	g.must(err)
	makeNamespace(t, g.admin, "gateway")
	makeNamespace(t, g.admin, "shop")
	for _, object := range render(t, Release{Name: "certs", Namespace: "gateway", Values: values(t, good+settings)}).Objects {
		switch object.GroupVersionKind().Group {
		case rbacv1.GroupName, "admissionregistration.k8s.io":
		default:
			if object.GetKind() != "ServiceAccount" {
				continue
			}
		}
		g.must(g.admin.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("helm")))
	}
	return g
}

func (g *guarded) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// as is a client with the rights of a ServiceAccount, which is made where it is missing.
func (g *guarded) as(namespace, name string, rules ...rbacv1.PolicyRule) client.Client {
	g.Helper()
	err := g.admin.Create(g.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}})
	g.must(client.IgnoreAlreadyExists(err))
	if len(rules) > 0 {
		meta := metav1.ObjectMeta{Name: namespace + "-" + name}
		for _, object := range []client.Object{&rbacv1.ClusterRole{ObjectMeta: meta, Rules: rules}, &rbacv1.ClusterRoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: name}},
		}} {
			g.must(client.IgnoreAlreadyExists(g.admin.Create(g.Context(), object)))
		}
	}
	config, err := g.kube.ServiceAccountConfig(g.Context(), namespace, name)
	g.must(err)
	c, err := client.New(config, client.Options{Scheme: controllers.Scheme()})
	g.must(err)
	return c
}

// everything is all rights on our kinds, status included: what an administrator of namespaces often has.
var everything = rbacv1.PolicyRule{APIGroups: []string{"apisix-certs.io"}, Resources: []string{"*"}, Verbs: []string{"*"}}

// approver is what docs/tenants.md gives to approvers.
func approver(policies ...string) []rbacv1.PolicyRule {
	group := []string{"apisix-certs.io"}
	return []rbacv1.PolicyRule{
		{APIGroups: group, Resources: []string{"certificatepolicies"}, ResourceNames: policies, Verbs: []string{"approve"}},
		{APIGroups: group, Resources: []string{"apisixcertificates"}, Verbs: []string{"get", "list"}},
		{APIGroups: group, Resources: []string{"apisixcertificates/status"}, Verbs: []string{"patch"}},
	}
}

// patch sends a JSON merge patch to the status of an object.
func (g *guarded) patch(c client.Client, object client.Object, text string, options ...client.SubResourcePatchOption) error {
	return c.Status().Patch(g.Context(), object.DeepCopyObject().(client.Object), client.RawPatch(types.MergePatchType, []byte(text)), options...)
}

// guards waits until a change of status by a client is refused with these words. It changes nothing.
func (g *guarded) guards(c client.Client, cert client.Object, fields, says string) {
	g.Helper()
	g.until("the guard", func() error {
		if err := g.patch(c, cert, `{"status":{`+fields+`}}`, client.DryRunAll); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), says) {
			return fmt.Errorf("%s: %w", fields, err)
		}
		return nil
	})
}

// until waits for what the API server does a moment after something was made: it loads roles and admission policies.
func (g *guarded) until(what string, done func() error) {
	g.Helper()
	var last error
	err := wait.PollUntilContextTimeout(g.Context(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		last = done()
		return last == nil, nil
	})
	if err != nil {
		g.Fatalf("%s: %v", what, last)
	}
}

// refused fails the test unless the API server has refused for the reason given.
func (g *guarded) refused(what string, err error, says ...string) {
	g.Helper()
	if !apierrors.IsForbidden(err) {
		g.Errorf("%s: not forbidden: %v", what, err)
		return
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			g.Errorf("%s: got %v, want %q in it", what, err, part)
		}
	}
}

func (g *guarded) certificate(name string) *v1alpha1.ApisixCertificate {
	g.Helper()
	cert := &v1alpha1.ApisixCertificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec:       v1alpha1.ApisixCertificateSpec{SecretName: name, IssuerRef: v1alpha1.IssuerReference{Name: "vault"}, DNSNames: []string{"shop.example"}},
	}
	g.must(g.admin.Create(g.Context(), cert.DeepCopy()))
	return cert
}

// issuers are one of each kind.
func (g *guarded) issuers() []client.Object {
	g.Helper()
	spec := v1alpha1.VaultIssuerSpec{
		Server: "https://vault.example", Path: "pki/sign/shop",
		Auth: v1alpha1.VaultAuth{TokenSecretRef: &v1alpha1.SecretKeySelector{Name: "token", Key: "token"}},
	}
	all := []client.Object{
		&v1alpha1.VaultIssuer{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "vault"}, Spec: spec},
		&v1alpha1.ClusterVaultIssuer{ObjectMeta: metav1.ObjectMeta{Name: "vault"}, Spec: spec},
	}
	for _, issuer := range all {
		g.must(g.admin.Create(g.Context(), issuer.DeepCopyObject().(client.Object)))
	}
	return all
}

const approval = `"approval":{"decision":"Approved","policy":"shop","digest":"d","by":"system:serviceaccount:shop:approver"}`

// TestStatus shows who writes which part of a status, with the rights and admission policies of a release.
func TestStatus(t *testing.T) {
	g := newGuarded(t, "")
	for name, test := range map[string]func(*guarded){"the controller's": controllersAlone, "approvals": approvalsByPolicy, "not with the object": notWithTheObject} {
		t.Run(name, func(t *testing.T) { test(&guarded{t, g.kube, g.admin}) })
	}
}

// controllersAlone: only the controller changes the status of a certificate or an issuer, whatever the rights of others;
// approvers change status.approval, and nothing beside it.
func controllersAlone(g *guarded) {
	t := g.T
	controller := g.as("gateway", "certs-apisix-certs")
	approver := g.as("shop", "approver", approver("shop")...)
	tenant := g.as("shop", "tenant", everything)
	cert, issuers := g.certificate("web"), g.issuers()
	g.guards(g.admin, cert, `"failedAttempts":9`, "only the controller")

	// The controller writes all of it, by update and by patch.
	g.must(g.admin.Get(t.Context(), client.ObjectKeyFromObject(cert), cert))
	now := metav1.Now().Rfc3339Copy()
	cert.Status = v1alpha1.ApisixCertificateStatus{
		ObservedGeneration: 1, Hosts: "shop.example", RenewalTime: &now, FailedAttempts: 1, LastFailureTime: &now, LastFailureReason: "Refused", LastFailureMessage: "m", Warnings: []string{"w"},
		Issued:     v1alpha1.IssuedCertificate{SecretNamespace: "shop", SecretName: "web", SecretUID: "u", Fingerprint: "ff", SerialNumber: "01", NotAfter: &now},
		ToRevoke:   []v1alpha1.IssuedCertificate{{Fingerprint: "ee", SerialNumber: "02", Issuer: "VaultIssuer/vault"}},
		OwnedNames: []string{"shop.example"}, References: []v1alpha1.ObjectReference{{Kind: "Ingress", Namespace: "shop", Name: "web"}},
		ApprovalRequest: &v1alpha1.ApprovalRequest{Policy: "shop", Digest: "d"},
		Conditions:      []metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse, Reason: "Issuing", LastTransitionTime: now}},
		Gateways:        []v1alpha1.GatewayStatus{{Name: "default", SSLID: "1"}},
		KeyLocations:    []v1alpha1.KeyLocation{{Issuer: "VaultIssuer/vault", Mount: "kv", Path: "p"}},
	}
	fields := removals(t, cert.Status)
	g.until("the controller's update", func() error { return controller.Status().Update(t.Context(), cert) })
	g.must(g.patch(controller, cert, `{"status":{"failedAttempts":2}}`))
	for _, issuer := range issuers {
		g.must(g.patch(controller, issuer, `{"status":{"conditions":[{"type":"Ready","status":"True","reason":"VaultReady","message":"","lastTransitionTime":"2030-01-01T00:00:00Z"}]}}`))
	}

	// What others may not.
	fields = append(fields, `"ownedNames":["bank.example"]`, `"issued":{"fingerprint":"dd"}`, `"issued":{"secretNamespace":"bank"}`, `"toRevoke":[]`,
		`"conditions":[]`, `"gateways":[{"name":"default","sslID":"2"}]`, `"failedAttempts":0`, `"warnings":["w","v"]`)
	for who, c := range map[string]client.Client{"an approver": approver, "a tenant": tenant, "an administrator": g.admin} {
		for _, field := range fields {
			g.refused(who+" sets "+field, g.patch(c, cert, `{"status":{`+field+`}}`), "only the controller can change the status of")
		}
		g.refused(who+" removes it", g.patch(c, cert, `{"status":null}`), "only the controller can change the status of")
	}
	g.refused("an approver approves and takes a host", g.patch(approver, cert, `{"status":{"ownedNames":["bank.example"],`+approval+`}}`), "only the controller can change the status of")
	for who, c := range map[string]client.Client{"a tenant": tenant, "an administrator": g.admin} {
		for _, issuer := range issuers {
			g.refused(who+" changes an issuer", g.patch(c, issuer, `{"status":{"conditions":[]}}`), "only the controller can change the status of")
			g.refused(who+" approves an issuer", g.patch(c, issuer, `{"status":{"approval":"yes","conditions":null}}`), "only the controller can change the status of")
		}
	}

	// What they may: approve, and write what is there already.
	g.must(g.patch(approver, cert, `{"status":{`+approval+`}}`))
	g.must(g.patch(approver, cert, `{"status":{"ownedNames":["shop.example"]}}`))
}

// removals are patches that remove the fields of a status, one each. The status must have all that others may not change.
func removals(t *testing.T, status v1alpha1.ApisixCertificateStatus) []string {
	t.Helper()
	var all []string
	value := reflect.ValueOf(status)
	for i := range value.NumField() {
		name, _, _ := strings.Cut(value.Type().Field(i).Tag.Get("json"), ",")
		switch {
		case name == "approval":
		case value.Field(i).IsZero():
			t.Errorf("status.%s is not tried: give it a value", name)
		default:
			all = append(all, fmt.Sprintf("%q:null", name))
		}
	}
	return all
}

// approvalsByPolicy: who may approve by which policy, and under which name.
func approvalsByPolicy(g *guarded) {
	t := g.T
	approver := g.as("shop", "approver", approver("shop")...)
	writer := g.as("shop", "writer", rbacv1.PolicyRule{APIGroups: []string{"apisix-certs.io"}, Resources: []string{"apisixcertificates/status"}, Verbs: []string{"patch"}})
	cert := g.certificate("approved")
	g.guards(writer, cert, approval, "the verb approve")
	g.refused("another policy", g.patch(approver, cert, `{"status":{`+strings.Replace(approval, `"shop"`, `"blog"`, 1)+`}}`), "the verb approve", "blog")
	if err := g.patch(approver, cert, `{"status":{`+strings.Replace(approval, ":approver", ":writer", 1)+`}}`); !apierrors.IsInvalid(err) {
		t.Errorf("approved under another name: %v", err)
	}
	g.until("an approval", func() error { return g.patch(approver, cert, `{"status":{`+approval+`}}`) }) // of a certificate without a status
	g.refused("an approval taken away", g.patch(writer, cert, `{"status":{"approval":null}}`), "the verb approve")
	g.must(g.patch(approver, cert, `{"status":{"approval":null}}`))
}

// notWithTheObject: who creates or restores a certificate brings no status, so that only the status itself
// needs a guard.
func notWithTheObject(g *guarded) {
	t := g.T
	tenant := g.as("shop", "tenant", everything)
	cert := &v1alpha1.ApisixCertificate{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "restored"},
		Spec:       v1alpha1.ApisixCertificateSpec{SecretName: "web", IssuerRef: v1alpha1.IssuerReference{Name: "vault"}, DNSNames: []string{"bank.example"}},
		Status:     v1alpha1.ApisixCertificateStatus{OwnedNames: []string{"bank.example"}, FailedAttempts: 7},
	}
	g.until("a certificate", func() error { return tenant.Create(t.Context(), cert.DeepCopy()) })
	got := &v1alpha1.ApisixCertificate{}
	g.must(g.admin.Get(t.Context(), client.ObjectKeyFromObject(cert), got))
	got.Status.FailedAttempts, got.Spec.SecretName = 7, "other"
	g.must(tenant.Update(t.Context(), got))
	g.must(g.admin.Get(t.Context(), client.ObjectKeyFromObject(cert), got))
	if len(got.Status.OwnedNames) > 0 || got.Status.FailedAttempts != 0 || got.Spec.SecretName != "other" {
		t.Errorf("status %+v came with the object", got.Status)
	}
}

// TestStatusOfOtherReleases: releases that share a cluster name each other's ServiceAccounts; without the binding nothing is
// guarded, which is the way out where somebody must write a status by hand.
func TestStatusOfOtherReleases(t *testing.T) {
	g := newGuarded(t, "namespaceSelector: shard=a\nstatusPolicy: {serviceAccounts: [other/east-apisix-certs]}")
	makeNamespace(t, g.admin, "other")
	cert := g.certificate("web")
	listed, stranger := g.as("other", "east-apisix-certs", everything), g.as("other", "west-apisix-certs", everything)
	g.guards(stranger, cert, `"failedAttempts":9`, "only the controller")
	g.must(g.patch(listed, cert, `{"status":{"failedAttempts":3}}`))
	binding := &unstructured.Unstructured{}
	binding.SetAPIVersion("admissionregistration.k8s.io/v1")
	binding.SetKind(kindAdmission + "Binding")
	binding.SetName("gateway-certs-apisix-certs-status")
	g.must(g.admin.Delete(t.Context(), binding))
	g.until("the way out", func() error { return g.patch(g.admin, cert, `{"status":{"failedAttempts":4}}`) })
}

// TestStatusOfWatchedNamespaces: a release with few namespaces guards these, so that another may have the rest.
func TestStatusOfWatchedNamespaces(t *testing.T) {
	g := newGuarded(t, "watchNamespaces: [shop]")
	makeNamespace(t, g.admin, "blog")
	cert, issuers := g.certificate("web"), g.issuers()
	g.guards(g.admin, cert, `"failedAttempts":9`, "only the controller")
	g.refused("an issuer in a watched namespace", g.patch(g.admin, issuers[0], `{"status":{"conditions":[]}}`), "only the controller")
	g.must(g.patch(g.admin, issuers[1], `{"status":{"conditions":[]}}`)) // that of the cluster belongs to no release alone
	other := cert.DeepCopy()
	other.Namespace, other.ResourceVersion, other.UID = "blog", "", ""
	g.must(g.admin.Create(t.Context(), other.DeepCopy()))
	g.must(g.patch(g.admin, other, `{"status":{"failedAttempts":5}}`))
}

// TestPlainStatusPolicy: the plain manifests name the ServiceAccount of manifests/rbac.
func TestPlainStatusPolicy(t *testing.T) {
	r := render(t, Release{Values: PlainValues()})
	policy := r.Find(kindAdmission, Name+"-status")
	if policy == nil {
		t.Fatal("the chart has none")
	}
	if text := fmt.Sprint(policy.Object); !strings.Contains(text, "['system:serviceaccount:apisix-certs:apisix-certs']") {
		t.Errorf("the chart names another controller: %s", text)
	}
}
