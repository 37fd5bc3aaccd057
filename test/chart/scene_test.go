// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
)

// scene is a namespace in which everything happens that the controller has rights for.
type scene struct {
	*world
	ctx context.Context // ends when enough is seen
	ns  string
}

func newScene(w *world, ctx context.Context) *scene {
	w.Helper()
	s := &scene{world: w, ctx: ctx, ns: fmt.Sprintf("scene-%d", w.runs)}
	makeNamespace(w.T, w.Client, s.ns)
	return s
}

// play returns what did not happen.
func (s *scene) play() error {
	if err := s.apply(base); err != nil {
		return err
	}
	acts := []func() error{s.byTLS, s.byRoute, s.byIngress, s.byYielding, s.byGatewayProxy, s.byCertManager, s.byClusterIssuer, s.byConflict}
	done := make(chan error)
	for _, act := range acts {
		go func() { done <- act() }()
	}
	var err error
	for range acts {
		err = errors.Join(err, <-done)
	}
	return err
}

const base = `
apiVersion: v1
kind: Secret
metadata: {namespace: $ns, name: vault-token}
stringData: {token: $token}
---
apiVersion: apisix-certs.io/v1alpha1
kind: VaultIssuer
metadata: {namespace: $ns, name: vault}
spec: {server: "", path: pki/sign/moelove-dot-info, auth: {tokenSecretRef: {name: vault-token, key: token}}}
`

// byTLS: a certificate is issued, issued again for other hosts, twice, and ends with its ApisixTls.
func (s *scene) byTLS() error {
	const tls = `
apiVersion: apisix.apache.org/v2
kind: ApisixTls
metadata: {namespace: $ns, name: tls, annotations: {apisix-certs.io/issuer: vault}}
spec: {hosts: $hosts, secret: {name: tls, namespace: $ns}}
`
	hosts := s.host("tls")
	for _, more := range []string{"", s.host("more"), s.host("most")} {
		if more != "" {
			hosts += ", " + more
		}
		if err := s.apply(strings.ReplaceAll(tls, "$hosts", "["+hosts+"]")); err != nil {
			return err
		}
		if err := s.issued("tls", strings.Count(hosts, ",")+1); err != nil {
			return err
		}
	}
	source := s.find("apisix.apache.org/v2", "ApisixTls", "tls")
	if source == nil {
		return errors.New("the ApisixTls has gone")
	}
	if err := s.Client.Delete(s.ctx, source); err != nil {
		return err
	}
	return s.until("end of the certificate and its Secret", func() bool {
		return len(s.certificates("tls")) == 0 && s.find("v1", "Secret", "tls") == nil
	})
}

// byRoute: an ApisixTls is made for the route, and changed with it.
func (s *scene) byRoute() error {
	const route = `
apiVersion: apisix.apache.org/v2
kind: ApisixRoute
metadata: {namespace: $ns, name: route, annotations: {apisix-certs.io/issuer: vault}}
spec: {http: [{name: r, match: {hosts: $hosts, paths: [/*]}, backends: [{serviceName: s, servicePort: 80}]}]}
`
	for n, hosts := range []string{s.host("route"), s.host("route") + ", " + s.host("road")} {
		if err := s.apply(strings.ReplaceAll(route, "$hosts", "["+hosts+"]")); err != nil {
			return err
		}
		if err := s.until("ApisixTls of the route", func() bool {
			tls := s.find("apisix.apache.org/v2", "ApisixTls", "route-tls")
			if tls == nil {
				return false
			}
			got, _, _ := unstructured.NestedStringSlice(tls.Object, "spec", "hosts")
			return len(got) == n+1
		}); err != nil {
			return err
		}
	}
	return nil
}

// byIngress: of two certificates one ends with its entry.
func (s *scene) byIngress() error {
	const ingress = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: $ns, name: ingress, annotations: {apisix-certs.io/issuer: vault}}
spec: {tls: [$tls], defaultBackend: {service: {name: s, port: {number: 80}}}}
`
	stays, goes := "{hosts: ["+s.host("ingress")+"], secretName: ingress}", ", {hosts: ["+s.host("entry")+"], secretName: entry}"
	if err := s.apply(strings.ReplaceAll(ingress, "$tls", stays+goes)); err != nil {
		return err
	}
	for _, secret := range []string{"ingress", "entry"} {
		if err := s.issued(secret, 1); err != nil {
			return err
		}
	}
	if err := s.apply(strings.ReplaceAll(ingress, "$tls", stays)); err != nil {
		return err
	}
	return s.until("end of the certificate of an entry", func() bool { return len(s.certificates("entry")) == 0 })
}

// byYielding: the hosts of a route are covered by an Ingress one by one, so that there is an event of one kind twice.
func (s *scene) byYielding() error {
	a, b := s.host("a"), s.host("b")
	for _, yaml := range []string{`
apiVersion: apisix.apache.org/v2
kind: ApisixRoute
metadata: {namespace: $ns, name: yielding, annotations: {apisix-certs.io/issuer: vault}}
spec: {http: [{name: r, match: {hosts: [` + a + ", " + b + `], paths: [/*]}, backends: [{serviceName: s, servicePort: 80}]}]}
`, covering(a), covering(a + ", " + b)} {
		if err := s.apply(yaml); err != nil {
			return err
		}
		if !strings.Contains(yaml, "covering") {
			continue
		}
		if err := s.issued("covering", strings.Count(yaml, ".moelove.info")); err != nil {
			return err
		}
		if err := s.until("event that the route yields", func() bool { return s.covered() != nil }); err != nil {
			return err
		}
	}
	return s.until("the same event once more", func() bool { event := s.covered(); return event != nil && event.Series != nil })
}

func covering(hosts string) string {
	return `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {namespace: $ns, name: covering, annotations: {apisix-certs.io/issuer: vault}}
spec: {tls: [{hosts: [` + hosts + `], secretName: covering}], defaultBackend: {service: {name: s, port: {number: 80}}}}
`
}

// covered is the event that says which hosts of the route are covered, nil for none.
func (s *scene) covered() *eventsv1.Event {
	var list eventsv1.EventList
	_ = s.Client.List(s.ctx, &list, client.InNamespace(s.ns))
	for i := range list.Items {
		if event := &list.Items[i]; event.Regarding.Name == "yielding" && event.Reason == v1alpha1.ReasonCovered {
			return event
		}
	}
	return nil
}

// byGatewayProxy: the gateway's Services are looked for, though they are not there.
func (s *scene) byGatewayProxy() error {
	if err := s.apply(`
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: $ns}
spec:
  controller: example.com/nobody
  parameters: {apiGroup: apisix.apache.org, kind: GatewayProxy, scope: Namespace, namespace: $ns, name: proxy}
---
apiVersion: apisix.apache.org/v1alpha1
kind: GatewayProxy
metadata: {namespace: $ns, name: proxy}
spec:
  provider:
    type: ControlPlane
    controlPlane: {service: {name: admin, port: 9180}, auth: {type: AdminKey, adminKey: {value: not-a-secret}}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {namespace: $ns, name: proxy}
spec: {secretName: proxy, issuerRef: {name: vault}, dnsNames: [` + s.host("proxy") + `], ingressClassName: $ns}
`); err != nil {
		return err
	}
	return s.until("word on the Service of the GatewayProxy", func() bool {
		for _, c := range s.certificate("proxy").Status.Conditions {
			if strings.Contains(c.Message, "Service "+s.ns+"/admin") && strings.Contains(c.Message, "does not exist") {
				return true
			}
		}
		return false
	})
}

// byCertManager: a CertificateRequest is made, and deleted when it has failed.
func (s *scene) byCertManager() error {
	if err := s.apply(`
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {namespace: $ns, name: self}
spec: {selfSigned: {}}
---
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {namespace: $ns, name: foreign}
spec: {secretName: foreign, issuerRef: {group: cert-manager.io, kind: Issuer, name: self}, dnsNames: [` + s.host("foreign") + `]}
`); err != nil {
		return err
	}
	var request *unstructured.Unstructured
	if err := s.until("CertificateRequest", func() bool {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "CertificateRequestList"})
		if s.Client.List(s.ctx, list, client.InNamespace(s.ns)) != nil || len(list.Items) == 0 {
			return false
		}
		request = &list.Items[0]
		return true
	}); err != nil {
		return err
	}
	before := request.DeepCopy()
	failed := map[string]any{"type": "Ready", "status": "False", "reason": "Failed", "message": "no", "lastTransitionTime": "2026-01-01T00:00:00Z"}
	if err := unstructured.SetNestedSlice(request.Object, []any{failed}, "status", "conditions"); err != nil {
		return err
	}
	if err := s.Client.Status().Patch(s.ctx, request, client.MergeFrom(before)); err != nil {
		return err
	}
	return s.until("end of the CertificateRequest", func() bool {
		return s.find("cert-manager.io/v1", "CertificateRequest", request.GetName()) == nil
	})
}

// byClusterIssuer: a ClusterVaultIssuer gets a status.
func (s *scene) byClusterIssuer() error {
	if err := s.apply(`
apiVersion: apisix-certs.io/v1alpha1
kind: ClusterVaultIssuer
metadata: {name: $ns}
spec: {server: "https://vault.example.com:8200", path: pki/sign/web, auth: {tokenSecretRef: {name: none, key: token}}}
`); err != nil {
		return err
	}
	return s.until("status of the ClusterVaultIssuer", func() bool {
		issuer := &v1alpha1.ClusterVaultIssuer{}
		return s.Client.Get(s.ctx, client.ObjectKey{Name: s.ns}, issuer) == nil && len(issuer.Status.Conditions) > 0
	})
}

// byConflict: a certificate whose object changes all the time gets its status too, by a patch.
func (s *scene) byConflict() error {
	if err := s.apply(`
apiVersion: apisix-certs.io/v1alpha1
kind: ApisixCertificate
metadata: {namespace: $ns, name: busy, finalizers: [` + v1alpha1.Finalizer + `]}
spec: {secretName: busy, issuerRef: {name: vault}, dnsNames: [` + s.host("busy") + `]}
`); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	busy := &v1alpha1.ApisixCertificate{}
	busy.Namespace, busy.Name = s.ns, "busy"
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			_ = s.Client.Patch(ctx, busy.DeepCopy(), client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"labels":{"change":"%d"}}}`, n)))
		}
	}()
	return s.issued("busy", 1)
}

// end takes everything away, what a controller without rights has left included.
func (s *scene) end() {
	s.Helper()
	ctx := s.Context()
	for _, kind := range []schema.GroupVersionKind{
		{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixTls"},
		{Group: "apisix.apache.org", Version: "v2", Kind: "ApisixRoute"},
		{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
		{Group: "apisix-certs.io", Version: "v1alpha1", Kind: "ApisixCertificate"},
	} {
		all := &unstructured.UnstructuredList{}
		all.SetGroupVersionKind(kind)
		s.must(s.Client.List(ctx, all, client.InNamespace(s.ns)))
		for _, object := range all.Items {
			s.must(client.IgnoreNotFound(s.Client.Patch(ctx, &object, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`)))))
			s.must(client.IgnoreNotFound(s.Client.Delete(ctx, &object)))
		}
	}
	issuer := &v1alpha1.ClusterVaultIssuer{}
	issuer.Name = s.ns
	class := &networkingv1.IngressClass{}
	class.Name = s.ns
	for _, object := range []client.Object{issuer, class} {
		s.must(client.IgnoreNotFound(s.Client.Delete(ctx, object)))
	}
}

func (s *scene) apply(yaml string) error {
	yaml = strings.NewReplacer("$ns", s.ns, "$token", s.token).Replace(yaml)
	return s.Apply(s.ctx, s.ns, []byte(yaml))
}

// until waits for something to be true.
func (s *scene) until(what string, is func() bool) error {
	err := wait.PollUntilContextCancel(s.ctx, 50*time.Millisecond, true, func(context.Context) (bool, error) { return is(), nil })
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// issued waits for a certificate of so many hosts in a Secret, proven and all.
func (s *scene) issued(secret string, hosts int) error {
	return s.until("certificate in Secret "+secret, func() bool {
		for _, c := range s.certificates(secret) {
			if len(c.Spec.DNSNames) == hosts && ready(c) {
				return true
			}
		}
		return false
	})
}

func ready(c v1alpha1.ApisixCertificate) bool {
	for _, condition := range c.Status.Conditions {
		if condition.Type == v1alpha1.ConditionReady {
			return condition.Status == "True" && condition.ObservedGeneration == c.Generation
		}
	}
	return false
}

// certificates are those of a Secret.
func (s *scene) certificates(secret string) []v1alpha1.ApisixCertificate {
	var list v1alpha1.ApisixCertificateList
	if s.Client.List(s.ctx, &list, client.InNamespace(s.ns)) != nil {
		return make([]v1alpha1.ApisixCertificate, 1) // unknown, which is not none
	}
	var found []v1alpha1.ApisixCertificate
	for _, c := range list.Items {
		if c.Spec.SecretName == secret {
			found = append(found, c)
		}
	}
	return found
}

func (s *scene) certificate(name string) v1alpha1.ApisixCertificate {
	var c v1alpha1.ApisixCertificate
	_ = s.Client.Get(s.ctx, client.ObjectKey{Namespace: s.ns, Name: name}, &c)
	return c
}

// find returns an object, nil where it is not there.
func (s *scene) find(apiVersion, kind, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetAPIVersion(apiVersion)
	object.SetKind(kind)
	if s.Client.Get(s.ctx, client.ObjectKey{Namespace: s.ns, Name: name}, object) != nil {
		return nil
	}
	return object
}
