// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/certs/certstest"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// must ends the test where something that is no subject of it fails.
func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// make creates objects, and deletes them with the test.
func (w *world) make(objects ...client.Object) {
	w.t.Helper()
	for _, object := range objects {
		w.must(w.Client.Create(w.t.Context(), object))
		w.t.Cleanup(func() { _ = w.Client.Delete(context.Background(), object) })
	}
}

// byHand is an ApisixCertificate that no source made, for Secret NAME-tls.
func (w *world) byHand(name string, edit func(*v1alpha1.ApisixCertificateSpec)) *managed {
	m := w.managed("", name)
	cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{
		SecretName: m.secret, DNSNames: m.hosts, IssuerRef: v1alpha1.IssuerReference{Name: "vault-issuer"},
	}}
	cert.Name, cert.Namespace = m.secret, namespace
	if edit != nil {
		edit(&cert.Spec)
	}
	w.make(cert)
	return m
}

// wantConditions waits for conditions, each as TYPE=STATUS REASON.
func (m *managed) wantConditions(within time.Duration, want ...string) {
	m.t.Helper()
	m.eventually(within, func(ctx context.Context) (bool, string) {
		cert := &v1alpha1.ApisixCertificate{}
		if err := m.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: m.secret}, cert); err != nil {
			return false, err.Error()
		}
		var got []string
		for _, c := range cert.Status.Conditions {
			got = append(got, c.Type+"="+string(c.Status)+" "+c.Reason)
		}
		for _, one := range want {
			if !slices.Contains(got, one) {
				return false, fmt.Sprintf("%s: %v, want %v", m.secret, cert.Status.Conditions, want)
			}
		}
		return true, ""
	})
}

// wantEvent waits for an event of an object that says what.
func (w *world) wantEvent(kind, name, reason, what string) {
	w.t.Helper()
	w.eventually(20*time.Second, func(ctx context.Context) (bool, string) {
		var list eventsv1.EventList
		if err := w.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
			return false, err.Error()
		}
		var said []string
		for _, e := range list.Items {
			if e.Regarding.Kind == kind && e.Regarding.Name == name {
				said = append(said, e.Reason+" "+e.Note)
			}
		}
		ok := slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, reason+" ") && strings.Contains(s, what) })
		return ok, fmt.Sprintf("%s %s: %q has no %s with %q", kind, name, said, reason, what)
	})
}

func (m *managed) withIssuer(object client.Object) client.Object {
	object.SetAnnotations(map[string]string{v1alpha1.AnnotationIssuer: "vault-issuer"})
	return object
}

// wantHandshake waits until the hosts answer with a certificate that names them.
func (m *managed) wantHandshake(within time.Duration) {
	m.t.Helper()
	m.eventually(within, func(ctx context.Context) (bool, string) {
		for _, host := range m.hosts {
			leaf, err := served(ctx, m.real.TLSAddr, host)
			if err != nil || leaf.VerifyHostname(host) != nil {
				return false, host + " is not served"
			}
		}
		return true, ""
	})
}

// TestMeasureGateways measures how soon an annotated Gateway is served beside the double, and a ListenerSet has its certificate.
func TestMeasureGateways(t *testing.T) {
	w := newWorld(t, modeAdopt2)
	n := 5
	if long() {
		n = 20
	}
	for _, of := range []struct{ kind, measure string }{{"Gateway", "gateway_to_served"}, {"ListenerSet", "listenerset_to_ready"}} {
		var took []time.Duration
		for i := range n {
			m := w.managed(of.kind, fmt.Sprintf("measured-%s-%d", strings.ToLower(of.kind), i))
			begun := time.Now()
			m.create()
			defer m.delete()
			if of.kind == "Gateway" {
				m.wantHandshake(30 * time.Second)
			} else {
				m.wantServed(30 * time.Second)
			}
			took = append(took, time.Since(begun))
		}
		slices.Sort(took)
		fmt.Printf("measure: %s n=%d p50_ms=%d max_ms=%d\n", of.measure, n, took[n/2].Milliseconds(), took[n-1].Milliseconds())
	}
	for _, ssl := range w.ssls() {
		if strings.HasPrefix(ssl.ID, "ac-") {
			t.Errorf("ssl object %s is our own, beside 2.x", ssl.ID)
		}
	}
}

// TestGatewayOfTwoSecrets: of two Secrets of a listener, which have ssl objects with the same hosts and labels, the first gets a
// certificate. The second is somebody else's, and its ssl object is not touched when ours is patched with the controller stopped.
func TestGatewayOfTwoSecrets(t *testing.T) {
	w := newWorld(t, modeAdopt2)
	m := w.managed("Gateway", "pair")
	theirs := &corev1.Secret{Type: corev1.SecretTypeTLS, Data: map[string][]byte{}}
	theirs.Name, theirs.Namespace = "pair-theirs", namespace
	end := time.Now().Add(time.Hour)
	leaf, key := certstest.NewCA(t, "theirs", end).Pair(t, &x509.Certificate{DNSNames: m.hosts, NotAfter: end})
	theirs.Data[corev1.TLSCertKey], theirs.Data[corev1.TLSPrivateKeyKey] = certstest.PEM(leaf), key
	gw := m.gateway().(*gatewayv1.Gateway)
	gw.Spec.Listeners[0].TLS.CertificateRefs = append(gw.Spec.Listeners[0].TLS.CertificateRefs, gatewayv1.SecretObjectReference{Name: "pair-theirs"})
	w.make(theirs, m.withIssuer(gw))
	holds := func(within time.Duration, not string) (serial string) {
		w.eventually(within, func(ctx context.Context) (bool, string) {
			secret := &corev1.Secret{}
			if err := w.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: m.secret}, secret); err != nil {
				return false, err.Error()
			}
			ours := slices.ContainsFunc(w.ssls(), func(ssl apisix.SSL) bool { return ssl.Cert == string(secret.Data[corev1.TLSCertKey]) })
			others := slices.ContainsFunc(w.ssls(), func(ssl apisix.SSL) bool { return ssl.Cert == string(theirs.Data[corev1.TLSCertKey]) })
			serial = m.certificate().Status.Issued.SerialNumber
			return ours && others && len(w.ssls()) == 2 && serial != not, fmt.Sprintf("of %d ssl objects one holds ours: %v, one theirs: %v", len(w.ssls()), ours, others)
		})
		return serial
	}
	before := holds(30*time.Second, "")
	w.stopTheirs()
	m.renew()
	holds(30*time.Second, before)
	w.wantEvent("Gateway", "pair", v1alpha1.ReasonInvalidSource, "certificateRefs[1] is a second Secret for "+m.hosts[0])
}

// TestGatewayByHand: of a Gateway that asks for nothing and a certificate written by hand for its Secret, the certificate is Ready and
// renewed at the gateway while the controller is stopped; and its Secret stays when it is deleted, for the Gateway refers to it.
func TestGatewayByHand(t *testing.T) {
	w := newWorld(t, modeAdopt2)
	m := w.byHand("byhand", nil)
	w.make(m.gateway())
	m.wantServed(30 * time.Second)
	w.stopTheirs()
	m.renew()
	m.wantServed(30 * time.Second)
	w.startTheirs()
	w.must(w.Client.Delete(t.Context(), m.certificate()))
	w.eventually(20*time.Second, func(ctx context.Context) (bool, string) {
		err := w.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: m.secret}, &v1alpha1.ApisixCertificate{})
		return client.IgnoreNotFound(err) == nil && err != nil, "the ApisixCertificate does not go"
	})
	w.must(w.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: m.secret}, &corev1.Secret{}))
	if _, err := served(t.Context(), w.real.TLSAddr, m.hosts[0]); err != nil {
		t.Errorf("the host is dark: %v", err)
	}
	secret := &corev1.Secret{}
	secret.Name, secret.Namespace = m.secret, namespace
	t.Cleanup(func() { _ = w.Client.Delete(context.Background(), secret) })
}

// TestNotReferenced: what nothing at the gateway uses is Ready, and Served where the host answers with it, whoever put it there.
func TestNotReferenced(t *testing.T) {
	w := newWorld(t, modeAdopt2)
	m := w.byHand("unused", nil)
	m.wantConditions(30*time.Second, "Ready=True Ready", "Issued=True Issued", "Pushed=Unknown NotReferenced", "Served=Unknown NotProven")
	none := w.byHand("none", func(spec *v1alpha1.ApisixCertificateSpec) { spec.Gateways = v1alpha1.GatewaysNone })
	none.wantConditions(30*time.Second, "Ready=True Ready", "Pushed=True NoGateway", "Served=Unknown NotProven")
	w.stopTheirs() // it would delete what somebody else puts there
	secret := &corev1.Secret{}
	w.must(w.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: m.secret}, secret))
	_, err := w.admin.PutSSL(t.Context(), apisix.SSL{ID: "theirs", SNIs: m.hosts, Cert: string(secret.Data[corev1.TLSCertKey]), Key: string(secret.Data[corev1.TLSPrivateKeyKey])})
	w.must(err)
	m.wantConditions(60*time.Second, "Ready=True Ready", "Pushed=Unknown NotReferenced", "Served=True Served")
	if n := w.oursWrote(); n > 0 {
		t.Errorf("%d writes of ours for what nothing uses", n)
	}
}

// TestOtherClass: what is of another controller's class gets its Secret and no push, annotated or with --manage all.
func TestOtherClass(t *testing.T) {
	for name, args := range map[string][]string{
		"annotated":  nil,
		"manage_all": {"--manage", "all", "--default-issuer", "VaultIssuer/vault-issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, modeAdopt2, args...)
			w.make(ingressClass("nginx", "k8s.io/ingress-nginx"))
			other := &gatewayv1.GatewayClass{Spec: gatewayv1.GatewayClassSpec{ControllerName: "example.com/gateway-controller"}}
			other.Name = "other"
			w.make(other)
			x, y := w.managed("Ingress", "other-ingress-"+strings.ReplaceAll(name, "_", "-")), w.managed("Gateway", "other-gateway-"+strings.ReplaceAll(name, "_", "-"))
			ingress, gw := x.ingress().(*networkingv1.Ingress), y.gateway().(*gatewayv1.Gateway)
			ingress.Spec.IngressClassName, gw.Spec.GatewayClassName = ptr.To("nginx"), "other"
			for _, object := range []client.Object{ingress, gw} {
				if args == nil {
					x.withIssuer(object)
				}
				w.make(object)
			}
			for _, m := range []*managed{x, y} {
				m.wantConditions(30*time.Second, "Ready=True Ready", "Issued=True Issued", "Pushed=True NoGateway")
			}
			if n := len(w.ssls()) + w.oursWrote(); n > 0 {
				t.Errorf("%d ssl objects and writes for classes of others", n)
			}
		})
	}
}

// TestGatewayFaults: what is wrong with a Gateway or a ListenerSet is said in its own terms, and nothing is issued for it.
func TestGatewayFaults(t *testing.T) {
	w := newWorld(t, modeAdopt2)
	twice := w.managed("Gateway", "twice")
	gw := twice.gateway().(*gatewayv1.Gateway)
	second := *gw.Spec.Listeners[0].DeepCopy()
	second.Name, second.Port, second.TLS.CertificateRefs[0].Name = "second", 8443, "twice-other-tls"
	gw.Spec.Listeners = append(gw.Spec.Listeners, second)

	noClass := w.managed("Gateway", "noclass")
	without := noClass.gateway().(*gatewayv1.Gateway)
	without.Spec.GatewayClassName = "absent"

	away := w.managed("Gateway", "away")
	ungranted := away.gateway().(*gatewayv1.Gateway)
	ungranted.Spec.Listeners[0].TLS.CertificateRefs[0].Namespace = ptr.To(gatewayv1.Namespace("kube-system"))

	refused := w.managed("Gateway", "refused")
	refused.hosts = []string{"refused.example.org"} // not a domain of the role

	set := w.managed("ListenerSet", "notallowed")
	denied := set.listenerSet().(*gatewayv1.ListenerSet)
	denied.Spec.ParentRef.Name = "closed"
	closed := &gatewayv1.Gateway{ObjectMeta: metav1.ObjectMeta{Name: "closed", Namespace: namespace}, Spec: *w.managed("Gateway", "closed").gateway().(*gatewayv1.Gateway).Spec.DeepCopy()}

	for _, object := range []client.Object{gw, without, ungranted, refused.gateway(), denied} {
		w.make(twice.withIssuer(object))
	}
	w.make(closed)

	twice.wantServed(30 * time.Second)
	w.wantEvent("Gateway", "twice", v1alpha1.ReasonInvalidSource, "spec.listeners[second].hostname "+twice.hosts[0]+" is also used by listener l0")
	noClass.wantConditions(30*time.Second, "Issued=True Issued", "Pushed=False ClassNotFound")
	w.wantEvent("Gateway", "noclass", v1alpha1.ReasonClassNotFound, "GatewayClass absent does not exist")
	away.secret = "kube-system.away-tls"
	away.wantConditions(30*time.Second, "Issued=False RefNotPermitted")
	w.wantEvent("Gateway", "away", v1alpha1.ReasonRefNotPermitted, "kind: Gateway, namespace: "+namespace)
	refused.wantConditions(30*time.Second, "Issued=False Refused")
	w.wantEvent("Gateway", "refused", v1alpha1.ReasonRefused, "refused.example.org")
	w.wantEvent("ListenerSet", "notallowed", v1alpha1.ReasonInvalidSource, "Gateway default/closed does not allow ListenerSets of namespace default")

	for name, wanted := range map[string]bool{
		twice.secret: true, "twice-other-tls": false, noClass.secret: true, away.secret: false, refused.secret: false, set.secret: false,
	} {
		cert := &v1alpha1.ApisixCertificate{}
		w.must(client.IgnoreNotFound(w.Client.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, cert)))
		if issued := meta.IsStatusConditionTrue(cert.Status.Conditions, v1alpha1.ConditionIssued); issued != wanted {
			t.Errorf("certificate %s: issued %v, want %v", name, issued, wanted)
		}
	}
}

// TestGatewayOwn: a Gateway whose GatewayClass is of another controller and names a GatewayProxy, so that no ingress controller of
// APISIX keeps ssl objects there, has one of ours, which follows the hosts of its listeners and goes with it.
func TestGatewayOwn(t *testing.T) {
	if err := theCluster(t).Apply(t.Context(), "GatewayProxy", []byte(cluster.GatewayProxyCRD)); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, modeOwn)
	objects := fmt.Appendf(nil, `
apiVersion: apisix.apache.org/v1alpha1
kind: GatewayProxy
metadata: {name: own, namespace: default, annotations: {apisix-certs.io/tls-addr: %q}}
spec: {provider: {type: ControlPlane, controlPlane: {endpoints: [%q], auth: {type: AdminKey, adminKey: {value: %q}}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: own}
spec:
  controllerName: example.com/gateway-controller
  parametersRef: {group: apisix.apache.org, kind: GatewayProxy, name: own, namespace: default}
`, w.real.TLSAddr, w.tap.URL, w.real.AdminKey)
	w.eventually(20*time.Second, func(ctx context.Context) (bool, string) { // the CRD was just installed
		err := w.Apply(ctx, "GatewayProxy", objects)
		return err == nil, fmt.Sprint(err)
	})
	m := w.managed("Gateway", "pushed")
	gw := m.gateway().(*gatewayv1.Gateway)
	gw.Spec.GatewayClassName = "own"
	w.make(m.withIssuer(gw))
	look := func(what string) {
		t.Helper()
		w.eventually(30*time.Second, func(ctx context.Context) (bool, string) {
			serial, but := m.look(ctx)
			if but == "" && serial == m.serial {
				but = "the same certificate as before is served"
			}
			if but == "" {
				m.serial = serial
			}
			return but == "", what + ": " + but
		})
		if own, theirs := m.objects(); own != 1 || theirs != 0 {
			t.Errorf("%s: there are %d ssl objects of ours and %d of others", what, own, theirs)
		}
	}
	look("first issue")
	m.renew()
	look("renewal")
	m.hosts = append(m.hosts, w.host("pushed-too"))
	more := gw.DeepCopy()
	more.Spec.Listeners = m.listeners()
	w.must(w.Client.Patch(t.Context(), more, client.MergeFrom(gw)))
	look("host change")
	w.must(w.Client.Delete(t.Context(), gw))
	m.wantGone(40 * time.Second)
}
