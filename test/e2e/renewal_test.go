// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/certs"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestRenewalWrites counts what one renewal costs, as the servers see it.
func TestRenewalWrites(t *testing.T) {
	s := newScene(t)
	s.apply(strings.Replace(tlsYAML, "{apisix-certs.io/issuer: vault}",
		"{apisix-certs.io/issuer: vault, apisix-certs.io/duration: 1m, apisix-certs.io/renew-before: 50s}", 1))
	old := s.ready("web-tls", "web."+s.domain)
	time.Sleep(time.Second) // whatever the first issuance still caused
	s.resetTaps()
	s.readyBut("web-tls", certs.Serial(old), "web."+s.domain, "any.wild."+s.domain)
	time.Sleep(2 * time.Second) // a run of its own that would write again would have come by now
	n := s.writes()
	t.Logf("measure: renewal_writes secret=%d status=%d sign=%d admin=%d", n.secret, n.status, n.sign, n.admin)
	if want := (written{secret: 1, status: 1, sign: 1, admin: 1}); n != want {
		t.Errorf("writes %+v, want %+v:\n%v\n%v", n, want, s.kube.Calls(kubeWrite), s.admin.Calls(cluster.Call.Writes))
	}
}

// written counts writes. events and leases are not in other.
type written struct{ secret, status, other, sign, admin int }

func (w *world) resetTaps() {
	for _, tap := range []*cluster.Tap{w.kube, w.vault, w.admin} {
		tap.Reset()
	}
}

func (w *world) writes() written {
	n := written{
		secret: w.kube.Count(secretWrite), status: w.kube.Count(statusWrite),
		sign: w.vault.Count(sign), admin: w.admin.Count(cluster.Call.Writes),
	}
	n.other = w.kube.Count(kubeWrite) - n.secret - n.status
	return n
}

// kubeWrite is every write of the controller to Kubernetes but its lease and events.
func kubeWrite(c cluster.Call) bool {
	return c.Writes() && !strings.Contains(c.Path, "/leases") && !strings.Contains(c.Path, "/events")
}

func secretWrite(c cluster.Call) bool { return kubeWrite(c) && strings.Contains(c.Path, "/secrets") }

func statusWrite(c cluster.Call) bool {
	return kubeWrite(c) && strings.Contains(c.Path, "/apisixcertificates/") && strings.HasSuffix(c.Path, "/status")
}

func sign(c cluster.Call) bool { return strings.Contains(c.Path, "/sign/") }
