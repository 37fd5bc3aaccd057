// SPDX-License-Identifier: Apache-2.0

package coexistence

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	configv2 "github.com/apache/apisix-ingress-controller/pkg/kube/apisix/apis/config/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// kinds of sources.
var kinds = []string{"ApisixTls", "ApisixRoute", "Ingress"}

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
	case "ApisixRoute":
		return m.route()
	}
	return m.ingress()
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

// wantServed waits until a certificate other than the last one is served for all hosts and said to be Ready.
func (m *managed) wantServed(within time.Duration) {
	m.t.Helper()
	before := m.serial
	m.eventually(within, func(ctx context.Context) (bool, string) {
		serial, but := m.look(ctx)
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
		leaf, err := served(ctx, m.apisx.TLSAddr(), host)
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
