// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// secondKey is the admin key of the second gateway.
const secondKey = "b7e1d0c46a5f4e0f9d3a2c1b8e7f6a5d"

// secondGateway is a stand-in beside the world's gateway, which its IngressClass leads to by a GatewayProxy.
type secondGateway struct {
	*scene
	*apisixtest.Server
	class string
}

// newSecondGateway starts the stand-in. It listens on an address that a pod could have; the address of this machine
// itself is none that an EndpointSlice may hold.
func newSecondGateway(t *testing.T) *secondGateway {
	t.Helper()
	addr := ownAddr(t)
	server, err := apisixtest.NewServer(apisixtest.Options{AdminAddr: addr + ":0", TLSAddr: addr + ":0", AdminKey: secondKey})
	if err != nil {
		t.Fatal(err)
	}
	// Both go after the scene, whose certificates need them to the end.
	t.Cleanup(server.Close)
	g := &secondGateway{Server: server}
	t.Cleanup(func() { g.deleteClass() })
	g.scene = newScene(t)
	g.class = "second-" + g.ns
	g.witness.Guard(secondKey)
	g.apply(cluster.GatewayProxyCRD)
	g.until("CRD of GatewayProxy", func() string {
		if _, err := g.scene.Client.RESTMapper().RESTMapping(schema.GroupKind{Group: "apisix.apache.org", Kind: "GatewayProxy"}, "v1alpha1"); err != nil {
			return err.Error()
		}
		return ""
	})
	return g
}

func (g *secondGateway) deleteClass() {
	if g.scene == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = g.scene.Client.Delete(ctx, &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: g.class}})
}

// ownAddr is an address of this machine that is not the loopback one.
func ownAddr(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range addrs {
		if ip, ok := addr.(*net.IPNet); ok && ip.IP.To4() != nil && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	t.Skip("this machine has no address but the loopback one")
	return ""
}

// port is that of host:port.
func port(addr string) string { return addr[strings.LastIndex(addr, ":")+1:] }

// applyClass makes the IngressClass and the GatewayProxy, whose Admin API is a Service and whose TLS port is that of its
// publishService.
func (g *secondGateway) applyClass() {
	g.Helper()
	g.apply(fmt.Sprintf(`
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: second-$ns}
spec:
  controller: example.com/nobody
  parameters: {apiGroup: apisix.apache.org, kind: GatewayProxy, scope: Namespace, namespace: $ns, name: second}
---
apiVersion: apisix.apache.org/v1alpha1
kind: GatewayProxy
metadata: {namespace: $ns, name: second}
spec:
  publishService: $ns/gateway
  provider:
    type: ControlPlane
    controlPlane:
      service: {name: admin, port: 9180}
      auth: {type: AdminKey, adminKey: {valueFrom: {secretKeyRef: {name: admin-key, key: key}}}}
---
apiVersion: v1
kind: Service
metadata: {namespace: $ns, name: admin}
spec: {clusterIP: None, ports: [{name: admin, port: 9180, targetPort: %s}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: $ns, name: gateway}
spec: {clusterIP: None, ports: [{name: tls, port: 443, targetPort: %s}]}
`, port(g.AdminURL()), port(g.TLSAddr())))
}

// setPod makes the EndpointSlice of a Service: one pod at addr, ready or not.
func (g *secondGateway) setPod(service, portName, addr string, ready bool) {
	g.Helper()
	host, number, err := net.SplitHostPort(addr)
	g.must(err)
	g.apply(fmt.Sprintf(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: $ns, name: %[1]s-1, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: %[2]s, port: %[3]s}]
endpoints: [{addresses: ["%[4]s"], conditions: {ready: %[5]t}}]
`, service, portName, number, host, ready))
}

// shown is the serial of the leaf that a gateway shows for a host; empty where it shows none.
func shown(addr, host string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	// Nothing is verified here: only the serial is compared.
	dialer := tls.Dialer{Config: &tls.Config{ServerName: host, InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return ""
	}
	defer conn.Close()
	return certs.Serial(conn.(*tls.Conn).ConnectionState().PeerCertificates[0])
}

func ofClass(class string) func(*v1alpha1.ApisixCertificate) {
	return func(cert *v1alpha1.ApisixCertificate) { cert.Spec.IngressClassName = class }
}

// Two ingress classes lead to two gateways. What is wrong with one is told, holds up only its own certificates, and is
// seen as soon as it is mended.
func TestTwoGateways(t *testing.T) {
	g := newSecondGateway(t)
	here, there := "here."+g.domain, "there."+g.domain
	g.applyClass()
	g.certificate("there", []string{there}, ofClass(g.class))
	g.certificate("here", []string{here})
	g.ready("here", here)
	object := "GatewayProxy " + g.ns + "/second"
	refused := func(texts ...string) {
		g.Helper()
		g.condition("there", v1alpha1.ConditionPushed, metav1.ConditionFalse, v1alpha1.ReasonGatewayRefused, texts...)
	}
	refused(object, "controlPlane.service", "no ready pod")
	g.setPod("admin", "admin", strings.TrimPrefix(g.AdminURL(), "http://"), true)
	refused(object, "secretKeyRef", "admin-key")
	g.secret("admin-key", corev1.SecretTypeOpaque, map[string]string{"key": "not-the-key-of-this-gateway"})
	refused("401")
	g.apply(`{apiVersion: v1, kind: Secret, metadata: {namespace: $ns, name: admin-key}, stringData: {key: ` + secondKey + `}}`)
	g.condition("there", v1alpha1.ConditionPushed, metav1.ConditionTrue, v1alpha1.ReasonPushed)
	g.condition("there", v1alpha1.ConditionServed, metav1.ConditionFalse, v1alpha1.ReasonNotServed, "publishService", "no ready pod")
	g.setPod("gateway", "tls", g.TLSAddr(), true)
	g.condition("there", v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	serial := g.cert("there").Status.Issued.SerialNumber
	if got := shown(g.TLSAddr(), there); got != serial || shown(g.TLSAddr(), here) != "" {
		t.Errorf("the second gateway shows %q for its host, want %s, and %q for the other's", got, serial, shown(g.TLSAddr(), here))
	}
	if len(g.ssls(there)) > 0 {
		t.Error("the first gateway has the second's host")
	}
	if status := g.cert("there").Status.Gateways; len(status) != 1 || status[0].Name != g.ns+"/second" || status[0].Mode != "own" || status[0].ServedSerial != serial {
		t.Errorf("status.gateways %+v", status)
	}
	g.movesTo(here)
}

// movesTo gives the first gateway's certificate the class of the second, which then alone has its host.
func (g *secondGateway) movesTo(here string) {
	g.Helper()
	g.change("here", ofClass(g.class))
	g.until("the host to be at the second gateway alone", func() string {
		cert := g.cert("here")
		switch serial := cert.Status.Issued.SerialNumber; {
		case shown(g.TLSAddr(), here) != serial:
			return "the second gateway does not show " + serial
		case len(g.ssls(here)) > 0:
			return "the first gateway still has an ssl object for it"
		case len(cert.Status.Gateways) != 1 || cert.Status.Gateways[0].Name != g.ns+"/second":
			return fmt.Sprintf("status.gateways %+v", cert.Status.Gateways)
		}
		return ""
	})
}
