// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/apisix"
	"apisix-certs.io/apisix-certs/apisix/apisixtest"
	"apisix-certs.io/apisix-certs/internal/gateway"
	"apisix-certs.io/apisix-certs/internal/metrics"
)

// compared are certificates that all have drifted, and notes which were compared.
type compared struct {
	mu    sync.Mutex
	names []string
}

func (c *compared) Drifted(_ context.Context, cert *v1alpha1.ApisixCertificate) (metrics.Drift, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = append(c.names, cert.Name)
	return metrics.Missing, true
}

func (c *compared) ForceVerify(types.NamespacedName) {}

func (c *compared) MissedDeadline(*v1alpha1.ApisixCertificate, time.Time) bool { return false }

func gatewayAt(t *testing.T, name, url, key string) *gateway.Gateway {
	t.Helper()
	admin, err := apisix.New(apisix.Options{Endpoints: []string{url}, AdminKey: apisix.StaticKey(key), Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return &gateway.Gateway{Name: name, Admin: admin, Mode: gateway.ModeOwn, Clock: clock.RealClock{}}
}

func certificateOf(name, class string) *v1alpha1.ApisixCertificate {
	end := metav1.NewTime(time.Now().Add(time.Hour))
	cert := &v1alpha1.ApisixCertificate{Spec: v1alpha1.ApisixCertificateSpec{IngressClassName: class}}
	cert.Namespace, cert.Name, cert.UID = "shop", name, types.UID(name)
	cert.Status.Issued = v1alpha1.IssuedCertificate{Fingerprint: "f", NotAfter: ptr.To(end)}
	return cert
}

// TestHangingGateway: while one gateway does not answer, certificates at others are compared, and handshakes go on.
func TestHangingGateway(t *testing.T) {
	standIn, err := apisixtest.NewServer(apisixtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer standIn.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, by its backlog, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gateways := map[string]*gateway.Gateway{
		"good": gatewayAt(t, "good", standIn.AdminURL(), standIn.AdminKey()), "hangs": gatewayAt(t, "hangs", "http://"+silent.Addr().String(), "k"),
	}
	found, seen := make(chan event.GenericEvent, 8), &compared{}
	w := &Watch{
		Certificates: seen, Found: found, Clock: clock.RealClock{},
		Known: func() []*v1alpha1.ApisixCertificate {
			return []*v1alpha1.ApisixCertificate{certificateOf("lost", "hangs"), certificateOf("web", "good")}
		},
		Gateways: func(class string) []*gateway.Gateway { return []*gateway.Gateway{gateways[class]} },
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	began := time.Now()
	w.step(ctx) // a pass is due
	if took := time.Since(began); took > time.Second {
		t.Errorf("a step waits %s for a gateway", took)
	}
	select {
	case e := <-found:
		if e.Object.GetName() != "web" {
			t.Errorf("%s is looked at", e.Object.GetName())
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the certificate at the gateway that answers is not compared")
	}
	if !w.passing.Load() {
		t.Error("the pass is over, though a gateway has not answered: the test shows nothing")
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if len(seen.names) != 1 {
		t.Errorf("compared are %v", seen.names)
	}
}
