// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// tenant makes ServiceAccount NAME of the scene's namespace with the rules there, and returns a client that acts as it and
// a kubeconfig file.
func (s *scene) tenant(name string, rules ...rbacv1.PolicyRule) (client.Client, string) {
	s.Helper()
	c, kubeconfig, err := s.Tenant(s.Context(), s.ns, name, rules...)
	s.must(err)
	file := filepath.Join(s.TempDir(), name)
	s.must(os.WriteFile(file, kubeconfig, 0o600))
	return c, file
}

// writer is what a tenant may do in its namespace.
var writer = []rbacv1.PolicyRule{
	{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingresses"}, Verbs: []string{"*"}},
	{APIGroups: []string{"apisix.apache.org"}, Resources: []string{"apisixtlses"}, Verbs: []string{"*"}},
	{APIGroups: []string{"apisix-certs.io"}, Resources: []string{"apisixcertificates"}, Verbs: []string{"*"}},
}

// byVault opts an object in.
var byVault = map[string]string{v1alpha1.AnnotationIssuer: "vault"}

func ingressOf(ns, name string, hosts ...string) *networkingv1.Ingress {
	return cluster.NewIngress(ns, name, name, byVault, hosts...)
}

func tlsOf(ns, name, secretNamespace, secretName string, hosts ...string) *configv2.ApisixTls {
	return cluster.NewApisixTLS(ns, name, secretNamespace, secretName, byVault, hosts...)
}

func certOf(ns, name string, ref v1alpha1.IssuerReference, hosts ...string) *v1alpha1.ApisixCertificate {
	return cluster.NewCertificate(ns, name, name, ref, hosts...)
}

// possession is what a tenant has of a host.
type possession struct {
	leaf   *x509.Certificate
	secret string // version
	ssl    string // id
}

func (s *scene) possession(name, host string) possession {
	s.Helper()
	leaf := s.ready(name, host)
	ssls := s.ssls(host)
	if len(ssls) != 1 {
		s.Fatalf("%d ssl objects of %s", len(ssls), host)
	}
	return possession{leaf, s.keptSecret(name).ResourceVersion, ssls[0].ID}
}

func (s *scene) undisturbed(name, host string, before possession) {
	s.Helper()
	after := s.possession(name, host)
	if !after.leaf.Equal(before.leaf) || after.secret != before.secret || after.ssl != before.ssl {
		s.Errorf("what %s has of %s is another: serial %s and %s, Secret %s and %s, ssl object %s and %s", s.ns, host,
			certs.Serial(before.leaf), certs.Serial(after.leaf), before.secret, after.secret, before.ssl, after.ssl)
	}
}

// TestTenants: who may write Ingresses, ApisixTlses and ApisixCertificates in one namespace can neither take nor disturb
// another's host, Secret or ssl object, nor use an issuer of another namespace.
func TestTenants(t *testing.T) {
	t.Parallel()
	a, b := newNamespace(t, "tenant-a"), newNamespace(t, "tenant-b")
	ctx := t.Context()
	ours, _ := a.tenant("dev", writer...)
	theirs, _ := b.tenant("dev", writer...)
	shop, blog, wild := "shop."+a.domain, "blog."+a.domain, "x.wild."+a.domain
	a.issuer("ours", "pki/sign/moelove-dot-info")

	// An object of b that is older than all of a's, and names their host later.
	b.must(theirs.Create(ctx, tlsOf(b.ns, "old", b.ns, "old", "old."+b.domain)))
	b.ready("old", "old."+b.domain)
	a.must(ours.Create(ctx, ingressOf(a.ns, "shop", shop)))
	a.must(ours.Create(ctx, tlsOf(a.ns, "blog", a.ns, "blog", blog, "*.wild."+a.domain)))
	have := map[string]possession{shop: a.possession("shop", shop), blog: a.possession("blog", blog)}

	b.must(theirs.Create(ctx, ingressOf(b.ns, "same", shop)))
	b.must(theirs.Create(ctx, tlsOf(b.ns, "wild", b.ns, "wild", "*."+a.domain)))
	b.must(theirs.Create(ctx, certOf(b.ns, "under", v1alpha1.IssuerReference{Name: "vault"}, wild)))
	pushed := certOf(b.ns, "pushed", v1alpha1.IssuerReference{}, shop)
	pushed.Spec.Provided = true
	b.must(theirs.Create(ctx, pushed))
	old := &configv2.ApisixTls{}
	b.must(theirs.Get(ctx, client.ObjectKey{Namespace: b.ns, Name: "old"}, old))
	old.Spec.Hosts = append(old.Spec.Hosts, configv2.HostType(blog))
	b.must(theirs.Update(ctx, old))
	for name, host := range map[string]string{"same": shop, "wild": "*." + a.domain, "under": wild, "pushed": shop, "old": blog} {
		b.condition(name, v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict, host+" belongs to namespace "+a.ns)
	}
	b.event("Ingress", "same", v1alpha1.ReasonConflict, shop)
	b.event("ApisixTls", "wild", v1alpha1.ReasonConflict, "*."+a.domain)

	// The Secret of a, for a host of b and with clients that a knows nothing of.
	steal := tlsOf(b.ns, "steal", a.ns, "shop", "steal."+b.domain)
	steal.Spec.Client = &configv2.ApisixMutualTlsClientConfig{CASecret: configv2.ApisixSecret{Namespace: b.ns, Name: "ca"}}
	b.must(theirs.Create(ctx, steal))
	b.condition(a.ns+".shop", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRefNotPermitted, "no ReferenceGrant in namespace "+a.ns)
	away := certOf(b.ns, "away", v1alpha1.IssuerReference{Name: "vault"}, "away."+b.domain)
	away.Spec.SecretNamespace, away.Spec.SecretName = a.ns, "blog"
	b.must(theirs.Create(ctx, away))
	b.condition("away", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRefNotPermitted)
	if c := b.cert("away"); c.Status.Issued.Fingerprint != "" {
		t.Error("the status tells what a Secret of another namespace holds")
	}

	b.must(theirs.Create(ctx, certOf(b.ns, "issuer", v1alpha1.IssuerReference{Name: "ours"}, "issuer."+b.domain)))
	b.condition("issuer", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonIssuerNotFound, "VaultIssuer/ours")

	forbidden := map[string]error{
		"Ingress of a": theirs.Create(ctx, ingressOf(a.ns, "evil", "evil."+a.domain)),
		"Secret of a":  theirs.Get(ctx, client.ObjectKey{Namespace: a.ns, Name: "shop"}, &corev1.Secret{}),
		"status": theirs.Status().Patch(ctx, certOf(b.ns, "same", v1alpha1.IssuerReference{}),
			client.RawPatch("application/merge-patch+json", []byte(`{"status":{"ownedNames":["`+shop+`"]}}`))),
	}
	for what, err := range forbidden {
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	a.undisturbed("shop", shop, have[shop])
	a.undisturbed("blog", blog, have[blog])

	// What a gives up, b gets.
	a.must(ours.Delete(ctx, ingressOf(a.ns, "shop")))
	b.must(theirs.Delete(ctx, pushed))
	b.must(theirs.Delete(ctx, steal))
	b.must(theirs.Delete(ctx, certOf(b.ns, "wild", v1alpha1.IssuerReference{})))
	b.must(theirs.Delete(ctx, tlsOf(b.ns, "wild", b.ns, "wild")))
	b.ready("same", shop)
	b.toldAlways("same", v1alpha1.ReasonConflict, "spec.tls[].hosts: host "+shop)
	b.toldAlways("wild", v1alpha1.ReasonConflict, "spec.hosts: host *."+a.domain)
}

// TestTwoThatFight: two objects that are made at the same time for one host settle on one owner and stay there.
func TestTwoThatFight(t *testing.T) {
	t.Parallel()
	a, b := newNamespace(t, "fight-a"), newNamespace(t, "fight-b")
	host := "ring." + a.domain
	a.certificate("one", []string{host})
	b.certificate("two", []string{host})
	var winner, loser *scene
	names := map[*scene]string{a: "one", b: "two"}
	a.until("an owner", func() string {
		for first, second := range map[*scene]*scene{a: b, b: a} {
			if owned := first.cert(names[first]).Status.OwnedNames; len(owned) == 1 && len(second.cert(names[second]).Status.OwnedNames) == 0 {
				winner, loser = first, second
				return ""
			}
		}
		return "nobody, or both"
	})
	leaf := winner.ready(names[winner], host)
	loser.condition(names[loser], v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict, host)
	for range 3 { // whatever is done to either
		for s, name := range names {
			s.annotate(&v1alpha1.ApisixCertificate{}, name, "touched", s.cert(name).ResourceVersion)
		}
	}
	loser.condition(names[loser], v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict, host)
	if again := winner.ready(names[winner], host); !again.Equal(leaf) {
		t.Error("the owner issued again")
	}
	if loser.keptSecret(names[loser]+"-tls") != nil {
		t.Error("the other was issued too")
	}
}

// command runs the command line, and returns what it prints.
func (s *scene) command(kubeconfig string, args ...string) (string, error) {
	s.Helper()
	out, err := exec.CommandContext(s.Context(), s.binary, append(args, "--kubeconfig", kubeconfig)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
