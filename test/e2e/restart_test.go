// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestRestart starts the controller again with certificates that are all right.
func TestRestart(t *testing.T) {
	s := newScene(t)
	const n = 50
	for i := range n {
		s.certificate(fmt.Sprintf("c%02d", i), []string{fmt.Sprintf("c%02d.%s", i, s.domain)})
	}
	s.allReady(n)
	s.must(s.stopController(t.Context()))
	s.resetTaps()
	s.must(s.startController(t.Context()))
	s.settle()
	writes := s.writes()
	kubeWrites := writes.secret + writes.status + writes.other
	t.Logf("measure: restart_writes n=%d kube_writes=%d signs=%d admin_writes=%d admin_requests=%d",
		n, kubeWrites, writes.sign, writes.admin, s.admin.Count(nil))
	if writes != (written{}) {
		t.Errorf("writes %+v, want none:\n%v", writes, s.kube.Calls(kubeWrite))
	}
	s.checkWorked()
}

// allReady waits until n certificates are Ready.
func (s *scene) allReady(n int) {
	s.Helper()
	s.until(fmt.Sprintf("%d certificates", n), func() string {
		var list v1alpha1.ApisixCertificateList
		s.must(s.Client.List(s.Context(), &list, client.InNamespace(s.ns)))
		ready := 0
		for i := range list.Items {
			for _, c := range list.Items[i].Status.Conditions {
				if c.Type == v1alpha1.ConditionReady && c.Status == "True" {
					ready++
				}
			}
		}
		if ready < n {
			return fmt.Sprintf("%d are Ready", ready)
		}
		return ""
	})
}

// settle waits until the controller leads, and then until nobody was asked anything for a second.
func (s *scene) settle() {
	s.Helper()
	s.until("a leader", func() string {
		if s.kube.Count(func(c cluster.Call) bool { return c.Writes() && strings.Contains(c.Path, "/leases") && c.Status < 300 }) == 0 {
			return "no lease is written"
		}
		return ""
	})
	asked := func() int { return s.kube.Count(kubeWrite) + s.vault.Count(nil) + s.admin.Count(nil) }
	last, since := -1, time.Now()
	s.until("quiet", func() string {
		if now := asked(); now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) < time.Second {
			return "the controller is at work"
		}
		return ""
	})
}

// checkWorked checks, by an order of its own, that a controller works: one that does nothing writes nothing either.
func (s *scene) checkWorked() {
	s.Helper()
	s.certificate("after", []string{"after." + s.domain})
	s.ready("after", "after."+s.domain)
}
