// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"apisix-certs.io/apisix-certs/api/v1alpha1"
	"apisix-certs.io/apisix-certs/test/cluster"
)

// TestKill9 kills the controller in the middle of renewals and starts it again: at each call that a renewal makes, as it
// leaves and as its answer comes, and then at any time. A prober connects all the while.
func TestKill9(t *testing.T) {
	const random = 15
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("APISIX_CERTS_TEST_SEED"); text != "" {
		seed, _ = strconv.ParseUint(text, 10, 64)
	}
	t.Logf("APISIX_CERTS_TEST_SEED=%d", seed)
	s := newScene(t)
	s.certificate("held", []string{"held." + s.domain})
	s.ready("held", "held."+s.domain)
	probe := s.startProber("held-tls", "held."+s.domain)
	points := s.killPoints()
	numbers := rand.New(rand.NewPCG(seed, 0))
	for range random {
		points = append(points, s.killAfterDelay(time.Duration(numbers.Int64N(int64(40*time.Millisecond)))))
	}
	orphans := 0
	for _, point := range points {
		began := time.Now()
		at := s.killWhileRenewing(point)
		orphans += s.recover(at)
		t.Logf("killed %s: in order after %s", point.name, time.Since(began).Round(time.Millisecond))
	}
	tries, wrong := probe.stop()
	t.Logf("measure: kill9 rounds=%d wrong=%d orphans=%d probes=%d", len(points), len(wrong), orphans, tries)
	if len(wrong) > 0 {
		t.Errorf("%d of %d handshakes were wrong, the first: %s", len(wrong), tries, wrong[0])
	}
	if orphans > 0 {
		t.Errorf("%d orphans", orphans)
	}
}

// killPoint is a point of a renewal. arm is called before the renewal is asked for, and what it returns right after; that
// returns when the controller has been killed.
type killPoint struct {
	name string
	arm  func() (killed func())
}

// killWhileRenewing asks for a renewal, in which the controller is killed, and starts it again. It returns the time asked
// for.
func (s *scene) killWhileRenewing(point killPoint) time.Time {
	s.Helper()
	killed := point.arm()
	at := s.renew("held")
	killed()
	s.must(s.ExpireLease(s.Context()))
	s.must(s.startController(s.Context()))
	return at
}

// recover waits until the renewal is done and counts what is too many: Secrets and ssl objects of ours beside the one.
func (s *scene) recover(at time.Time) (orphans int) {
	s.Helper()
	s.until("renewal", func() string {
		if s.issuedAt("held").Before(at) {
			return "the Secret holds the old certificate"
		}
		return ""
	})
	s.ready("held", "held."+s.domain)
	var secrets corev1.SecretList
	s.must(s.Client.List(s.Context(), &secrets, client.InNamespace(s.ns), client.MatchingLabels{v1alpha1.LabelManaged: "true"}))
	list, err := s.gateway.ListSSLs(s.Context())
	s.must(err)
	ours := 0
	for _, ssl := range list {
		if ssl.Labels["managed-by"] == "apisix-certs" && ssl.Labels["apisix-certs.io/namespace"] == s.ns {
			ours++
		}
	}
	return len(secrets.Items) - 1 + ours - 1
}

func (s *scene) killPoints() []killPoint {
	var points []killPoint
	for _, call := range []struct {
		name  string
		tap   *cluster.Tap
		match func(cluster.Call) bool
	}{
		{"the signature", s.vault, sign},
		{"the write of the Secret", s.kube, secretWrite},
		{"the write of the ssl object", s.admin, cluster.Call.Writes},
		{"the patch of the status", s.kube, statusWrite},
	} {
		points = append(points,
			killPoint{"before " + call.name, func() func() { return s.killBefore(call.tap, call.match) }},
			killPoint{"after " + call.name, func() func() { return s.killAfter(call.tap, call.match) }})
	}
	return points
}

func (s *scene) killAfterDelay(delay time.Duration) killPoint {
	return killPoint{"after " + delay.Round(time.Microsecond).String(), func() func() {
		return func() {
			time.Sleep(delay)
			s.controller.Kill()
		}
	}}
}

// killBefore kills the controller while a request is on its way: the server never sees it.
func (s *scene) killBefore(tap *cluster.Tap, match func(cluster.Call) bool) func() {
	kill, killed := s.killOnce()
	tap.Before(func(r *http.Request) http.Handler {
		if !match(cluster.Call{Method: r.Method, Path: r.URL.Path}) {
			return nil
		}
		kill()
		return http.NotFoundHandler()
	})
	return func() {
		killed()
		tap.Before(nil)
	}
}

// killAfter kills the controller when the server has done what was asked: its answer never comes.
func (s *scene) killAfter(tap *cluster.Tap, match func(cluster.Call) bool) func() {
	kill, killed := s.killOnce()
	tap.After(func(c cluster.Call) {
		if match(c) {
			kill()
		}
	})
	return func() {
		killed()
		tap.After(nil)
	}
}

// killOnce kills the controller at the first call of kill. killed waits for that.
func (s *scene) killOnce() (kill, killed func()) {
	done := make(chan struct{})
	var once sync.Once
	kill = func() {
		once.Do(func() {
			s.controller.Kill()
			close(done)
		})
	}
	return kill, func() {
		s.Helper()
		select {
		case <-done:
		case <-time.After(patience):
			s.Fatal("the renewal never came to this point")
		}
	}
}

// prober connects to the gateway all the time.
type prober struct {
	ending, ended chan struct{}
	tries         int
	wrong         []string
}

// startProber connects for host until stop. Each certificate shown must verify under the CA in the Secret.
func (s *scene) startProber(secretName, host string) *prober {
	s.Helper()
	verify := s.verifier(secretName)
	p := &prober{ending: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		for {
			select {
			case <-p.ending:
				return
			case <-time.After(2 * time.Millisecond):
			}
			p.tries++
			if leaf, err := s.served(host); err != nil {
				p.wrong = append(p.wrong, fmt.Sprintf("handshake: %v", err))
			} else if err := verify(leaf, host); err != nil {
				p.wrong = append(p.wrong, err.Error())
			}
		}
	}()
	return p
}

func (p *prober) stop() (tries int, wrong []string) {
	close(p.ending)
	<-p.ended
	return p.tries, p.wrong
}
