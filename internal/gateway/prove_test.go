// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"apisix-certs.io/apisix-certs/apisix"
)

// What is in the way is named, with the id of the object.
func TestExplain(t *testing.T) {
	skipReal(t)
	rows := map[string]struct {
		host  string
		spoil func(s *ownScene, target Target)
		says  string
	}{
		"same SNI first": {"a.example.com", func(s *ownScene, target Target) {
			ours := s.standIn.SSLs()[0]
			if err := s.Admin.DeleteSSL(context.Background(), ours.ID); err != nil {
				s.t.Fatal(err)
			}
			s.foreign("theirs", "a.example.com")
			s.putRaw(apisix.SSL{ID: ours.ID, SNIs: ours.SNIs, Cert: string(target.Cert), Key: string(target.Key), Labels: ours.Labels})
		}, "ssl object theirs, which does not belong to this certificate, has the same SNI"},
		"exact before wildcard": {"*.example.com", func(s *ownScene, _ Target) {
			s.foreign("exact", "apisix-certs-proof.example.com")
		}, "ssl object exact, which does not belong to this certificate, has the SNI apisix-certs-proof.example.com"},
		"disabled": {"a.example.com", func(s *ownScene, target Target) {
			ours := s.standIn.SSLs()[0]
			s.putRaw(apisix.SSL{ID: ours.ID, SNIs: ours.SNIs, Cert: string(target.Cert), Key: string(target.Key), Labels: ours.Labels, Status: ptr.To(0)})
		}, "is disabled"},
		"key mismatch": {"a.example.com", func(s *ownScene, target Target) {
			ours := s.standIn.SSLs()[0]
			s.putRaw(apisix.SSL{ID: ours.ID, SNIs: ours.SNIs, Cert: string(target.Cert), Key: string(s.target("x", "a.example.com").Key), Labels: ours.Labels})
		}, "does not match its certificate"},
		"gone": {"a.example.com", func(s *ownScene, _ Target) { s.standIn.Wipe() }, "no longer has an ssl object of this certificate"},
		"old one": {"a.example.com", func(s *ownScene, _ Target) {
			old := s.target("u1", "a.example.com")
			ours := s.standIn.SSLs()[0]
			s.putRaw(apisix.SSL{ID: ours.ID, SNIs: ours.SNIs, Cert: string(old.Cert), Key: string(old.Key), Labels: ours.Labels})
		}, "has another certificate"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			s := newOwnScene(t)
			target := s.target("u1", row.host)
			state := s.mustPush(target)
			row.spoil(s, target)
			s.refresh()
			proof := s.Prove(context.Background(), target.Hosts, target.Fingerprint)
			if !proof.Fixable() {
				t.Fatalf("%+v", proof)
			}
			proof = s.Explain(context.Background(), state, target, proof)
			if !strings.Contains(proof.Problem, row.says) {
				t.Errorf("got %q, want %q in it", proof.Problem, row.says)
			}
			if again := s.Explain(context.Background(), state, target, s.Prove(context.Background(), target.Hosts, target.Fingerprint)); again.Problem != proof.Problem {
				t.Errorf("not stable: %q, %q", proof.Problem, again.Problem)
			}
		})
	}
}

func TestProveListeners(t *testing.T) {
	skipReal(t)
	rows := map[string]struct {
		serve func(net.Conn)
		cause Cause
	}{
		"HTTP":   {func(c net.Conn) { _, _ = fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n") }, NotTLS},
		"closes": {func(net.Conn) {}, Failed},
		"hangs":  {func(net.Conn) { time.Sleep(3 * time.Second) }, TimedOut},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					go func() { defer conn.Close(); row.serve(conn) }()
				}
			}()
			s := newOwnScene(t)
			s.TLSAddrs = []string{listener.Addr().String()}
			proof := s.Prove(context.Background(), []string{"a.example.com"}, "x")
			if !proof.Attempted || proof.Served || proof.Cause != row.cause || proof.Fixable() {
				t.Errorf("%+v", proof)
			}
		})
	}
	s := newOwnScene(t)
	s.standIn.Stop()
	if proof := s.Prove(context.Background(), []string{"a.example.com"}, "x"); proof.Cause != Unreachable {
		t.Errorf("stopped: %+v", proof)
	}
}

// A gateway that lags is given its time, and no longer.
func TestProveLag(t *testing.T) {
	skipReal(t)
	s := newOwnScene(t)
	s.mustPush(s.target("u1", "a.example.com"))
	s.standIn.SetServeDelay(100 * time.Millisecond)
	if _, _, proof := s.push(s.target("u1", "a.example.com")); !proof.Served {
		t.Errorf("a lag of 100 ms: %+v", proof)
	}
	s.standIn.SetServeDelay(time.Minute)
	began := time.Now()
	if _, _, proof := s.push(s.target("u1", "a.example.com")); proof.Cause != OtherCertificate || proof.Host != "a.example.com" {
		t.Errorf("a lag of a minute: %+v", proof)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the proof took %s", took)
	}
}
