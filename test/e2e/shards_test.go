// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestShards has two controllers side by side, each with namespaces, a lease and a tap of its own, and one ClusterVaultIssuer.
func TestShards(t *testing.T) {
	one, two := newNamespace(t, "shard-one"), newNamespace(t, "shard-two")
	one.clusterIssuer("shards")
	other := one.secondTap()
	one.must(one.stopController(t.Context()))
	t.Cleanup(func() { one.must(one.startController(context.Background())) })
	for _, s := range []*scene{one, two} {
		s.label("shard", s.ns)
	}
	first, second := one.startShard(one.kube, "shard-one"), one.startShard(other, "shard-two")
	one.resetTaps()
	other.Reset()

	const n = 5
	for i := range n {
		for _, s := range []*scene{one, two} {
			s.annotatedTLS(fmt.Sprintf("t%d", i), fmt.Sprintf("t%d.%s", i, s.domain))
		}
	}
	one.allReady(n)
	two.allReady(n)
	one.settle()
	if signs := one.vault.Count(isSign); signs != 2*n {
		t.Errorf("%d signatures for %d certificates", signs, 2*n)
	}
	onlyIn(t, one.kube, "shard-one")
	onlyIn(t, other, "shard-two")

	two.certificate("rival", []string{"t0." + one.domain})
	two.condition("rival", v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonConflict, "belongs to namespace shard-one")

	one.must(first.Stop())
	one.resetTaps()
	one.label("shard", "shard-two")
	one.certificate("moved", []string{"moved." + one.domain})
	one.ready("moved", "moved."+one.domain)
	if signs := one.vault.Count(isSign); signs != 1 {
		t.Errorf("%d signatures after the namespace has moved, want that of the new certificate", signs)
	}
	one.clear() // by the shard that has it now
	two.clear()
	one.must(second.Stop())
}

func isSign(c cluster.Call) bool { return strings.Contains(c.Path, "/sign/") }

// secondTap is another tap before the API server.
func (s *scene) secondTap() *cluster.Tap {
	s.Helper()
	tap, err := s.NewKubeTap()
	s.must(err)
	s.Cleanup(tap.Close)
	return tap
}

// startShard starts a controller for the namespaces with label shard=NAME.
func (s *scene) startShard(tap *cluster.Tap, name string) *cluster.Controller {
	s.Helper()
	mine := *s.Cluster
	mine.KubeTap = tap
	c, err := mine.StartController(s.Context(), s.binary, io.MultiWriter(s.log, s.witness), "--namespace-selector", "shard="+name, "--lease-name", name)
	s.must(err)
	s.Cleanup(c.Kill)
	return c
}

// clusterIssuer makes a ClusterVaultIssuer for the time of the test.
func (s *scene) clusterIssuer(name string) {
	s.Helper()
	token := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "apisix-certs", Name: name}, StringData: map[string]string{"token": s.token}}
	issuer := &v1alpha1.ClusterVaultIssuer{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.VaultIssuerSpec{
		Server: s.vault.URL, Path: "pki/sign/moelove-dot-info",
		Auth: v1alpha1.VaultAuth{TokenSecretRef: &v1alpha1.SecretKeySelector{Name: name, Key: "token"}},
	}}
	for _, object := range []client.Object{token, issuer} {
		s.must(s.Client.Create(s.Context(), object))
	}
	s.Cleanup(func() { // the issuer first: that its token is missing would have to be told
		for _, object := range []client.Object{issuer, token} {
			s.must(client.IgnoreNotFound(s.Client.Delete(context.Background(), object)))
		}
	})
}

// label sets a label of the scene's namespace.
func (s *scene) label(key, value string) {
	s.Helper()
	namespace := &corev1.Namespace{}
	s.must(s.Client.Get(s.Context(), client.ObjectKey{Name: s.ns}, namespace))
	before := namespace.DeepCopy()
	namespace.Labels[key] = value
	s.must(s.Client.Patch(s.Context(), namespace, client.MergeFrom(before)))
}

// annotatedTLS makes an ApisixTls that asks ClusterVaultIssuer shards.
func (s *scene) annotatedTLS(name, host string) {
	s.Helper()
	s.must(s.Client.Create(s.Context(), &configv2.ApisixTls{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.ns, Name: name, Annotations: map[string]string{v1alpha1.AnnotationClusterIssuer: "shards"}},
		Spec: &configv2.ApisixTlsSpec{
			Hosts: []configv2.HostType{configv2.HostType(host)}, Secret: configv2.ApisixSecret{Namespace: s.ns, Name: name},
		},
	}))
}

// onlyIn checks that all writes but those of leases and cluster-wide issuers, and their events, were in one namespace.
func onlyIn(t *testing.T, tap *cluster.Tap, namespace string) {
	t.Helper()
	beside := []string{"/leases", "/namespaces/apisix-certs/events", "/clustervaultissuers/", "/namespaces/default/events"}
	writes := 0
	for _, c := range tap.Calls(cluster.Call.Writes) {
		switch {
		case slices.ContainsFunc(beside, func(part string) bool { return strings.Contains(c.Path, part) }):
		case !strings.Contains(c.Path, "/namespaces/"+namespace+"/"):
			t.Errorf("the controller of %s wrote %s %s", namespace, c.Method, c.Path)
		default:
			writes++
		}
	}
	if writes == 0 {
		t.Errorf("the controller of %s wrote nothing", namespace)
	}
}
