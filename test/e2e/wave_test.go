// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestRestartInWave kills the controller twice in a wave of renewals that its issuer's limits hold back: what was renewed is
// not renewed again, and what is left goes on by urgency.
func TestRestartInWave(t *testing.T) {
	const n, perSecond = 24, 4
	s := newScene(t)
	s.issuer("slow", "pki/sign/moelove-dot-info", func(spec *v1alpha1.VaultIssuerSpec) {
		spec.Limits = &v1alpha1.VaultLimits{MaxInFlight: 1, PerSecond: perSecond}
	})
	var byUrgency []string
	names := make([]string, n)
	for i := range n {
		names[i] = fmt.Sprintf("c%02d", i)
		life := 10 + i*7%n // hours, each once
		s.certificate(names[i], []string{names[i] + "." + s.domain}, lives(time.Duration(life)*time.Hour))
		byUrgency = append(byUrgency, fmt.Sprintf("%02d %s-tls", life, names[i]))
	}
	s.allReady(n)
	slices.Sort(byUrgency)
	s.settle()
	s.resetTaps()
	for _, name := range names {
		s.change(name, func(c *v1alpha1.ApisixCertificate) { c.Spec.IssuerRef.Name = "slow" })
	}
	asked := len(s.renewed()) // what was renewed by then could not go by urgency
	for _, kill := range []int{n / 4, n / 2} {
		s.until("the wave", func() string {
			if done := len(s.renewed()); done < kill {
				return fmt.Sprintf("%d are renewed", done)
			}
			return ""
		})
		s.controller.Kill()
		s.must(s.ExpireLease(t.Context()))
		s.must(s.startController(t.Context()))
	}
	s.until("the end of the wave", func() string {
		if done := len(s.renewed()); done < n {
			return fmt.Sprintf("%d are renewed", done)
		}
		return ""
	})
	s.allReady(n)
	s.settle()
	got, signs := s.renewed(), s.vault.Count(sign)
	t.Logf("measure: restart_in_wave n=%d kills=2 signs=%d renewed=%d misplaced=%d", n, signs, len(got), misplaced(byUrgency, got[asked:]))
	if len(got) != n || len(slices.Compact(slices.Sorted(slices.Values(got)))) != n {
		t.Errorf("not once each: %v", got)
	}
	if signs > n+2 { // each kill may lose one that is in flight
		t.Errorf("%d signatures", signs)
	}
	// Who comes first after a start is at the head of the line, and another in flight, before all are known.
	if late := misplaced(byUrgency, got[asked:]); late > 2*2 {
		t.Errorf("%d went much too late or soon:\n%v\n%v", late, byUrgency, got[asked:])
	}
}

// renewed are the Secrets of the scene in the order in which they were written.
func (s *scene) renewed() (names []string) {
	for _, c := range s.kube.Calls(func(c cluster.Call) bool {
		return secretWrite(c) && c.Status < 300 && strings.Contains(c.Path, "/namespaces/"+s.ns+"/")
	}) {
		names = append(names, path.Base(c.Path))
	}
	return names
}

// misplaced counts the names that are more than a quarter of their places from where urgency has them.
func misplaced(byUrgency, got []string) (n int) {
	at := 0
	for _, text := range byUrgency {
		_, name, _ := strings.Cut(text, " ")
		is := slices.Index(got, name)
		if is < 0 {
			continue // it was among the first
		}
		if far := is - at; max(far, -far) > len(got)/4 {
			n++
		}
		at++
	}
	return n
}
