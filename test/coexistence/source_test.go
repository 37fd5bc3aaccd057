// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// kinds of sources.
var kinds = []string{"ApisixTls", "ApisixRoute", "Ingress", "Gateway", "ListenerSet"}

// carried reports whether what a source of a kind names comes to the gateway in a mode: no ingress controller knows of ListenerSets,
// and only 2.x of Gateways. In the other modes Gateways are another controller's.
func carried(mode, kind string) bool {
	switch kind {
	case "ListenerSet":
		return false
	case "Gateway":
		return mode == modeAdopt2 || mode == modeSecret
	}
	return true
}

// carriedKinds are those of sources that come to the gateway in a mode.
func carriedKinds(mode string) []string {
	return slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { return !carried(mode, kind) })
}

// managed is one source of ours in a world, and its certificate.
type managed struct {
	*world
	kind, name, secret string
	hosts              []string
	serial             string // of the certificate served last
}

func (w *world) managed(kind, name string) *managed {
	m := &managed{world: w, kind: kind, name: name, secret: name + "-tls", hosts: []string{w.host(name)}}
	return m
}

func (m *managed) object() client.Object {
	switch m.kind {
	case "ApisixTls":
		return apisixTLS(m.name, m.secret, m.hosts...)
	case "ApisixTls without class":
		object := apisixTLS(m.name, m.secret, m.hosts...)
		object.Spec.IngressClassName = ""
		return object
	case "ApisixRoute":
		return m.route()
	case "Gateway":
		return m.gateway()
	case "ListenerSet":
		return m.listenerSet()
	}
	return m.ingress()
}

func (m *managed) listeners() []gatewayv1.Listener {
	var all []gatewayv1.Listener
	for i, host := range m.hosts {
		all = append(all, gatewayv1.Listener{
			Name: gatewayv1.SectionName(fmt.Sprintf("l%d", i)), Port: 443, Protocol: gatewayv1.HTTPSProtocolType, Hostname: ptr.To(gatewayv1.Hostname(host)),
			TLS: &gatewayv1.ListenerTLSConfig{CertificateRefs: []gatewayv1.SecretObjectReference{{Name: gatewayv1.ObjectName(m.secret)}}},
		})
	}
	return all
}

func (m *managed) gateway() client.Object {
	gw := &gatewayv1.Gateway{Spec: gatewayv1.GatewaySpec{GatewayClassName: gatewayv1.ObjectName(class), Listeners: m.listeners()}}
	gw.Name, gw.Namespace = m.name, namespace
	return gw
}

func (m *managed) listenerSet() client.Object {
	set := &gatewayv1.ListenerSet{Spec: gatewayv1.ListenerSetSpec{ParentRef: gatewayv1.ParentGatewayReference{Name: parentGateway}}}
	for _, l := range m.listeners() {
		set.Spec.Listeners = append(set.Spec.Listeners, gatewayv1.ListenerEntry{Name: l.Name, Port: l.Port, Protocol: l.Protocol, Hostname: l.Hostname, TLS: l.TLS})
	}
	set.Name, set.Namespace = m.name, namespace
	return set
}

func (m *managed) route() client.Object {
	route := cluster.NewApisixRoute(namespace, m.name, nil, m.hosts...)
	route.Object["spec"].(map[string]any)["ingressClassName"] = class
	return route
}

func (m *managed) ingress() client.Object {
	backend := networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "httpbin", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	object := &networkingv1.Ingress{Spec: networkingv1.IngressSpec{
		IngressClassName: ptr.To(class), TLS: []networkingv1.IngressTLS{{Hosts: m.hosts, SecretName: m.secret}},
		Rules: []networkingv1.IngressRule{{Host: m.hosts[0], IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
			Paths: []networkingv1.HTTPIngressPath{{Path: "/", PathType: ptr.To(networkingv1.PathTypePrefix), Backend: backend}},
		}}}},
	}}
	object.Name, object.Namespace = m.name, namespace
	return object
}

// create makes the source; our controller then makes the rest.
func (m *managed) create() {
	m.t.Helper()
	object := m.object()
	object.SetAnnotations(map[string]string{v1alpha1.AnnotationIssuer: "vault-issuer"})
	if err := m.Client.Create(m.t.Context(), object); err != nil {
		m.t.Fatal(err)
	}
}

// changeHosts adds a host to the source.
func (m *managed) changeHosts() {
	m.t.Helper()
	m.hosts = append(m.hosts, m.world.host(m.name+"-too"))
	want := m.object()
	have := want.DeepCopyObject().(client.Object)
	if err := m.Client.Get(m.t.Context(), client.ObjectKeyFromObject(want), have); err != nil {
		m.t.Fatal(err)
	}
	want.SetAnnotations(have.GetAnnotations())
	want.SetResourceVersion(have.GetResourceVersion())
	if tls, ok := want.(*configv2.ApisixTls); ok {
		tls.Status = have.(*configv2.ApisixTls).Status
	}
	if err := m.Client.Update(m.t.Context(), want); err != nil {
		m.t.Fatal(err)
	}
}

func (m *managed) delete() {
	m.t.Helper()
	if err := m.Client.Delete(m.t.Context(), m.object()); err != nil {
		m.t.Fatal(err)
	}
}

// renew asks for a new certificate.
func (m *managed) renew() {
	m.t.Helper()
	cert := m.certificate()
	to := cert.DeepCopy()
	if to.Annotations == nil {
		to.Annotations = map[string]string{}
	}
	to.Annotations[v1alpha1.AnnotationRenewAt] = time.Now().Add(time.Second).UTC().Format(time.RFC3339)
	if err := m.Client.Patch(m.t.Context(), to, client.MergeFrom(cert)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *managed) certificate() *v1alpha1.ApisixCertificate {
	m.t.Helper()
	cert := &v1alpha1.ApisixCertificate{}
	if err := m.Client.Get(m.t.Context(), client.ObjectKey{Namespace: namespace, Name: m.secret}, cert); err != nil {
		m.t.Fatal(err)
	}
	return cert
}

// wantServed waits until a certificate other than the last one is served for all hosts and said to be Ready; of a source that
// does not come to the gateway, until the Secret holds one, Ready and NotReferenced or NoGateway.
func (m *managed) wantServed(within time.Duration) {
	m.t.Helper()
	before, look := m.serial, m.look
	if !carried(m.mode, m.kind) {
		look = m.lookInSecret
	}
	m.eventually(within, func(ctx context.Context) (bool, string) {
		serial, but := look(ctx)
		if but == "" && serial == before {
			but = "the same certificate as before is served"
		}
		if but == "" {
			m.serial = serial
		}
		return but == "", m.kind + " " + m.name + ": " + but
	})
}

// look tells the serial number that is served for all hosts, or what is amiss.
func (m *managed) look(ctx context.Context) (serial, but string) {
	for _, host := range m.hosts {
		leaf, err := served(ctx, m.real.TLSAddr, host)
		switch {
		case err != nil:
			return "", host + ": " + err.Error()
		case leaf.VerifyHostname(host) != nil:
			return "", "the certificate served does not name " + host
		}
		serial = certs.Serial(leaf)
	}
	cert := &v1alpha1.ApisixCertificate{}
	if err := m.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: m.secret}, cert); err != nil {
		return "", err.Error()
	}
	for _, c := range cert.Status.Conditions {
		if c.Status != "True" {
			return "", c.Type + ": " + c.Reason + ": " + c.Message
		}
	}
	if cert.Status.Issued.SerialNumber != serial {
		return "", "status tells another certificate than the one served"
	}
	return serial, ""
}

// lookInSecret tells the serial number in the Secret of a source that does not come to the gateway, or what is amiss.
func (m *managed) lookInSecret(ctx context.Context) (serial, but string) {
	cert, secret := &v1alpha1.ApisixCertificate{}, &corev1.Secret{}
	key := client.ObjectKey{Namespace: namespace, Name: m.secret}
	if err := errors.Join(m.Client.Get(ctx, key, cert), m.Client.Get(ctx, key, secret)); err != nil {
		return "", err.Error()
	}
	chain, err := certs.ParseCertificates(secret.Data[corev1.TLSCertKey])
	if err != nil || len(chain) == 0 {
		return "", "the Secret holds no certificate"
	}
	for _, host := range m.hosts {
		if chain[0].VerifyHostname(host) != nil {
			return "", "the certificate in the Secret does not name " + host
		}
	}
	pushed, want := meta.FindStatusCondition(cert.Status.Conditions, v1alpha1.ConditionPushed), v1alpha1.ReasonNoGateway
	if carried(m.mode, "Gateway") {
		want = v1alpha1.ReasonNotReferenced
	}
	switch {
	case !meta.IsStatusConditionTrue(cert.Status.Conditions, v1alpha1.ConditionReady):
		return "", fmt.Sprintf("not Ready: %v", cert.Status.Conditions)
	case pushed.Reason != want:
		return "", "Pushed=" + string(pushed.Status) + ", " + pushed.Reason
	case m.leaked() != "":
		return "", "there is an ssl object for it"
	case cert.Status.Issued.SerialNumber != certs.Serial(chain[0]):
		return "", "status tells another certificate than the Secret"
	}
	return certs.Serial(chain[0]), ""
}

func served(ctx context.Context, addr, host string) (*x509.Certificate, error) {
	dialer := tls.Dialer{Config: &tls.Config{ServerName: host, InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

// wantGone waits until nothing is left of the source: no ssl object, no ApisixCertificate, no Secret.
func (m *managed) wantGone(within time.Duration) {
	m.t.Helper()
	m.eventually(within, func(ctx context.Context) (bool, string) {
		key := client.ObjectKey{Namespace: namespace, Name: m.secret}
		if left := m.leaked(); left != "" {
			return false, "ssl object " + left + " is left"
		}
		for what, object := range map[string]client.Object{"ApisixCertificate": &v1alpha1.ApisixCertificate{}, "Secret": &corev1.Secret{}} {
			if err := m.Client.Get(ctx, key, object); !apierrors.IsNotFound(err) {
				return false, what + " " + m.secret + " is left"
			}
		}
		return true, ""
	})
	m.serial = ""
}

// leaked is an ssl object that has a host of the source, empty where there is none.
func (m *managed) leaked() string {
	for _, ssl := range m.ssls() {
		if slices.ContainsFunc(ssl.Hosts(), func(host string) bool {
			return strings.HasPrefix(host, m.name+".") || strings.HasPrefix(host, m.name+"-too.")
		}) {
			return ssl.ID
		}
	}
	return ""
}
